//! The command line as people and scripts meet it: help texts, exit codes, what goes to which stream.

use serde_json::Value;
use std::{
    fmt::Write,
    path::Path,
    process::{Command, Output},
};

/// The binary in an empty folder, with nothing of this machine's settings.
#[expect(clippy::disallowed_methods, reason = "the binary itself is what is tested")]
fn fluxbase(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_fluxbase"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("HOME", folder)
        .env("FLUXBASE_DATA_DIR", folder.join("data"))
        .output()
        .expect("the binary is built and runs")
}

fn run(arguments: &[&str]) -> (i32, String, String) {
    let folder = tempfile::tempdir().unwrap();
    let output = fluxbase(folder.path(), arguments);
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The commands that a help text lists.
fn listed(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default().lines().take_while(|line| !line.is_empty());
    // What is indented further goes on with what stands above it.
    let names = list.filter_map(|line| line.strip_prefix("  ").filter(|line| !line.starts_with(' '))?.split_whitespace().next());
    names.map(str::to_owned).collect()
}

/// The help of a command and of every one below it.
fn explain(command: &[String], texts: &mut String) {
    let arguments: Vec<_> = command.iter().map(String::as_str).chain(["--help"]).collect();
    let (code, stdout, stderr) = run(&arguments);
    assert_eq!((code, stderr.as_str()), (0, ""), "{command:?}");
    assert!(stdout.contains("Examples:"), "{command:?}");
    writeln!(texts, "$ fluxbase {}\n\n{stdout}", arguments.join(" ")).unwrap();
    for below in listed(&stdout) {
        explain(&[command, &[below]].concat(), texts);
    }
}

#[test]
fn every_command_explains_itself() {
    let mut texts = String::new();
    explain(&[], &mut texts);
    for command in ["branch seed", "branch access revoke", "operation cancel", "users promote", "completions"] {
        assert!(texts.contains(&format!("$ fluxbase {command} --help\n")), "{command}");
    }
    insta::assert_snapshot!("help", texts);
}

#[test]
fn what_is_misspelt_is_exit_code_2_before_anything_is_asked() {
    for arguments in [
        &["branch", "create", "x", "--clone-data", "everything"][..],
        &["branch", "create", "x", "--type", "main"],
        &["keys", "create", "--name", "n", "--scope", "read:everything"],
        &["keys", "create", "--name", "n", "--scope", "*"],
        &["frobnicate"],
        &["branch", "list", "--url", "nowhere", "--key", "fb_pk_1"],
        &["config", "show", "--config", "missing.yaml"],
    ] {
        let (code, stdout, stderr) = run(arguments);
        assert_eq!((code, stdout.as_str()), (2, ""), "{arguments:?}: {stderr}");
        assert!(!stderr.is_empty());
    }
}

#[test]
fn no_server_is_one_line_and_a_hint_or_one_json_object() {
    let (code, _, stderr) = run(&["branch", "list"]);
    assert_eq!((code, stderr.lines().count()), (1, 2), "{stderr}");
    assert!(stderr.starts_with("error: no Fluxbase is running") && stderr.contains("\nhint: start it with `fluxbase`"), "{stderr}");

    // Port 1 is nobody's.
    let (code, stdout, stderr) = run(&["users", "create", "a@example.com", "--url", "http://127.0.0.1:1", "--key", "fb_pk_1", "-o", "json"]);
    assert_eq!((code, stdout.as_str()), (1, ""));
    let (remark, error) = stderr.trim_end().split_once('\n').unwrap();
    assert_eq!(remark, "making user a@example.com on http://127.0.0.1:1");
    let error: Value = serde_json::from_str(error).unwrap();
    assert_eq!(error["error"]["code"], "unreachable");

    let (_, _, stderr) = run(&["users", "create", "a@example.com", "--url", "http://127.0.0.1:1", "--key", "fb_pk_1", "-o", "yaml"]);
    let (remark, error) = stderr.split_once("---\n").unwrap();
    assert!(remark.starts_with("making user") && error.starts_with("error:\n  code: unreachable\n"), "{stderr}");

    let (code, _, stderr) = run(&["branch", "create", "x", "--type", "foo", "-o", "json"]);
    let error: Value = serde_json::from_str(&stderr).unwrap();
    assert_eq!((code, &error["error"]["code"]), (2, &"usage".into()));
    assert!(error["error"]["message"].as_str().unwrap().starts_with("invalid value 'foo'"), "{error}");
}

#[test]
fn what_can_be_no_branch_is_exit_code_3() {
    let (code, _, stderr) = run(&["branch", "status", "42"]);
    assert_eq!((code, stderr.as_str()), (3, "error: branch '42' was not found\n"));
}

#[test]
fn json_is_one_document_and_nothing_is_coloured() {
    for arguments in [&["config", "show"][..], &["config", "schema"], &["mcp", "config", "vscode", "--url", "https://a.example", "--key", "fb_pk_1"]]
    {
        let (code, stdout, stderr) = run(&[arguments, &["-o", "json"]].concat());
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<Value>(&stdout).unwrap();
        let (_, table, stderr) = run(arguments);
        assert!(!table.contains('\u{1b}') && !stderr.contains('\u{1b}'), "{arguments:?}");
    }
}

#[test]
fn a_secret_of_the_configuration_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("fluxbase.yaml"), "database:\n  url: postgres://app:hunter2@db/app\n").unwrap();
    for format in ["table", "json", "yaml"] {
        let output = fluxbase(folder.path(), &["config", "show", "-o", format]);
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && text.contains("fluxbase.yaml") && !text.contains("hunter2"), "{text}");
    }
}

#[test]
fn every_shell_gets_its_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let (code, stdout, _) = run(&["completions", shell]);
        assert!(code == 0 && stdout.contains("fluxbase") && stdout.contains("branch"), "{shell}");
    }
}
