//! A notification as an entry of systemd's journal, in its native protocol: a datagram of fields
//! (<https://systemd.io/JOURNAL_NATIVE_PROTOCOL>).

use crate::notification::Notification;
use crate::syslog::severity;

/// Where the journal listens.
pub(crate) const SOCKET: &str = "/run/systemd/journal/socket";

/// Longest value of a field: what is larger than a datagram would have to go in a file.
const VALUE_BYTES: usize = 4 << 10;
/// Most fields of the plugin's own.
const FIELDS: usize = 32;
/// Longest name of a field.
const NAME_BYTES: usize = 64;

/// The entry's bytes. Fields of the plugin's own begin with `PATCHPANEL_`, so that none stands for one of the journal's.
pub(crate) fn entry(notification: &Notification<'_>) -> Vec<u8> {
    let Notification {
        plugin,
        level,
        title,
        body,
        fields,
    } = *notification;
    let said: Vec<&str> = [title, body].into_iter().filter(|part| !part.is_empty()).collect();
    let mut entry = Vec::new();
    push(&mut entry, "MESSAGE", &said.join(": "));
    push(&mut entry, "PRIORITY", &severity(level).to_string());
    push(&mut entry, "SYSLOG_IDENTIFIER", "patchpanel");
    push(&mut entry, "PATCHPANEL_PLUGIN", plugin);
    for (name, value) in fields.iter().take(FIELDS) {
        let good = |c: char| {
            if c.is_ascii_alphanumeric() {
                c.to_ascii_uppercase()
            } else {
                '_'
            }
        };
        let name: String = name.chars().map(good).collect();
        let name = format!("PATCHPANEL_{name}");
        push(&mut entry, name.get(..NAME_BYTES).unwrap_or(&name), value);
    }
    entry
}

/// With the value's length in front of it, so that nothing in the value ends the field.
fn push(entry: &mut Vec<u8>, name: &str, value: &str) {
    let value = value.get(..value.floor_char_boundary(VALUE_BYTES)).unwrap_or_default();
    entry.extend(name.as_bytes());
    entry.push(b'\n');
    entry.extend((value.len() as u64).to_le_bytes());
    entry.extend(value.as_bytes());
    entry.push(b'\n');
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use patchpanel_event::Level;

    use super::*;

    /// The fields of an entry, read as the journal does.
    fn fields(mut entry: &[u8]) -> Vec<(String, String)> {
        let mut fields = Vec::new();
        while !entry.is_empty() {
            let line = entry.iter().position(|byte| *byte == b'\n').unwrap();
            let (name, rest) = entry.split_at(line);
            let (length, rest) = rest[1..].split_first_chunk::<8>().unwrap();
            let (value, rest) = rest.split_at(usize::try_from(u64::from_le_bytes(*length)).unwrap());
            assert_eq!(rest.first(), Some(&b'\n'));
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            fields.push((text(name), text(value)));
            entry = &rest[1..];
        }
        fields
    }

    #[test]
    fn nothing_that_is_said_ends_a_field() {
        let own = [
            ("user id".to_owned(), "7\nPRIORITY=0".to_owned()),
            ("ü".repeat(100), "x".repeat(VALUE_BYTES + 1)),
        ];
        let entry = entry(&Notification {
            plugin: "on-call",
            level: Level::Error,
            title: "disk full",
            body: "at\nonce",
            fields: &own,
        });
        let fields = fields(&entry);
        let expected = [
            ("MESSAGE", "disk full: at\nonce"),
            ("PRIORITY", "3"),
            ("SYSLOG_IDENTIFIER", "patchpanel"),
            ("PATCHPANEL_PLUGIN", "on-call"),
            ("PATCHPANEL_USER_ID", "7\nPRIORITY=0"),
        ];
        let (first, last) = fields.split_at(expected.len());
        assert!(
            first
                .iter()
                .map(|(name, value)| (name.as_str(), value.as_str()))
                .eq(expected)
        );
        assert_eq!((last[0].0.len(), last[0].1.len()), (NAME_BYTES, VALUE_BYTES));
    }

    #[test]
    fn the_largest_entry_fits_into_a_datagram() {
        let field = |number: usize| (format!("{number}{}", "n".repeat(200)), "x".repeat(2 * VALUE_BYTES));
        let own: Vec<(String, String)> = (0..2 * FIELDS).map(field).collect();
        let entry = entry(&Notification {
            plugin: &"p".repeat(2 * VALUE_BYTES),
            level: Level::Debug,
            title: &"t".repeat(VALUE_BYTES),
            body: &"b".repeat(VALUE_BYTES),
            fields: &own,
        });
        assert_eq!(fields(&entry).len(), 4 + FIELDS);
        let (sender, _receiver) = std::os::unix::net::UnixDatagram::pair().unwrap();
        assert_eq!(sender.send(&entry).unwrap(), entry.len());
    }
}
