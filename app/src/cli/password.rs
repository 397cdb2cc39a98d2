//! Passwords as people type them.

use super::failure::CliError;
use ports::driven::Secret;
use std::io;

/// Asks for it on the terminal, without showing it.
pub(super) fn asked(prompt: &str) -> Result<Secret, CliError> {
    let password = rpassword::prompt_password(prompt)
        .map_err(|error| CliError::local("no_password", format!("cannot ask for the password: {error}"), Some("pass it with --password-stdin")))?;
    Ok(Secret::new(password))
}

/// The first line of standard input.
pub(super) fn of_stdin() -> Result<Secret, CliError> {
    of(&mut io::stdin().lock())
}

/// The first line, without its end: spaces may belong to it.
fn of(input: &mut impl io::BufRead) -> Result<Secret, CliError> {
    let mut line = String::new();
    input.read_line(&mut line).map_err(|error| CliError::local("no_password", format!("cannot read the password: {error}"), None))?;
    let password = line.trim_end_matches(['\n', '\r']);
    if password.is_empty() {
        return Err(CliError::Usage("--password-stdin is given, and there is no password on standard input".to_owned()));
    }
    Ok(Secret::new(password))
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn a_password_is_one_line_with_its_spaces() {
        assert_eq!(of(&mut " correct horse \r\nmore\n".as_bytes()).unwrap().expose(), " correct horse ");
        for nothing in ["", "\n"] {
            assert_eq!(of(&mut nothing.as_bytes()).unwrap_err().exit_code(), 2);
        }
    }
}
