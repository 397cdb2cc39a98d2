use super::{Cli, Command};
use clap::{CommandFactory, Parser};

fn parse(line: &str) -> Result<Cli, clap::Error> {
    Cli::try_parse_from(line.split(' '))
}

#[test]
fn the_command_line_is_well_formed() {
    Cli::command().debug_assert();
}

#[test]
fn nothing_said_is_serve() {
    assert!(parse("fluxbase").unwrap().command.is_none());
    assert!(matches!(parse("fluxbase serve --no-demo").unwrap().command, Some(Command::Serve(_))));
}

#[test]
fn flags_of_serve_need_no_word_before_them() {
    let read = |line: &str| Cli::read(line.split(' ').map(Into::into));
    for line in ["fluxbase --no-demo", "fluxbase --data-dir d --no-demo --address 127.0.0.1:0", "fluxbase --database-url postgres://a --config c"] {
        assert!(matches!(read(line).unwrap().command, Some(Command::Serve(_))), "{line}");
    }
    assert_eq!(read("fluxbase --data-dir d --no-demo").unwrap().globals.data_dir.unwrap().to_str(), Some("d"));
    let error = read("fluxbase --no-dmeo").unwrap_err().to_string();
    assert!(error.contains("--no-dmeo"), "{error}");
    let error = read("fluxbase branch list --no-demo").unwrap_err().to_string();
    assert!(error.contains("fluxbase branch list"), "told as the first reading has it: {error}");
    assert!(read("fluxbase --no-demo branch list").is_err());
}

#[test]
fn global_options_stand_anywhere() {
    for line in ["fluxbase --url http://a -o json branch list", "fluxbase branch list --url http://a -o json"] {
        let globals = parse(line).unwrap().globals;
        assert_eq!((globals.url.as_deref(), globals.output), (Some("http://a"), super::Format::Json));
    }
}

#[test]
fn the_format_is_known_even_where_nothing_else_is() {
    let asked = |line: &str| super::asked_format(line.split(' ').map(str::to_owned));
    for line in ["fluxbase -o json x", "fluxbase x --output json", "fluxbase x --output=json", "fluxbase x -ojson", "fluxbase x -o=json"] {
        assert_eq!(asked(line), super::Format::Json, "{line}");
    }
    assert_eq!((asked("fluxbase -o xml"), asked("fluxbase json")), (super::Format::Table, super::Format::Table));
}

#[test]
fn what_is_one_of_a_few_words_is_completed() {
    let mut script = Vec::new();
    clap_complete::generate(clap_complete::Shell::Bash, &mut Cli::command(), "fluxbase", &mut script);
    let script = String::from_utf8(script).unwrap();
    for words in ["schema_only full_clone seed_data", "preview persistent", "read write admin", "read:tables", "not_done"] {
        assert!(script.contains(words), "{words}");
    }
}

#[test]
fn what_is_misspelt_is_usage_and_names_what_would_be_right() {
    for (line, right) in [
        ("fluxbase branch create x --clone-data all", "full_clone"),
        ("fluxbase branch create x --type main", "persistent"),
        ("fluxbase branch create x --expires-in soon", "168h"),
        ("fluxbase branch create 42", "a to z"),
        ("fluxbase branch create x --pr 0", "1.."),
        ("fluxbase branch create x --pr 1 --repo octo", "owner/name"),
        ("fluxbase branch create x --repo octo/repo", "--pr"),
        ("fluxbase branch update x", "--protected"),
        ("fluxbase branch update x --expires-in soon", "168h"),
        ("fluxbase branch access grant x a@b.c --level owner", "read, write, admin"),
        ("fluxbase branch diff x --format xml", "sql"),
        ("fluxbase migrations new --", "NAME"),
        ("fluxbase keys create --name n --scope read:all", "read:tables"),
        ("fluxbase users create alice", "name@example.com"),
        ("fluxbase mcp config emacs", "claude-code"),
        ("fluxbase -o xml branch list", "yaml"),
        ("fluxbase serve --set level=debug", "section.key=value"),
    ] {
        let error = parse(line).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{line}");
        assert!(error.to_string().contains(right), "{line}: {error}");
    }
}

#[test]
fn whatever_begins_an_operation_takes_wait_and_no_wait() {
    let commands = [
        "branch create x",
        "branch delete x",
        "branch reset x",
        "branch undo x",
        "branch seed",
        "branch migrate",
        "branch diff --prove",
        "migrations up",
    ];
    for command in commands {
        for flags in ["--wait", "--no-wait", "--wait --no-wait"] {
            assert!(parse(&format!("fluxbase {command} {flags}")).is_ok(), "{command} {flags}");
        }
    }
    assert!(parse("fluxbase branch diff --no-wait").is_err(), "nothing is begun");
}

#[test]
fn of_wait_and_no_wait_the_last_holds() {
    #[derive(Parser)]
    struct Waits {
        #[command(flatten)]
        waiting: super::wait::Waiting<true>,
    }
    #[derive(Parser)]
    struct Answers {
        #[command(flatten)]
        waiting: super::wait::Waiting<false>,
    }
    for (flags, waits, waits_else) in [
        ("", true, false),
        (" --wait", true, true),
        (" --no-wait", false, false),
        (" --no-wait --wait", true, true),
        (" --wait --no-wait", false, false),
    ] {
        let line = format!("x{flags}");
        let (by_default, else_not) = (Waits::parse_from(line.split(' ')).waiting, Answers::parse_from(line.split(' ')).waiting);
        assert_eq!((by_default.waits(), else_not.waits()), (waits, waits_else), "{flags}");
    }
}
