//! Redactors: text in, edits out.

use crate::bindings::redactor::exports::patchpanel::plugin::redactor as wit;
use crate::{ConfigError, Edits};
use serde::de::DeserializeOwned;

/// A plugin that replaces text and can do nothing else.
///
/// Implement [`redact`](Redactor::redact) or [`edits`](Redactor::edits): each has a default in terms of the other.
/// (With neither, every call overflows the stack, and the router keeps the events in.)
///
/// ```
/// use patchpanel_plugin::{ConfigError, Edits, Redactor, export_redactor, testing};
///
/// #[derive(serde::Deserialize)]
/// struct Config {
///     word: String,
/// }
///
/// struct Censor {
///     word: String,
/// }
///
/// impl Redactor for Censor {
///     type Config = Config;
///
///     fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
///         if config.word.is_empty() {
///             return Err(ConfigError::new("word", "must not be empty").into());
///         }
///         Ok(Censor { word: config.word })
///     }
///
///     fn edits(&mut self, _path: &str, text: &str, out: &mut Edits) {
///         for (at, found) in text.match_indices(&self.word) {
///             out.replace(at..at + found.len(), "word", "***");
///         }
///     }
/// }
///
/// export_redactor! { Censor, name: "censor", description: "Hides one word." }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut censor = testing::configure_redactor::<Censor>(r#"{"word": "lunch"}"#).map_err(|e| format!("{e:?}"))?;
/// assert_eq!(testing::redact(&mut censor, "message", "no lunch today")?, "no *** today");
/// # Ok(())
/// # }
/// ```
pub trait Redactor: Sized + 'static {
    /// What the operator writes under `config`; [`NoConfig`](crate::NoConfig) or `()` where there is nothing to say.
    type Config: DeserializeOwned;

    /// Makes an instance. Called once, before anything else.
    ///
    /// # Errors
    /// Every mistake in the configuration, at once.
    fn configure(config: Self::Config) -> Result<Self, Vec<ConfigError>>;

    /// The text that shall stand in place of `text`, or none where it may stay.
    ///
    /// `path` tells where in its event the text was found, such as `message` or `payload.user.email`.
    fn redact(&mut self, path: &str, text: &str) -> Option<String> {
        let mut out = Edits::default();
        self.edits(path, text, &mut out);
        (out.count() > 0).then(|| splice(text, &out.finish(), 0))
    }

    /// The cheap form: pushes what is to be replaced instead of building a new text.
    fn edits(&mut self, path: &str, text: &str, out: &mut Edits) {
        if let Some(replacement) = self.redact(path, text) {
            out.replace(0..text.len(), "redacted", &replacement);
        }
    }
}

/// Answers one call of the router.
///
/// # Errors
/// A text for the log where the batch or an edit is not well formed.
pub(crate) fn redact_batch<T: Redactor>(plugin: &mut T, batch: &wit::Texts) -> Result<wit::Edits, String> {
    // Once for the whole batch, and no text is copied: a batch without hits costs little more than reading it.
    let all = simdutf8::basic::from_utf8(&batch.bytes).map_err(|_| "the batch is not UTF-8")?;
    let mut out = Edits::default();
    let mut start = 0;
    for (index, text) in (0u32..).zip(&batch.texts) {
        let end = text.end as usize;
        let path = batch.paths.get(text.path as usize).ok_or("a text has no path")?;
        let piece = all.get(start..end).ok_or("a text is out of bounds")?;
        out.begin(index);
        plugin.edits(path, piece, &mut out);
        out.accept(piece)?;
        start = end;
    }
    Ok(out.finish())
}

/// What `text` becomes when those of `edits` that name it as number `index` are applied. Ranges that do not fit are
/// passed over: they were refused before.
pub(crate) fn splice(text: &str, edits: &wit::Edits, index: u32) -> String {
    let mut result = String::with_capacity(text.len());
    let (mut copied, mut bytes_from) = (0, 0);
    for edit in &edits.edits {
        let bytes_end = edit.bytes_end as usize;
        let replacement = edits.bytes.get(bytes_from..bytes_end).unwrap_or_default();
        bytes_from = bytes_end;
        if edit.text != index {
            continue;
        }
        let Some(kept) = text.get(copied..edit.start as usize) else {
            continue;
        };
        result.push_str(kept);
        result.push_str(&String::from_utf8_lossy(replacement));
        copied = edit.end as usize;
    }
    result.push_str(text.get(copied..).unwrap_or_default());
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NoConfig;

    struct Whole;
    impl Redactor for Whole {
        type Config = NoConfig;
        fn configure(_: NoConfig) -> Result<Self, Vec<ConfigError>> {
            Ok(Self)
        }
        fn redact(&mut self, path: &str, text: &str) -> Option<String> {
            (text == "secret").then(|| format!("<{path}>"))
        }
    }

    struct Spans;
    impl Redactor for Spans {
        type Config = ();
        fn configure((): ()) -> Result<Self, Vec<ConfigError>> {
            Ok(Self)
        }
        fn edits(&mut self, _: &str, text: &str, out: &mut Edits) {
            for (at, _) in text.match_indices('x') {
                out.replace(at..at + 1, "x", "--");
            }
        }
    }

    fn batch(paths: &[&str], texts: &[(u32, &str)]) -> wit::Texts {
        let mut end = 0;
        wit::Texts {
            paths: paths.iter().map(|&path| path.to_owned()).collect(),
            texts: texts
                .iter()
                .map(|&(path, text)| {
                    end += u32::try_from(text.len()).unwrap_or_default();
                    wit::Text { path, end }
                })
                .collect(),
            bytes: texts.iter().flat_map(|(_, text)| text.bytes()).collect(),
        }
    }

    #[test]
    fn a_batch_is_cut_into_its_texts() -> Result<(), String> {
        let batch = batch(&["a", "b"], &[(1, "ü"), (0, "secret"), (0, ""), (1, "secret")]);
        let edits = redact_batch(&mut Whole, &batch)?;
        let rows: Vec<_> = edits
            .edits
            .iter()
            .map(|edit| (edit.text, edit.start, edit.end))
            .collect();
        assert_eq!(rows, [(1, 0, 6), (3, 0, 6)]);
        assert_eq!(edits.bytes, b"<a><b>");
        assert_eq!(edits.labels, ["redacted"]);
        Ok(())
    }

    #[test]
    fn each_form_gives_the_other() {
        assert_eq!(Spans.redact("", "axbx"), Some("a--b--".to_owned()));
        assert_eq!(Spans.redact("", "ab"), None);
    }

    #[test]
    fn malformed_batches_are_refused() {
        let mut wrong = batch(&["a"], &[(0, "ab")]);
        wrong.bytes = vec![0xff, b'a'];
        assert!(redact_batch(&mut Spans, &wrong).is_err());
        assert!(redact_batch(&mut Spans, &batch(&["a"], &[(1, "ab")])).is_err());
        let mut long = batch(&["a"], &[(0, "ab")]);
        long.bytes.pop();
        assert!(redact_batch(&mut Spans, &long).is_err());
    }
}
