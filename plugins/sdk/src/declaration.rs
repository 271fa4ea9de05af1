//! The custom section `patchpanel-plugin`: what a plugin says about itself, readable without running it.
//!
//! All of it happens in constant evaluation, because a custom section has to be a byte array before linking.

#![allow(
    clippy::indexing_slicing,
    reason = "constant evaluation has no iterators, and there an index out of bounds is a compile error"
)]

/// The version of the contract in `wit/` that this SDK speaks.
const API: &str = "0.1.0";

/// What the export macros accept besides the type. Empty means absent.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// `[a-z0-9-]`, at most 64 characters.
    pub name: &'static str,
    /// Semantic version.
    pub version: &'static str,
    /// `redactor`, `transform` or `channel`.
    pub kind: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// A JSON Schema, as JSON text.
    pub config_schema: &'static str,
    /// What the plugin asks for, as JSON text.
    pub capabilities: &'static str,
    /// Texts with expected results, as JSON text.
    pub examples: &'static str,
}

impl Declaration {
    /// A declaration with what Cargo knows.
    #[must_use]
    pub const fn new(kind: &'static str, name: &'static str, version: &'static str) -> Self {
        Self {
            name,
            version,
            kind,
            description: "",
            config_schema: "",
            capabilities: "",
            examples: "",
        }
    }

    /// How many bytes [`Declaration::to_bytes`] needs.
    #[must_use]
    pub const fn size(&self) -> usize {
        self.write(&mut [])
    }

    /// The JSON object. `N` is [`Declaration::size`]. Does not compile with a name that the router would refuse.
    #[must_use]
    pub const fn to_bytes<const N: usize>(&self) -> [u8; N] {
        assert!(
            is_name(self.name),
            "a plugin's name is 1 to 64 characters of a-z, 0-9 and `-`: set `name:` in the export macro"
        );
        let mut bytes = [0; N];
        self.write(&mut bytes);
        bytes
    }

    const fn write(&self, out: &mut [u8]) -> usize {
        let mut at = raw(out, 0, "{\"api\":");
        at = quoted(out, at, API);
        at = raw(out, at, ",\"name\":");
        at = quoted(out, at, self.name);
        at = raw(out, at, ",\"version\":");
        at = quoted(out, at, self.version);
        at = raw(out, at, ",\"kind\":");
        at = quoted(out, at, self.kind);
        if !self.description.is_empty() {
            at = raw(out, at, ",\"description\":");
            at = quoted(out, at, self.description);
        }
        at = member(out, at, ",\"config_schema\":", self.config_schema);
        at = member(out, at, ",\"capabilities\":", self.capabilities);
        at = member(out, at, ",\"examples\":", self.examples);
        raw(out, at, "}")
    }
}

const fn is_name(name: &str) -> bool {
    let bytes = name.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        if !matches!(bytes[index], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        index += 1;
    }
    !bytes.is_empty() && bytes.len() <= 64
}

/// Writes what fits and counts the rest, so that one pass over an empty slice measures.
const fn byte(out: &mut [u8], at: usize, byte: u8) -> usize {
    if at < out.len() {
        out[at] = byte;
    }
    at + 1
}

const fn raw(out: &mut [u8], mut at: usize, text: &str) -> usize {
    let bytes = text.as_bytes();
    let mut index = 0;
    while index < bytes.len() {
        at = byte(out, at, bytes[index]);
        index += 1;
    }
    at
}

const fn member(out: &mut [u8], at: usize, key: &str, json: &str) -> usize {
    if json.is_empty() {
        return at;
    }
    let at = raw(out, at, key);
    raw(out, at, json)
}

const fn quoted(out: &mut [u8], at: usize, text: &str) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    let mut at = byte(out, at, b'"');
    let mut index = 0;
    while index < bytes.len() {
        let next = bytes[index];
        if next == b'"' || next == b'\\' {
            at = byte(out, at, b'\\');
            at = byte(out, at, next);
        } else if next < 0x20 {
            at = raw(out, at, "\\u00");
            at = byte(out, at, HEX[(next >> 4) as usize]);
            at = byte(out, at, HEX[(next & 15) as usize]);
        } else {
            at = byte(out, at, next);
        }
        index += 1;
    }
    byte(out, at, b'"')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const SAMPLE: Declaration = Declaration {
        description: "Says \"hi\"\nand \\.",
        capabilities: r#"{"kv": true}"#,
        ..Declaration::new("channel", "sample", "1.2.3")
    };
    const BYTES: [u8; SAMPLE.size()] = SAMPLE.to_bytes();

    #[test]
    fn it_is_the_json_that_was_meant() {
        let value: serde_json::Value = serde_json::from_slice(&BYTES).unwrap();
        assert_eq!(
            value,
            serde_json::json!({
                "api": "0.1.0", "name": "sample", "version": "1.2.3", "kind": "channel",
                "description": "Says \"hi\"\nand \\.", "capabilities": {"kv": true},
            })
        );
    }

    #[test]
    fn names_are_narrow() {
        assert!(is_name("a-1"));
        assert!(!is_name(""));
        assert!(!is_name("A"));
        assert!(!is_name("a_b"));
        assert!(!is_name(&"a".repeat(65)));
    }
}
