//! The relationships of a table, as they are told to whoever wants to embed.

use super::{Catalogue, ForeignKey, Link, Relation};
use crate::table::QualifiedName;

/// A way from a table to another, and what a request writes to follow it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relationship {
    /// `many-to-one`, `one-to-many`, `one-to-one` or `many-to-many`.
    pub cardinality: &'static str,
    /// The table's own columns.
    pub columns: Vec<String>,
    /// The other table.
    pub target: QualifiedName,
    /// Its columns, in the same order; of a many-to-many those that the junction references.
    pub target_columns: Vec<String>,
    /// The junction of a many-to-many.
    pub through: Option<QualifiedName>,
    /// What to write in `select`, with a hint where one is needed: `users!orders_buyer_fkey`.
    pub embed: String,
}

impl Catalogue {
    /// The relationships of a table all of whose foreign keys are usable. Each one's spelling decides among all that there are.
    pub fn relationships(&self, table: &Relation, usable: impl Fn(&ForeignKey) -> bool) -> Vec<Relationship> {
        let links = self.links(table);
        let usable = |link: &&Link<'_>| link.foreign_keys().all(&usable);
        links.iter().filter(usable).filter_map(|link| Some(relationship(*link, link.spelling(self, table, &links)?))).collect()
    }
}

fn relationship(link: Link<'_>, embed: String) -> Relationship {
    let (columns, target_columns) = link.columns();
    Relationship {
        cardinality: link.cardinality(),
        columns: columns.to_vec(),
        target: link.target().clone(),
        target_columns: target_columns.to_vec(),
        through: link.junction().cloned(),
        embed,
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        catalogue::{Catalogue, ForeignKey, Relation, RelationKind},
        table::{QualifiedName, grammar::parse_select},
    };

    fn name(table: &str) -> QualifiedName {
        QualifiedName::new("public", table)
    }

    fn table(table: &str, primary_key: &[&str]) -> Relation {
        Relation {
            oid: 1,
            name: name(table),
            kind: RelationKind::Table,
            columns: Vec::new(),
            primary_key: primary_key.iter().map(|&column| column.to_owned()).collect(),
            unique_keys: Vec::new(),
            row_security: false,
            comment: None,
            reads: Vec::new(),
            writable: true,
            visible_to: Vec::new(),
            estimated_rows: None,
        }
    }

    fn key(constraint: &str, origin: &str, column: &str, target: &str) -> ForeignKey {
        ForeignKey {
            name: constraint.to_owned(),
            origin: name(origin),
            columns: vec![column.to_owned()],
            target: name(target),
            target_columns: vec!["id".to_owned()],
            unique: constraint.contains("_one_"),
        }
    }

    fn told(tables: Vec<Relation>, keys: Vec<ForeignKey>, of: &str, hidden: &[&str]) -> Vec<String> {
        let catalogue = Catalogue::new(tables, keys, vec!["public".to_owned()]);
        let usable = |key: &ForeignKey| key.ends().iter().all(|(name, _)| !hidden.contains(&name.name.as_str()));
        let told = catalogue.relationships(catalogue.get(&name(of)).unwrap(), usable).into_iter().map(|r| {
            let through = r.through.map(|junction| format!(" through {}", junction.name)).unwrap_or_default();
            format!("{} {} -> {}({}){through} as {}", r.cardinality, r.columns.join(","), r.target.name, r.target_columns.join(","), r.embed)
        });
        told.collect()
    }

    #[test]
    fn every_direction_says_how_to_embed() {
        let tables = ["posts", "users", "comments", "drafts"].map(|table_name| table(table_name, &["id"])).to_vec();
        let keys = vec![
            key("posts_author", "posts", "author_id", "users"),
            key("comments_post", "comments", "post_id", "posts"),
            key("drafts_one_post", "drafts", "post_id", "posts"),
        ];
        let expected = [
            "many-to-one author_id -> users(id) as users",
            "one-to-many id -> comments(post_id) as comments",
            "one-to-one id -> drafts(post_id) as drafts",
        ];
        assert_eq!(told(tables.clone(), keys.clone(), "posts", &[]), expected);
        assert_eq!(told(tables, keys, "posts", &["users", "drafts"]), expected[1..2]);
    }

    #[test]
    fn two_ways_to_one_table_need_the_key_named() {
        let tables = vec![table("orders", &["id"]), table("users", &["id"])];
        let keys = vec![key("orders_buyer", "orders", "buyer_id", "users"), key("orders_seller", "orders", "seller_id", "users")];
        assert_eq!(
            told(tables, keys, "orders", &[]),
            ["many-to-one buyer_id -> users(id) as users!orders_buyer", "many-to-one seller_id -> users(id) as users!orders_seller"]
        );
    }

    #[test]
    fn names_that_the_grammar_would_read_otherwise_are_in_quotes() {
        let tables = vec![table("or.ders", &["id"]), table("us,ers", &["id"])];
        let keys = vec![key("by(er", "or.ders", "buyer_id", "us,ers"), key("sel.ler", "or.ders", "seller_id", "us,ers")];
        for (told, embed) in told(tables.clone(), keys.clone(), "or.ders", &[]).iter().zip([r#""us,ers"!"by(er""#, r#""us,ers"!"sel.ler""#]) {
            assert!(told.ends_with(&format!(" as {embed}")), "{told}");
            assert!(parse_select(&format!("{embed}(*)")).is_ok(), "{embed}");
        }
    }

    #[test]
    fn junctions_lead_to_many_and_are_named_where_that_decides() {
        let tables =
            vec![table("books", &["id"]), table("people", &["id"]), table("authors", &["book", "person"]), table("readers", &["book", "person"])];
        let keys = vec![
            key("authors_book", "authors", "book", "books"),
            key("authors_person", "authors", "person", "people"),
            key("readers_book", "readers", "book", "books"),
            key("readers_person", "readers", "person", "people"),
        ];
        let of_books = told(tables.clone(), keys.clone(), "books", &[]);
        assert_eq!(
            of_books,
            [
                "one-to-many id -> authors(book) as authors",
                "many-to-many id -> people(id) through authors as people!authors",
                "one-to-many id -> readers(book) as readers",
                "many-to-many id -> people(id) through readers as people!readers",
            ]
        );
        assert_eq!(told(tables.clone(), keys.clone(), "books", &["readers"]), of_books[..2], "a hidden junction leads nowhere");
        let two: Vec<_> = [&tables[..3], &tables[4..]].concat();
        assert_eq!(told(two, keys[..2].to_vec(), "books", &[])[1], "many-to-many id -> people(id) through authors as people");
    }

    #[test]
    fn a_table_within_itself_is_named_by_its_column_upwards() {
        let keys = vec![key("staff_manager", "staff", "manager_id", "staff")];
        assert_eq!(
            told(vec![table("staff", &["id"])], keys, "staff", &[]),
            ["many-to-one manager_id -> staff(id) as manager_id", "one-to-many id -> staff(manager_id) as staff"]
        );
    }
}
