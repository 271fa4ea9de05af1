//! Any bytes as a plugin's file, and any text as the declaration in a sound one: they are read or refused, and what is read
//! is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_declaration::{Anatomy, Declaration, SECTION};

/// A component that is nothing but its declaration.
fn component(declaration: &[u8]) -> Vec<u8> {
    let name = SECTION.as_bytes();
    let mut content = vec![name.len() as u8];
    content.extend_from_slice(name);
    content.extend_from_slice(declaration);
    let mut bytes = b"\0asm\x0d\0\x01\0\0".to_vec();
    // The section's length, seven bits at a time.
    let mut left = content.len();
    while left >= 0x80 {
        bytes.push(left as u8 & 0x7f | 0x80);
        left >>= 7;
    }
    bytes.push(left as u8);
    bytes.extend_from_slice(&content);
    bytes
}

fuzz_target!(|bytes: &[u8]| {
    let _ = (Declaration::read(bytes), Anatomy::read(bytes));
    let whole = component(bytes);
    assert!(Anatomy::read(&whole).is_ok());
    if let Ok(declaration) = Declaration::read(&whole) {
        let text = serde_json::to_vec(&declaration).expect("declarations are JSON");
        let again = Declaration::read(&component(&text)).expect("what was read can be read");
        assert_eq!(declaration, again);
    }
});
