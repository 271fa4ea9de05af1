//! Any texts as patterns, over any event: mistakes are told, what is accepted prints and parses back, and an index of
//! all of them finds just those that match one by one, also after half of them are gone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use patchpanel_filter::{Index, Pattern, Scratch};
use serde_json::{Map, Value};

fuzz_target!(|input: (Vec<String>, String)| {
    let (patterns, event) = input;
    let mut index = Index::default();
    let mut compiled = Vec::new();
    for (id, text) in (0..).zip(&patterns) {
        let Ok(pattern) = text.parse::<Pattern>() else { continue };
        assert_eq!(pattern.to_string().parse::<Pattern>().expect("what was printed parses"), pattern);
        index.insert(id, &pattern);
        compiled.push((id, pattern));
    }
    let tree = serde_json::from_str::<Map<String, Value>>(&event).ok();
    let mut scratch = Scratch::default();
    for _ in 0..2 {
        let (mut matched, mut unchecked) = (Vec::new(), Vec::new());
        let checked = index.snapshot().matches(event.as_bytes(), &mut scratch, &mut matched);
        index.snapshot().matches_json(event.as_bytes(), &mut scratch, &mut unchecked);
        if let (Some(tree), Ok(())) = (&tree, checked) {
            let expected: Vec<u32> = compiled.iter().filter(|(_, pattern)| pattern.matches(tree)).map(|(id, _)| *id).collect();
            assert_eq!(matched, expected);
            assert_eq!(unchecked, expected);
        }
        compiled.retain(|(id, _)| id % 2 == 0 || !index.remove(*id));
    }
});
