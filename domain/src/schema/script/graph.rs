//! Who depends on whom, told by places in an object map.

use crate::schema::{Address, AliasPart, Facts, Kind, Node, ObjectMap};
use std::collections::HashMap;

/// Which part of an object depends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The object as a whole.
    Whole,
    /// A column, by its type.
    Column(String),
    /// A column's default or generation expression.
    Default(String),
    /// A check constraint.
    Check(String),
}

/// Somebody who depends on an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dependent {
    /// Who.
    pub(super) place: usize,
    pub(super) part: Part,
    /// The column of the other that it depends on; 0 for the whole.
    pub(super) column: i32,
    /// It goes with the other.
    pub(super) automatic: bool,
}

/// The dependencies between the objects of a map.
#[derive(Debug, Default)]
pub(super) struct Graph {
    dependents: HashMap<usize, Vec<Dependent>>,
    /// What each depends on: place, column, whether it goes with it.
    dependencies: HashMap<usize, Vec<(usize, i32, bool)>>,
}

struct Resolver<'a> {
    places: HashMap<Address, usize>,
    aliases: HashMap<Address, (Address, &'a AliasPart)>,
    map: &'a ObjectMap,
    facts: &'a Facts,
}

impl Resolver<'_> {
    /// The object that a row is or belongs to, and which part of it the row is.
    fn resolve(&self, node: Node) -> Option<(usize, Part)> {
        let (mut address, mut part) = (node.address, Part::Whole);
        // An index's key's table: few steps, and never in a circle that matters.
        for _ in 0..8 {
            if let Some(place) = self.places.get(&address) {
                return Some((*place, if part == Part::Whole { self.column(*place, node) } else { part }));
            }
            let (bearer, alias) = self.aliases.get(&address)?;
            match alias {
                AliasPart::Whole => {}
                AliasPart::Default { column } => part = Part::Default(column.clone()),
                AliasPart::Check { name } => part = Part::Check(name.clone()),
            }
            address = *bearer;
        }
        None
    }

    /// Whether it is the default of one column and speaks of another: one that is generated.
    fn speaks_of_another_column(&self, part: &Part, on: Node) -> bool {
        let Part::Default(of) = part else { return false };
        let columns = self.facts.columns.get(&on.address.object).map_or(&[][..], Vec::as_slice);
        columns.iter().any(|column| column.number == on.column && column.name != *of)
    }

    /// Whether a row holds the attributes of a composite type.
    fn is_composite(&self, row: Address, place: usize) -> bool {
        self.map.objects()[place].identity.kind == Kind::Type && self.facts.columns.contains_key(&row.object)
    }

    fn column(&self, place: usize, node: Node) -> Part {
        let of_a_table = matches!(self.map.objects()[place].identity.kind, Kind::Table | Kind::ForeignTable | Kind::MaterializedView);
        let columns = self.facts.columns.get(&node.address.object);
        let found = columns.and_then(|columns| columns.iter().find(|column| column.number == node.column));
        found.filter(|_| of_a_table && node.column > 0).map_or(Part::Whole, |column| Part::Column(column.name.clone()))
    }
}

impl Graph {
    pub(super) fn new(map: &ObjectMap, facts: &Facts) -> Self {
        let places = map.objects().iter().enumerate().filter_map(|(place, object)| object.address.map(|address| (address, place))).collect();
        let aliases = facts.aliases.iter().map(|alias| (alias.row, (alias.bearer, &alias.part))).collect();
        let resolver = Resolver { places, aliases, map, facts };
        let mut graph = Self::default();
        for edge in &facts.edges {
            let (Some((place, part)), Some((on, _))) = (resolver.resolve(edge.from), resolver.resolve(edge.on)) else { continue };
            let is_its_own = resolver.places.get(&edge.on.address) == Some(&on) || resolver.is_composite(edge.on.address, on);
            let column = if is_its_own { edge.on.column } else { 0 };
            // A check goes with any column that it speaks of.
            if place == on && !matches!(part, Part::Check(_)) && !resolver.speaks_of_another_column(&part, edge.on) {
                continue;
            }
            graph.dependencies.entry(place).or_default().push((on, column, edge.automatic));
            graph.dependents.entry(on).or_default().push(Dependent { place, part, column, automatic: edge.automatic });
        }
        graph
    }

    /// Who depends on an object.
    pub(super) fn dependents(&self, place: usize) -> &[Dependent] {
        self.dependents.get(&place).map_or(&[], Vec::as_slice)
    }

    /// On whom an object depends: place, column, whether it goes with it.
    pub(super) fn dependencies(&self, place: usize) -> &[(usize, i32, bool)] {
        self.dependencies.get(&place).map_or(&[], Vec::as_slice)
    }
}
