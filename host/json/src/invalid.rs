//! What is wrong with a text.

use serde::de::IgnoredAny;

use crate::check::MAX_DEPTH;

/// Why a text is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Invalid {
    /// The bytes are not UTF-8.
    #[error("not UTF-8 at byte {offset}")]
    Utf8 {
        /// Of the first byte that is wrong.
        offset: usize,
    },
    /// The text is not JSON.
    #[error("not JSON: {reason} at byte {offset}")]
    Syntax {
        /// Of the place where that shows.
        offset: usize,
        /// What was expected or found.
        reason: String,
    },
    /// Objects and lists in more than [`MAX_DEPTH`] levels.
    #[error("nested deeper than {MAX_DEPTH} levels at byte {offset}")]
    TooDeep {
        /// Of the first bracket that is too deep.
        offset: usize,
    },
}

impl Invalid {
    /// How far the text is right.
    pub fn offset(&self) -> usize {
        match self {
            Invalid::Utf8 { offset } | Invalid::Syntax { offset, .. } | Invalid::TooDeep { offset } => *offset,
        }
    }

    /// Bitmaps only tell that something is wrong; reading once more, slowly, tells what and where.
    #[cold]
    pub(crate) fn find(text: &[u8]) -> Invalid {
        Invalid::of_syntax(text).unwrap_or_else(|| Invalid::Syntax {
            offset: text.len(),
            reason: "no value".to_owned(),
        })
    }

    /// What serde_json has against the text.
    pub(crate) fn of_syntax(text: &[u8]) -> Option<Invalid> {
        if let Err(error) = std::str::from_utf8(text) {
            return Some(Invalid::Utf8 {
                offset: error.valid_up_to(),
            });
        }
        let error = serde_json::from_slice::<IgnoredAny>(text).err()?;
        let said = error.to_string();
        let reason = said.split(" at line ").next().unwrap_or_default().to_owned();
        let before = text.split_inclusive(|byte| *byte == b'\n');
        let line: usize = before.take(error.line().saturating_sub(1)).map(<[u8]>::len).sum();
        // The column counts the byte that is wrong, but not if that is a control character.
        let column = error
            .column()
            .saturating_sub(usize::from(!reason.starts_with("control character")));
        let offset = if error.is_eof() {
            text.len()
        } else {
            line.saturating_add(column)
        };
        Some(Invalid::Syntax {
            offset: offset.min(text.len()),
            reason,
        })
    }
}
