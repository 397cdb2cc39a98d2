//! Columns whose values must stay equal: what foreign keys tie together, and a whole with its partitions.

use super::{ColumnName, PrivateColumn, PrivateTable};
use crate::table::QualifiedName;
use std::collections::{HashMap, VecDeque};

/// A column among all columns of all tables.
pub(super) type Place = usize;

/// The columns of a database, and what ties them together.
pub(super) struct Families<'a> {
    columns: Vec<(&'a PrivateTable, &'a PrivateColumn)>,
    places: HashMap<(&'a QualifiedName, &'a str), Place>,
    ties: Vec<Vec<Tie>>,
    keys: HashMap<Place, &'a str>,
}

/// Why two columns hold equal values.
#[derive(Clone, Debug)]
struct Tie {
    to: Place,
    why: String,
}

impl<'a> Families<'a> {
    pub(super) fn of(tables: &'a [PrivateTable]) -> Self {
        let columns: Vec<_> = tables.iter().flat_map(|table| table.columns.iter().map(move |column| (table, column))).collect();
        let places = columns.iter().enumerate().map(|(place, (table, column))| ((&table.name, column.name.as_str()), place)).collect();
        let ties = vec![Vec::new(); columns.len()];
        let mut families = Self { columns, places, ties, keys: HashMap::new() };
        for table in tables {
            families.tie_by_keys(table);
            if table.partition {
                families.tie_to_whole(table);
            }
        }
        families
    }

    fn tie_by_keys(&mut self, table: &'a PrivateTable) {
        for key in &table.foreign_keys {
            for (column, referenced) in key.columns.iter().zip(&key.referenced) {
                let (Some(from), Some(to)) = (self.place(&table.name, column), self.place(&key.references, referenced)) else { continue };
                self.tie(from, to, &format!("foreign key {} ties them together", key.name));
                self.keys.insert(from, &key.name);
                self.keys.insert(to, &key.name);
            }
        }
    }

    fn tie_to_whole(&mut self, partition: &'a PrivateTable) {
        for (whole, column) in partition.parents.iter().flat_map(|whole| partition.columns.iter().map(move |column| (whole, column))) {
            if let (Some(own), Some(theirs)) = (self.place(&partition.name, &column.name), self.place(whole, &column.name)) {
                self.tie(own, theirs, "one is a partition of the other");
            }
        }
    }

    fn tie(&mut self, one: Place, other: Place, why: &str) {
        self.ties[one].push(Tie { to: other, why: why.to_owned() });
        self.ties[other].push(Tie { to: one, why: why.to_owned() });
    }

    pub(super) fn len(&self) -> usize {
        self.columns.len()
    }

    pub(super) fn at(&self, place: Place) -> (&'a PrivateTable, &'a PrivateColumn) {
        self.columns[place]
    }

    pub(super) fn place(&self, table: &QualifiedName, column: &str) -> Option<Place> {
        self.places.get(&(table, column)).copied()
    }

    pub(super) fn name(&self, place: Place) -> ColumnName {
        let (table, column) = self.at(place);
        ColumnName::new(table.name.clone(), &column.name)
    }

    /// The same column of the tables that its table inherits from.
    pub(super) fn inherited(&self, place: Place) -> impl Iterator<Item = Place> {
        let (table, column) = self.at(place);
        table.parents.iter().filter_map(|parent| self.place(parent, &column.name))
    }

    /// The columns of its table that are computed from it.
    pub(super) fn computed(&self, place: Place) -> impl Iterator<Item = Place> {
        let (table, column) = self.at(place);
        let from_it = |other: &&PrivateColumn| other.generated_from.iter().flatten().any(|source| *source == column.name);
        table.columns.iter().filter(from_it).filter_map(|other| self.place(&table.name, &other.name))
    }

    /// A foreign key on either side of which the column stands.
    pub(super) fn foreign_key(&self, place: Place) -> Option<&'a str> {
        self.keys.get(&place).copied()
    }

    /// All columns in families; most have none but themselves.
    pub(super) fn all(&self) -> Vec<Vec<Place>> {
        let mut seen = vec![false; self.len()];
        let mut families = Vec::new();
        for first in 0..self.len() {
            if std::mem::replace(&mut seen[first], true) {
                continue;
            }
            let mut family = vec![first];
            let mut next = 0;
            while let Some(&place) = family.get(next) {
                for tie in &self.ties[place] {
                    if !std::mem::replace(&mut seen[tie.to], true) {
                        family.push(tie.to);
                    }
                }
                next += 1;
            }
            families.push(family);
        }
        families
    }

    /// For each column of a family that is not among `leaders`: the neighbour on the way from the nearest of them, and why it follows.
    pub(super) fn followers(&self, leaders: &[Place]) -> Vec<(Place, String)> {
        let mut seen: std::collections::HashSet<_> = leaders.iter().copied().collect();
        let mut queue: VecDeque<_> = leaders.iter().copied().collect();
        let mut followers = Vec::new();
        while let Some(place) = queue.pop_front() {
            for tie in &self.ties[place] {
                if seen.insert(tie.to) {
                    followers.push((tie.to, format!("follows {}: {}", self.name(place), tie.why)));
                    queue.push_back(tie.to);
                }
            }
        }
        followers
    }
}
