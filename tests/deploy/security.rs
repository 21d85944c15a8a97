//! The page on security: each threat has a defence, and each defence a test that exists.

use std::collections::BTreeSet;
use std::path::Path;

use crate::{repository, text};

/// Where tests are, and what stands before their names on the page.
const SOURCES: [(&str, &str); 3] = [
    ("src", "lib "),
    ("tests/deploy", "deploy "),
    ("tests/front_door", ""),
];

/// The names of all tests in a file, read as text: nothing need be built for it.
fn names_in(text: &str, module: &str) -> Vec<String> {
    let mut names = Vec::new();
    let (mut inner, mut marked) = (String::new(), false);
    for line in text.lines() {
        let word = line.split_whitespace().skip_while(|word| *word != "mod");
        if let (false, Some(name), true) = (
            line.starts_with(' '),
            word.clone().nth(1),
            line.ends_with('{'),
        ) {
            inner = format!("{name}::");
        }
        let line = line.trim_start();
        marked |= line.starts_with("#[test]") || line.starts_with("#[tokio::test");
        let function = line.strip_prefix("async ").unwrap_or(line);
        if let (true, Some(rest)) = (marked, function.strip_prefix("fn ")) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
            names.push(format!("{module}{inner}{}", &rest[..end.unwrap_or(0)]));
            marked = false;
        }
    }
    names
}

/// All tests below a folder, by their modules; a file `a_tests.rs` has the tests of `a`.
fn names_below(folder: &Path, module: &str, prefix: &str, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_str().unwrap();
        if path.is_dir() {
            names_below(&path, &format!("{module}{stem}::"), prefix, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let module = match (stem, stem.strip_suffix("_tests")) {
                ("mod" | "main" | "lib", _) => module.to_owned(),
                (_, Some(tested)) => format!("{module}{tested}::tests::"),
                (stem, None) => format!("{module}{stem}::"),
            };
            let text = std::fs::read_to_string(&path).unwrap();
            let found = names_in(&text, &module);
            names.extend(found.into_iter().map(|name| format!("{prefix}{name}")));
        }
    }
}

/// The tests that a cell of the table names.
fn named(cell: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut before = "";
    for (index, part) in cell.split('`').enumerate() {
        if index % 2 == 0 {
            before = part;
        } else if part.contains("::") {
            let word = before.split_whitespace().next_back().unwrap_or_default();
            names.push(match word {
                "lib" | "deploy" => format!("{word} {part}"),
                _ => part.to_owned(),
            });
        }
    }
    names
}

#[test]
fn each_row_of_the_page_on_security_has_tests_that_exist() {
    let mut tests = BTreeSet::new();
    for (folder, prefix) in SOURCES {
        names_below(&repository(folder), "", prefix, &mut tests);
    }
    assert!(tests.len() > 1_000, "{}", tests.len());
    let page = text("docs/security.md");
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| ") && *line != "| threat | defence | test |");
    let mut seen = 0;
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let [threat, defence, cell] = cells[..] else {
            panic!("three cells: {row}");
        };
        assert!(
            !threat.trim().is_empty() && !defence.trim().is_empty(),
            "{row}"
        );
        let names = named(cell);
        assert!(!names.is_empty(), "no test: {row}");
        for name in names {
            let exists = if name.ends_with("::") {
                tests.iter().any(|test| test.starts_with(&name))
            } else {
                tests.contains(&name)
            };
            assert!(exists, "there is no test {name}: {row}");
        }
        seen += 1;
    }
    assert!(seen >= 35, "{seen}");
}
