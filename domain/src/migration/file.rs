//! Migration files: named by a version, read once, put in order.

use crate::{
    lexer::{Lexer, TokenKind},
    unseen::Unseen,
};
use serde::{Deserialize, Serialize};
use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

/// The leading digits of a file's name, compared as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MigrationVersion(i64);

impl MigrationVersion {
    /// Digits at most: more do not fit the ledger.
    pub const MAX_DIGITS: usize = 18;

    /// A version by its number.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> i64 {
        self.0
    }
}

impl fmt::Display for MigrationVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A text that is no version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a version is the leading digits of a migration's name, at most {} of them", MigrationVersion::MAX_DIGITS)]
pub struct InvalidMigrationVersion;

impl FromStr for MigrationVersion {
    type Err = InvalidMigrationVersion;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        let digits = (1..=Self::MAX_DIGITS).contains(&raw.len()) && raw.bytes().all(|byte| byte.is_ascii_digit());
        raw.parse().ok().filter(|_| digits).map(Self).ok_or(InvalidMigrationVersion)
    }
}

/// SHA-256 of a file.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Checksum(pub [u8; 32]);

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A text that is no checksum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a checksum has 64 hexadecimal digits")]
pub struct InvalidChecksum;

impl FromStr for Checksum {
    type Err = InvalidChecksum;

    fn from_str(raw: &str) -> Result<Self, Self::Err> {
        if raw.len() != 64 || !raw.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidChecksum);
        }
        let mut bytes = [0; 32];
        for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
            *byte = u8::from_str_radix(&raw[at..at + 2], 16).expect("two hexadecimal digits are a byte");
        }
        Ok(Self(bytes))
    }
}

impl fmt::Debug for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Checksum({self})")
    }
}

/// A migration, as its file has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MigrationFile {
    /// Its place in the order.
    pub version: MigrationVersion,
    /// The file's name.
    pub name: String,
    /// Its text.
    pub sql: String,
    /// Of [`MigrationFile::text_to_hash`].
    pub checksum: Checksum,
}

/// Why a file is no migration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMigrationFile {
    /// Not `.sql`.
    #[error("'{name}' is no SQL file: a migration is named like 20260131120000_add_tasks.sql")]
    NotSql {
        /// The file.
        name: String,
    },
    /// The name holds what a file's name does not.
    #[error("'{name}' is no name of a file: give the name alone, without folders")]
    NotAName {
        /// The file.
        name: String,
    },
    /// A character in it that nobody sees.
    #[error("'{}' has a name that is not what people see: {unseen}; rename the file", name.escape_debug())]
    Unseen {
        /// The file.
        name: String,
        /// The character.
        unseen: Unseen,
    },
    /// No leading digits.
    #[error("'{name}' has no version: begin its name with digits, as in 20260131120000_add_tasks.sql")]
    NoVersion {
        /// The file.
        name: String,
    },
    /// More digits than fit.
    #[error("the version of '{name}' has more than {} digits", MigrationVersion::MAX_DIGITS)]
    VersionTooLong {
        /// The file.
        name: String,
    },
    /// Two files of one version.
    #[error("'{first}' and '{second}' have the same version {version}: give one of them a later one")]
    SameVersion {
        /// The version.
        version: MigrationVersion,
        /// The one.
        first: String,
        /// The other.
        second: String,
    },
    /// Nothing in it.
    #[error("'{name}' is empty: write its statements, or delete it")]
    Empty {
        /// The file.
        name: String,
    },
    /// A NUL character, in its name or its text.
    #[error("'{name}' has a NUL character, which PostgreSQL takes nowhere")]
    Nul {
        /// The file.
        name: String,
    },
    /// Not UTF-8.
    #[error("'{name}' is not UTF-8 (from byte {at} on): save it as UTF-8")]
    NotUtf8 {
        /// The file.
        name: String,
        /// Where it is not.
        at: usize,
    },
}

impl MigrationFile {
    /// Whether a file of a project's folder is meant as a migration: SQL, and not hidden, as is what editors and file systems leave behind.
    pub fn is_meant_by(name: &str) -> bool {
        !name.starts_with('.') && stem(name).is_some()
    }

    /// Reads a file. `hash` is asked for the checksum of its text.
    pub fn read(name: &str, bytes: &[u8], hash: impl FnOnce(&[u8]) -> Checksum) -> Result<Self, InvalidMigrationFile> {
        let version = version(name)?;
        let name = name.to_owned();
        let text = match std::str::from_utf8(bytes) {
            Ok(text) => text.strip_prefix('\u{feff}').unwrap_or(text),
            Err(error) => return Err(InvalidMigrationFile::NotUtf8 { name, at: error.valid_up_to() }),
        };
        if text.trim().is_empty() {
            return Err(InvalidMigrationFile::Empty { name });
        }
        let checksum = hash(Self::text_to_hash(text).as_bytes());
        Ok(Self { version, name, sql: text.to_owned(), checksum })
    }

