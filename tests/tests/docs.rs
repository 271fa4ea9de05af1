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

#[test]
fn every_bundled_transform_has_a_page_and_its_test_runs_what_the_page_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let index = std::fs::read_to_string(root.join("docs/transforms/README.md")).unwrap();
    assert!(
        !index.contains("```toml"),
        "configurations stand on the pages, where tests take them from"
    );
    let mut pages: Vec<String> = std::fs::read_dir(root.join("docs/transforms"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter_map(|name| Some(name.strip_suffix(".md")?.to_owned()))
        .filter(|name| name != "README")
        .collect();
    pages.sort();
    assert_eq!(pages, ["changed", "dedupe", "digest", "enrich", "sample", "template"]);
    for page in pages {
        assert!(index.contains(&format!("({page}.md)")), "the index leaves out {page}");
        let test = std::fs::read_to_string(root.join(format!("tests/tests/transforms/{page}.rs"))).unwrap();
        let opened = format!("Page::about(\"{page}\")");
        assert!(
            test.contains(&opened) && test.contains(".config("),
            "{page} is not tested as it is shown"
        );
    }
}
