//! The ways from one relation to another, and how a request names each.

use super::{Catalogue, ForeignKey, Relation, RelationKind};
use crate::table::{QualifiedName, grammar::print_name};

/// How rows of an embedded relation belong to a row of its parent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link<'a> {
    /// The parent references them.
    ToOne(&'a ForeignKey),
    /// They reference the parent.
    FromMany(&'a ForeignKey),
    /// A table between references both.
    Through {
        /// Junction to parent.
        near: &'a ForeignKey,
        /// Junction to embedded relation.
        far: &'a ForeignKey,
    },
}

impl<'a> Link<'a> {
    /// Whether there is at most one row for each parent.
    pub fn to_one(self) -> bool {
        match self {
            Self::ToOne(_) => true,
            Self::FromMany(key) => key.unique,
            Self::Through { .. } => false,
        }
    }

    /// As people say it: `many-to-one`.
    pub fn cardinality(self) -> &'static str {
        match self {
            Self::ToOne(key) | Self::FromMany(key) if key.unique => "one-to-one",
            Self::ToOne(_) => "many-to-one",
            Self::FromMany(_) => "one-to-many",
            Self::Through { .. } => "many-to-many",
        }
    }

    /// The relation it leads to.
    pub fn target(self) -> &'a QualifiedName {
        match self {
            Self::ToOne(key) => &key.target,
            Self::FromMany(key) => &key.origin,
            Self::Through { far, .. } => &far.target,
        }
    }

    /// The table between, where there is one.
    pub fn junction(self) -> Option<&'a QualifiedName> {
        match self {
            Self::ToOne(_) | Self::FromMany(_) => None,
            Self::Through { near, .. } => Some(&near.origin),
        }
    }

    /// The foreign keys that it follows.
    pub fn foreign_keys(self) -> impl Iterator<Item = &'a ForeignKey> {
        let (near, far) = match self {
            Self::ToOne(key) | Self::FromMany(key) => (key, None),
            Self::Through { near, far } => (near, Some(far)),
        };
        std::iter::once(near).chain(far)
    }

    /// The columns that are compared: the parent's, and the embedded relation's.
    pub fn columns(self) -> (&'a [String], &'a [String]) {
        match self {
            Self::ToOne(key) => (&key.columns, &key.target_columns),
            Self::FromMany(key) => (&key.target_columns, &key.columns),
            Self::Through { near, far } => (&near.target_columns, &far.target_columns),
        }
    }

    /// Whether an embed of this name and hint means this link, as `PostgREST` has it.
    ///
    /// Where a foreign key leads from a table to itself, the embed's name says which way it is followed. The table's name means the rows that reference
    /// this one (`employees(*)`, `employees!manager_id(*)`). The name of the key's column, or of the key, means the row that this one references
    /// (`manager_id(*)`).
    ///
    /// A link to a view of another table is never meant by the name of a key or its column, only by the view's own name.
    fn is_meant(self, catalogue: &Catalogue, parent: &Relation, name: &str, hint: Option<&str>) -> bool {
        let by_table = self.target().name == name && !matches!(self, Self::ToOne(key) if key.target == parent.name);
        let Some(hint) = hint else {
            let by_key = match self {
                Self::ToOne(key) => key.name == name || only(&key.columns) == Some(name),
                Self::FromMany(key) => key.name == name && key.origin != key.target,
                Self::Through { .. } => false,
            };
            return by_table || (by_key && (*self.target() == parent.name || !catalogue.is_view(self.target())));
        };
        by_table
            && match self {
                Self::ToOne(key) | Self::FromMany(key) => {
                    key.name == hint || only(&key.columns) == Some(hint) || (key.origin != key.target && only(&key.target_columns) == Some(hint))
                }
                Self::Through { far, .. } => far.origin.name == hint || far.name == hint,
            }
    }

    /// The hint that tells it from others of the same name.
    pub fn hint(self, among: &[Link<'_>]) -> &'a str {
        match self {
            Self::ToOne(key) | Self::FromMany(key) => {
                // A view may show a table twice; then the column tells which of them is meant.
                let by_name =
                    among.iter().filter(|link| matches!(link, Link::ToOne(other) | Link::FromMany(other) if other.name == key.name)).count();
                only(&key.columns).filter(|_| by_name > 1).unwrap_or(&key.name)
            }
            Self::Through { far, .. } => {
                let by_junction = among.iter().filter(|link| link.junction().is_some_and(|junction| junction.name == far.origin.name)).count();
                if by_junction == 1 { &far.origin.name } else { &far.name }
            }
        }
    }

    /// What to write in `select` to follow it and none of the others: `users`, `users!orders_buyer_fkey`, `manager_id`. `None` where nothing decides.
    pub fn spelling(self, catalogue: &Catalogue, parent: &Relation, all: &[Link<'_>]) -> Option<String> {
        let target = self.target().name.as_str();
        let rivals: Vec<_> = all.iter().copied().filter(|link| link.target().name == target).collect();
        let own = match self {
            Self::ToOne(key) => only(&key.columns).into_iter().chain([key.name.as_str()]).collect(),
            Self::FromMany(_) | Self::Through { .. } => Vec::new(),
        };
        let spellings = [(target, None), (target, Some(self.hint(&rivals)))].into_iter().chain(own.into_iter().map(|name| (name, None)));
        let decides = |(name, hint): &(&str, Option<&str>)| catalogue.meant(parent, all, name, *hint) == [self];
        spellings.into_iter().find(decides).map(|(name, hint)| match hint {
            None => print_name(name),
            Some(hint) => format!("{}!{}", print_name(name), print_name(hint)),
        })
    }
}

impl Catalogue {
    /// Every way out of a relation.
    pub fn links(&self, parent: &Relation) -> Vec<Link<'_>> {
        let mut links = Vec::new();
        for key in self.foreign_keys_of(&parent.name) {
            if key.origin == parent.name {
                links.push(Link::ToOne(key));
            }
            if key.target == parent.name {
                links.push(Link::FromMany(key));
                self.add_junctions(key, &mut links);
            }
        }
        links
    }

    /// Which of a relation's links an embed of this name and hint can mean. Those to its own schema come before those to others that have such a name too.
    pub fn meant<'a>(&self, parent: &Relation, links: &[Link<'a>], name: &str, hint: Option<&str>) -> Vec<Link<'a>> {
        let mut meant: Vec<_> = links.iter().copied().filter(|link| link.is_meant(self, parent, name, hint)).collect();
        let is_near = |link: &Link<'_>| link.target().schema == parent.name.schema;
        if meant.iter().any(is_near) {
            meant.retain(is_near);
        }
        meant
    }

    /// Whether this is a view, whose columns are those of tables, and so its foreign keys.
    pub fn is_view(&self, name: &QualifiedName) -> bool {
        self.get(name).is_some_and(|relation| matches!(relation.kind, RelationKind::View | RelationKind::MaterializedView))
    }

    /// A junction is a table whose primary key holds the columns of both foreign keys.
    fn add_junctions<'a>(&'a self, near: &'a ForeignKey, links: &mut Vec<Link<'a>>) {
        let Some(junction) = self.get(&near.origin) else { return };
        let in_key = |key: &ForeignKey| key.columns.iter().all(|column| junction.primary_key.contains(column));
        if !in_key(near) {
            return;
        }
        let others = self.foreign_keys_of(&junction.name);
        let far = others.filter(|far| far.origin == junction.name && far.name != near.name && in_key(far));
        links.extend(far.map(|far| Link::Through { near, far }));
    }
}

fn only(columns: &[String]) -> Option<&str> {
    match columns {
        [one] => Some(one),
        _ => None,
    }
}