    /// What the checksum is of: git gives the same file other line ends on another system.
    pub fn text_to_hash(text: &str) -> Cow<'_, str> {
        if text.contains("\r\n") { Cow::Owned(text.replace("\r\n", "\n")) } else { Cow::Borrowed(text) }
    }

    /// Whether it is marked `-- fluxbase:no-transaction`, in a line of the comments it begins with.
    pub fn without_transaction(&self) -> bool {
        let mut comments = Lexer::new(&self.sql, 0).take_while(|token| token.kind == TokenKind::Blank).filter(|token| token.text.starts_with("--"));
        comments.any(|comment| comment.text.trim_start_matches('-').trim().eq_ignore_ascii_case("fluxbase:no-transaction"))
    }
}

/// The name of an SQL file without its end, whether that is in small letters or in capitals.
fn stem(name: &str) -> Option<&str> {
    name.rsplit_once('.').filter(|(_, kind)| kind.eq_ignore_ascii_case("sql")).map(|(stem, _)| stem)
}

fn version(name: &str) -> Result<MigrationVersion, InvalidMigrationFile> {
    let own = || name.to_owned();
    if name.contains(['/', '\\']) || name.len() > 255 {
        return Err(InvalidMigrationFile::NotAName { name: own() });
    }
    if let Some(unseen) = Unseen::first_of(name) {
        return Err(InvalidMigrationFile::Unseen { name: own(), unseen });
    }
    let Some(stem) = stem(name) else {
        return Err(InvalidMigrationFile::NotSql { name: own() });
    };
    let digits = stem.len() - stem.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    match digits {
        0 => Err(InvalidMigrationFile::NoVersion { name: own() }),
        1..=MigrationVersion::MAX_DIGITS => Ok(MigrationVersion(stem[..digits].parse().expect("18 digits fit"))),
        _ => Err(InvalidMigrationFile::VersionTooLong { name: own() }),
    }
}

/// A file that is there and not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// The file.
    pub name: String,
    /// Why, for people.
    pub reason: &'static str,
}

/// The migrations of a project, in the order of their versions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MigrationSet {
    /// Each version once.
    pub files: Vec<MigrationFile>,
    /// What was there besides.
    pub left_out: Vec<LeftOut>,
}

impl MigrationSet {
    /// Reads the files of a project, or tells all that is wrong with them.
    pub fn read<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a [u8])>,
        hash: impl Fn(&[u8]) -> Checksum,
    ) -> Result<Self, Vec<InvalidMigrationFile>> {
        let mut set = Self::default();
        let mut by_version: BTreeMap<MigrationVersion, MigrationFile> = BTreeMap::new();
        let mut faults = Vec::new();
        for (name, bytes) in files {
            // Neither could be kept with the operation, whether the file is used or not.
            if name.contains('\0') || bytes.contains(&0) {
                faults.push(InvalidMigrationFile::Nul { name: name.to_owned() });
                continue;
            }
            if stem(name).and_then(|stem| stem.rsplit_once('.')).is_some_and(|(_, kind)| kind.eq_ignore_ascii_case("down")) {
                set.left_out.push(LeftOut { name: name.to_owned(), reason: "migrations go forward only; reset or undo the branch instead" });
                continue;
            }
            match MigrationFile::read(name, bytes, &hash) {
                Err(fault) => faults.push(fault),
                Ok(file) => {
                    if let Some(first) = by_version.get(&file.version) {
                        let (first, second) = (first.name.clone(), file.name);
                        faults.push(InvalidMigrationFile::SameVersion { version: file.version, first, second });
                    } else {
                        by_version.insert(file.version, file);
                    }
                }
            }
        }
        set.files = by_version.into_values().collect();
        if faults.is_empty() { Ok(set) } else { Err(faults) }
    }
}

#[cfg(test)]
mod tests {
    use super::{Checksum, InvalidMigrationFile, MigrationFile, MigrationSet, MigrationVersion};

    fn hash(bytes: &[u8]) -> Checksum {
        let mut sum = [0; 32];
        sum[0] = u8::try_from(bytes.len()).unwrap();
        Checksum(sum)
    }

    fn read(name: &str, text: &str) -> Result<MigrationFile, InvalidMigrationFile> {
        MigrationFile::read(name, text.as_bytes(), hash)
    }

