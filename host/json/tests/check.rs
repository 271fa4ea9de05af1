//! What is JSON is decided as serde_json decides it, for texts of every length and every break of them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use patchpanel_json::{Invalid, Layout, MAX_DEPTH};
use proptest::prelude::*;
use proptest::sample::select;
use serde::de::IgnoredAny;

fn agree(layout: &mut Layout, text: &[u8]) -> Result<(), TestCaseError> {
    let expected = std::str::from_utf8(text).is_ok() && serde_json::from_slice::<IgnoredAny>(text).is_ok();
    let found = layout.check(text);
    prop_assert_eq!(
        found.is_ok(),
        expected,
        "{:?}: {:?}",
        String::from_utf8_lossy(text),
        found
    );
    if let Err(invalid) = found {
        prop_assert!(invalid.offset() <= text.len());
    }
    Ok(())
}

/// Pieces of which right and wrong texts can be made.
fn piece() -> impl Strategy<Value = &'static str> {
    select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        " ",
        "\n",
        "\t",
        "\r",
        "\"",
        "\\",
        "\"a\"",
        "\"a\":",
        "\"\\n\"",
        "\"\\u00e9\"",
        "\"\\x\"",
        "\"\\u12\"",
        "0",
        "1",
        "-",
        "+",
        ".",
        "e",
        "E",
        "10",
        "1.5",
        "-0.25e-3",
        "1E+9",
        "true",
        "false",
        "null",
        "nul",
        "tru",
        "é",
        "\u{1}",
        "{}",
        "[]",
        "{\"k\":1}",
        "[1,2]",
        "x",
        "1e5",
        "\u{7f}",
        "                ",
    ])
}

/// JSON in many spellings.
fn json() -> impl Strategy<Value = String> {
    let space = || select(vec!["", "", "", " ", "\n  ", "\t"]);
    let text = select(vec![
        "",
        "a",
        "some longer text, with [brackets]: {x}",
        "\\\"",
        "\\\\",
        "\\u0041",
        "é",
        "\\ud800",
    ]);
    let number = select(vec![
        "0",
        "-0",
        "1",
        "-12.5",
        "0.25",
        "1e9",
        "1E-7",
        "-1.5e+300",
        "123456789012345678901234567890",
    ]);
    let scalar = prop_oneof![
        text.prop_map(|text| format!("\"{text}\"")),
        number.prop_map(str::to_owned),
        select(vec!["true", "false", "null"]).prop_map(str::to_owned),
    ];
    let value = scalar.prop_recursive(5, 40, 5, move |inner| {
        let item = (space(), inner, space()).prop_map(|(a, item, b)| format!("{a}{item}{b}"));
        let member = (space(), select(vec!["a", "b\\n", "é"]), space(), item.clone())
            .prop_map(|(a, name, b, item)| format!("{a}\"{name}\"{b}:{item}"));
        prop_oneof![
            prop::collection::vec(item, 0..5).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        ]
    });
    (space(), value, space()).prop_map(|(a, value, b)| format!("{a}{value}{b}"))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn json_is_right(text in json(), before in 0_usize..70) {
        // Every part of the grammar comes to stand on every side of a block's end.
        let text = format!("{}{text}", " ".repeat(before));
        let mut layout = Layout::default();
        prop_assert_eq!(layout.check(text.as_bytes()), Ok(()), "{}", text);
    }

    #[test]
    fn one_change_is_judged_as_serde_json_does(text in json(), at in any::<prop::sample::Index>(), piece in piece(), cut in 0_usize..3, before in 0_usize..70) {
        let mut bytes = format!("{}{text}", " ".repeat(before)).into_bytes();
        let at = before + at.index(text.len() + 1);
        let end = (at + cut).min(bytes.len());
        bytes.splice(at..end, piece.bytes());
        agree(&mut Layout::default(), &bytes)?;
    }

    #[test]
    fn rubble_is_judged_as_serde_json_does(pieces in prop::collection::vec(piece(), 0..12), before in 0_usize..70) {
        let text = format!("{}{}", " ".repeat(before), pieces.concat());
        agree(&mut Layout::default(), text.as_bytes())?;
    }

    #[test]
    fn any_bytes_are_judged(bytes in prop::collection::vec(any::<u8>(), 0..100)) {
        agree(&mut Layout::default(), &bytes)?;
    }
}

#[test]
fn every_cut_of_a_text_is_wrong() {
    let text =
        r#"{"a":[1,-2.5e+7,true,false,null,"x\"y\\",{"b":{},"c":[]}],"long name to fill a block with":"and a value"}"#;
    let mut layout = Layout::default();
    assert_eq!(layout.check(text.as_bytes()), Ok(()));
    for end in 0..text.len() {
        let invalid = layout.check(&text.as_bytes()[..end]).unwrap_err();
        // serde_json places a number that breaks off at its last byte.
        assert!(end - invalid.offset() <= 1, "{}: {invalid}", &text[..end]);
    }
}

#[test]
fn mistakes_are_placed() {
    let mut layout = Layout::default();
    for (text, said) in [
        ("", "not JSON: EOF while parsing a value at byte 0"),
        ("{\"a\":01}", "not JSON: invalid number at byte 6"),
        ("[1,\n2,]", "not JSON: expected value at byte 6"),
        ("[1] 2", "not JSON: trailing characters at byte 4"),
        ("{\"a\" 1}", "not JSON: expected `:` at byte 5"),
    ] {
        assert_eq!(layout.check(text.as_bytes()).unwrap_err().to_string(), said, "{text}");
    }
    assert_eq!(layout.check(b"[\"\xff\"]"), Err(Invalid::Utf8 { offset: 2 }));
}

#[test]
fn depth_is_limited_and_costs_no_stack() {
    let nested = |levels: usize| format!("{}{{}}{}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    let mut layout = Layout::default();
    assert_eq!(layout.check(nested(MAX_DEPTH).as_bytes()), Ok(()));
    for levels in [MAX_DEPTH + 1, 1_000_000] {
        assert_eq!(
            layout.check(nested(levels).as_bytes()),
            Err(Invalid::TooDeep { offset: MAX_DEPTH })
        );
    }
}
