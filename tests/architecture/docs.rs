//! Documentation leads where it says: links to files that are there, tests that are there.

use super::tree::{files, has_extension, top};

/// Its invariants name the tests that keep them.
const INVARIANTS: &str = "app/docs/architecture.md";

/// What the links of a page lead to, without those to other places and within itself.
fn links(page: &str) -> impl Iterator<Item = &str> {
    let all = page.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    all.filter(|link| !link.starts_with("http")).filter_map(|link| link.split('#').next()).filter(|file| !file.is_empty())
}

/// The sentences in code marks that are names of tests: nothing else is as long.
fn tests(page: &str) -> impl Iterator<Item = &str> {
    let is_sentence = |text: &&str| text.matches('_').count() > 2 && text.chars().all(|c| c.is_ascii_lowercase() || c == '_');
    page.split('`').skip(1).step_by(2).filter(is_sentence)
}

#[test]
fn every_link_leads_to_a_file() {
    let mut missing = Vec::new();
    for (path, page) in files().iter().filter(|(path, _)| has_extension(path, "md")) {
        let folder = top().join(path).parent().unwrap().to_owned();
        missing.extend(links(page).filter(|file| !folder.join(file).exists()).map(|file| format!("{path} leads to {file}, which is not there")));
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_test_that_an_invariant_names_is_there() {
    let files = files();
    let (_, page) = files.iter().find(|(path, _)| path == INVARIANTS).unwrap();
    let named: Vec<&str> = tests(page).collect();
    assert!(named.len() > 15, "the page was read: {named:?}");
    let is_there = |name: &str| files.iter().any(|(path, text)| has_extension(path, "rs") && text.contains(&format!("fn {name}(")));
    let missing: Vec<_> = named.into_iter().filter(|name| !is_there(name)).collect();
    assert!(missing.is_empty(), "{INVARIANTS} names tests that are not there: {missing:?}");
}

#[test]
fn links_and_tests_are_found() {
    let page = "[a](b.md#c), [here](#there) and [away](https://example.com); `a_b_c_d`, `not_this`, `Nor::this_one_at_all`";
    assert_eq!(links(page).collect::<Vec<_>>(), ["b.md"]);
    assert_eq!(tests(page).collect::<Vec<_>>(), ["a_b_c_d"]);
}