    #[test]
    fn versions_are_numbers() {
        let names = ["20240101120000_init.sql", "010_B.SQL", "9_a.sql", "9_a.down.sql", "9_a.Down.SQL", "011.sql"];
        let set = MigrationSet::read(names.map(|name| (name, b"select 1".as_slice())), hash).unwrap();
        let versions: Vec<i64> = set.files.iter().map(|file| file.version.number()).collect();
        assert_eq!(versions, [9, 10, 11, 20_240_101_120_000]);
        assert_eq!(set.left_out.len(), 2);
    }

    #[test]
    fn what_is_meant_as_a_migration_is_told_from_what_lies_beside() {
        for (name, meant) in [("1_a.sql", true), ("1_a.SQL", true), ("notes.sql", true), (".1_a.sql", false), ("1_a.sql.bak", false), ("sql", false)]
        {
            assert_eq!(MigrationFile::is_meant_by(name), meant, "{name}");
        }
    }

    #[test]
    fn what_is_wrong_with_a_file_is_told() {
        for (name, expected) in [
            ("init.sql", "'init.sql' has no version"),
            ("1_a.txt", "is no SQL file"),
            ("../1_a.sql", "without folders"),
            ("1234567890123456789_a.sql", "more than 18 digits"),
        ] {
            let told = read(name, "select 1").unwrap_err().to_string();
            assert!(told.contains(expected), "{told}");
        }
        assert!(matches!(read("1_a.sql", " \n"), Err(InvalidMigrationFile::Empty { .. })));
        assert!(matches!(MigrationFile::read("1_a.sql", b"a\xff", hash), Err(InvalidMigrationFile::NotUtf8 { at: 1, .. })));
        let faults = MigrationSet::read([("1_a.sql", b"x".as_slice()), ("01_b.sql", b"x"), ("x.sql", b"x")], hash).unwrap_err();
        assert_eq!(faults[0].to_string(), "'1_a.sql' and '01_b.sql' have the same version 1: give one of them a later one");
        assert_eq!(faults.len(), 2);
    }

    #[test]
    fn line_ends_and_the_mark_of_utf8_do_not_change_the_checksum() {
        let unix = read("1_a.sql", "a\nb\n").unwrap();
        assert_eq!(unix.checksum, read("1_a.sql", "\u{feff}a\r\nb\r\n").unwrap().checksum);
        assert!(unix.checksum.to_string().starts_with("0400"));
    }

    #[test]
    fn versions_and_checksums_are_read_as_they_are_written() {
        assert_eq!("020240101".parse(), Ok(MigrationVersion::new(20_240_101)));
        for raw in ["", "+1", "-1", "1a", "1234567890123456789"] {
            assert!(raw.parse::<MigrationVersion>().is_err(), "{raw}");
        }
        let sum = Checksum(std::array::from_fn(|at| u8::try_from(at * 8).unwrap()));
        assert_eq!(sum.to_string().parse(), Ok(sum));
        for raw in [String::new(), "é".repeat(32), "+1".repeat(32), "0".repeat(63)] {
            assert!(raw.parse::<Checksum>().is_err(), "{raw}");
        }
    }

    #[test]
    fn the_mark_stands_in_the_first_comment() {
        assert!(read("1_a.sql", "-- why\n\n--fluxbase:no-transaction\nvacuum;").unwrap().without_transaction());
        assert!(read("1_a.sql", "/* licence\n *\n */\r\n-- fluxbase:no-transaction\r\nvacuum;").unwrap().without_transaction());
        assert!(!read("1_a.sql", "/*\n-- fluxbase:no-transaction\n*/ vacuum").unwrap().without_transaction());
        assert!(!read("1_a.sql", "vacuum;\n-- fluxbase:no-transaction").unwrap().without_transaction());
        assert!(!read("1_a.sql", "-- not fluxbase:no-transaction\nselect 1").unwrap().without_transaction());
    }

    #[test]
    fn a_name_is_what_people_see() {
        let refused = read("1_a\u{200b}.sql", "select 1").unwrap_err().to_string();
        assert!(refused.contains("U+200B") && refused.contains("1_a\\u{200b}.sql"), "{refused}");
    }

    #[test]
    fn a_nul_character_is_told_wherever_it_is() {
        for (name, text) in [("1_a.sql", "select 1 -- \0"), ("1_\0.sql", "select 1"), ("1_a.down.sql", "\0")] {
            let faults = MigrationSet::read([(name, text.as_bytes())], hash).unwrap_err();
            assert!(matches!(&faults[..], [InvalidMigrationFile::Nul { .. }]), "{faults:?}");
        }
    }
}
