//! The examples of the documentation.

use std::path::Path;

/// The blocks of code in this language that a page of `docs/channels/` shows.
pub(crate) fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../docs/channels/{page}.md"));
    let text = std::fs::read_to_string(path).unwrap();
    let opened = format!("```{language}\n");
    text.split(&opened)
        .skip(1)
        .map(|block| block.split_once("```").unwrap().0.to_owned())
        .collect()
}

/// The configuration that a page shows first, with `to` in place of `from`, and retries that do not take long.
pub(crate) fn example(page: &str, from: &str, to: &str) -> String {
    let example = blocks(page, "toml").remove(0);
    assert!(example.contains(from), "{page} does not name {from}");
    let (_, last) = example.rsplit_once("[[").unwrap();
    assert!(last.starts_with("subscriptions]]"), "{page} ends in another section");
    example.replace(from, to) + "retry = { attempts = 5, base = \"5ms\", cap = \"20ms\" }\n"
}

#[test]
fn every_page_is_found_from_the_first_one() {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/channels");
    let first = std::fs::read_to_string(directory.join("README.md")).unwrap();
    let mut count = 0;
    for page in std::fs::read_dir(directory).unwrap() {
        let name = page.unwrap().file_name().into_string().unwrap();
        assert!(name == "README.md" || first.contains(&format!("({name})")), "{name}");
        count += 1;
    }
    assert!(count > 10);
}
