//! Fetching and unpacking for real; pip keeps what it fetched, so it is fetched over the network once.

use std::{fs, io::Read, process::Child, time::Instant};

use fluxbase_embedded::{BinarySource, FindOptions, find_or_install};
use libtest_mimic::Trial;

use crate::rig::{find_options, folder, installing_process, trial};

pub(crate) fn trials() -> Vec<Trial> {
    let name = "two_installations_at_once_succeed_and_a_broken_copy_is_replaced";
    vec![trial(name, two_installations_at_once_succeed_and_a_broken_copy_is_replaced)]
}

async fn two_installations_at_once_succeed_and_a_broken_copy_is_replaced() {
    let dir = folder();
    let options = FindOptions { cache_dir: dir.path().join("cache"), ..find_options() };
    let mut processes = [0, 1].map(|_| installing_process(&options.cache_dir));
    let answers = processes.each_mut().map(answer);
    if answers.iter().any(|answer| answer.starts_with("Local")) {
        eprintln!("skipped: the package could not be fetched here, and an installation of this machine was found instead");
        return;
    }
    let mut sources = answers.each_ref().map(|answer| answer.split_whitespace().next().unwrap());
    sources.sort_unstable();
    assert_eq!(sources, ["Fetched", "Unpacked"], "one fetches, the other waits for it");

    let begun = Instant::now();
    let found = find_or_install(&options, &mut |_| {}).unwrap();
    eprintln!("found again in {:?}", begun.elapsed());
    assert_eq!((found.source(), found.has_vector(), found.major()), (BinarySource::Unpacked, true, 18));
    for tool in ["psql", "pg_dump", "pg_restore"] {
        assert!(found.tool(tool).is_some(), "{tool}");
    }
    assert_eq!(found.tool("no_such_tool"), None);

    fs::remove_file(found.root().join("bin/postgres")).unwrap();
    fs::write(found.root().join("share/postgres.bki"), "").unwrap();
    let again = find_or_install(&options, &mut |_| {}).unwrap();
    assert_eq!(again.source(), BinarySource::Fetched);
    assert!(again.root().join("bin/postgres").is_file());
    let left: Vec<_> = fs::read_dir(&options.cache_dir).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the copy and the lock: {left:?}");
}

fn answer(process: &mut Child) -> String {
    let mut text = String::new();
    process.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert!(process.wait().unwrap().success(), "{text}");
    text
}
