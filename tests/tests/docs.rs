//! What the documents name exists.
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use std::path::Path;

#[test]
fn promises_name_tests_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let pages = ["docs/guarantees.md", "docs/plugins/security.md"];
    let text = pages
        .map(|page| std::fs::read_to_string(root.join(page)).unwrap())
        .concat();
    let named: Vec<(&str, &str)> = text.split('`').filter_map(|word| word.split_once("::")).collect();
    let tests = named.iter().filter(|(file, _)| file.ends_with(".rs"));
    let mut count = 0;
    for (file, test) in tests {
        let source = std::fs::read_to_string(root.join(file)).unwrap_or_else(|_| panic!("there is no file {file}"));
        assert!(source.contains(&format!("fn {test}(")), "{file} has no test {test}");
        count += 1;
    }
    assert!(count > 20, "the test reads the page as it is written: {count}");
}
