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

    /// Adds the checked answer to the texts that stand behind the first `texts` of a batch.
    pub fn append(&mut self, answer: &Edits, texts: usize) {
        let shift = |value: u32, by: usize| u32::try_from(value as usize + by).unwrap_or(u32::MAX);
        let written = self.bytes.len();
        let end = answer.edits.last().map_or(0, |edit| edit.bytes_end as usize);
        self.bytes
            .extend_from_slice(answer.bytes.get(..end).unwrap_or_default());
        for edit in &answer.edits {
            let label = answer.labels.get(edit.label as usize).map_or("", String::as_str);
            let known = self.labels.iter().position(|known| known == label);
            let label = known.unwrap_or_else(|| {
                self.labels.push(label.to_owned());
                self.labels.len() - 1
            });
            self.edits.push(Edit {
                text: shift(edit.text, texts),
                label: shift(0, label),
                bytes_end: shift(edit.bytes_end, written),
                ..*edit
            });
        }
    }
}
