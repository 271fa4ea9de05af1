//! What a redactor answers, and the check that it may be applied.

use crate::TextBatch;

/// In text `text`, the bytes from `start` to `end` become the replacement that ends at `bytes_end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Edit {
    /// Index of the text in its batch.
    pub text: u32,
    /// First byte that is replaced, counted in the text.
    pub start: u32,
    /// First byte behind those that are replaced.
    pub end: u32,
    /// Index into [`Edits::labels`].
    pub label: u32,
    /// End of the replacement in [`Edits::bytes`]; it begins where the one before ends.
    pub bytes_end: u32,
}

/// A redactor's answer to a [`TextBatch`]: untrusted until it is applied.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edits {
    /// Why texts are replaced, such as `email`.
    pub labels: Vec<String>,
    /// Ascending and not overlapping.
    pub edits: Vec<Edit>,
    /// All replacements, one behind the other.
    pub bytes: Vec<u8>,
}

/// Why an answer cannot be applied; nothing of it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The replacements are not UTF-8.
    #[error("the replacements are not valid UTF-8")]
    NotUtf8,
    /// An index or offset points outside of what it refers to.
    #[error("edit {0} refers to a text, label or byte that is not there")]
    OutOfRange(usize),
    /// Not ascending, or overlapping with the one before.
    #[error("edit {0} is out of order or overlaps the one before it")]
    OutOfOrder(usize),
    /// Begins or ends within a character.
    #[error("edit {0} begins or ends within a character")]
    SplitsCharacter(usize),
}

impl Edits {
    /// Checks every edit against the batch it answers, and returns the replacements as text.
    ///
    /// # Errors
    /// The first edit that breaks a rule of the contract.
    pub(crate) fn check(&self, batch: &TextBatch) -> Result<&str, EditError> {
        let bytes = std::str::from_utf8(&self.bytes).map_err(|_| EditError::NotUtf8)?;
        let (mut text, mut free, mut written) = (0, 0, 0);
        for (index, edit) in self.edits.iter().enumerate() {
            if edit.text < text
                || (edit.text == text && edit.start < free)
                || edit.end < edit.start
                || edit.bytes_end < written
            {
                return Err(EditError::OutOfOrder(index));
            }
            let content = batch.content(edit.text as usize).ok_or(EditError::OutOfRange(index))?;
            let (start, end) = (edit.start as usize, edit.end as usize);
            if end > content.len() || edit.bytes_end as usize > bytes.len() || edit.label as usize >= self.labels.len()
            {
                return Err(EditError::OutOfRange(index));
            }
            if !content.is_char_boundary(start)
                || !content.is_char_boundary(end)
                || !bytes.is_char_boundary(edit.bytes_end as usize)
            {
                return Err(EditError::SplitsCharacter(index));
            }
            (text, free, written) = (edit.text, edit.end, edit.bytes_end);
        }
        Ok(bytes)
    }
}
