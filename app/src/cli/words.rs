//! Arguments that are one of a few words: shells complete them, and what is none of them is told in the domain's own words.

use clap::{
    Arg, Command,
    builder::{PossibleValue, StringValueParser, TypedValueParser},
};
use std::{error::Error, ffi::OsStr, str::FromStr};

/// Reads one of these words.
#[derive(Clone)]
pub(super) struct OneOf<T> {
    words: Vec<&'static str>,
    read: fn(&str) -> Result<T, String>,
}

/// One of the words that a type is read from.
pub(super) fn one_of<T: FromStr<Err: Error>>(words: impl IntoIterator<Item = &'static str>) -> OneOf<T> {
    one_of_by(words, |word| word.parse().map_err(|error: T::Err| error.to_string()))
}

/// The same, read in another way.
pub(super) fn one_of_by<T>(words: impl IntoIterator<Item = &'static str>, read: fn(&str) -> Result<T, String>) -> OneOf<T> {
    OneOf { words: words.into_iter().collect(), read }
}

impl<T: Clone + Send + Sync + 'static> TypedValueParser for OneOf<T> {
    type Value = T;

    fn parse_ref(&self, command: &Command, argument: Option<&Arg>, value: &OsStr) -> Result<T, clap::Error> {
        let read = self.read;
        StringValueParser::new().try_map(move |word| read(&word)).parse_ref(command, argument, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.words.iter().map(PossibleValue::new)))
    }
}
