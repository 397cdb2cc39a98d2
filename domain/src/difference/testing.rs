//! Differences to write.

use crate::schema::{Change, Fingerprint, Hazard, Identity, Kind, ObjectChange, PossibleRename, SchemaDiff, ScriptStatement, Summary, Unscripted};

/// A statement of a script.
pub(super) fn statement(object: &str, sql: &str, hazards: &[Hazard]) -> ScriptStatement {
    let in_transaction = !hazards.contains(&Hazard::NotInTransaction);
    ScriptStatement { sql: sql.to_owned(), object: object.to_owned(), hazards: hazards.to_vec(), in_transaction }
}

/// One that nobody need think about.
pub(super) fn plain() -> SchemaDiff {
    let object = Identity::new(Kind::Table, Some("public"), "t");
    let change = ObjectChange { kind: Kind::Table, identity: object.qualified(), change: Change::Changed, fields: Vec::new(), object };
    SchemaDiff {
        summary: Summary { added: 0, removed: 0, changed: 1 },
        objects: vec![change],
        script: vec![statement("table public.t", "COMMENT ON TABLE public.t IS 'x'", &[])],
        ..SchemaDiff::equal(Fingerprint::from_text("aa"))
    }
}

/// One that has everything that there is to tell, and a name that wants to end a comment.
pub(super) fn hazardous() -> SchemaDiff {
    SchemaDiff {
        hazards: vec![Hazard::DataLoss, Hazard::ExclusiveLock],
        script: vec![
            statement("table public.t", "ALTER TABLE public.t DROP COLUMN a", &[Hazard::DataLoss, Hazard::ExclusiveLock]),
            statement("index public.i", "CREATE INDEX i ON public.t USING btree (b)", &[Hazard::ExclusiveLock]),
        ],
        unscripted: vec![Unscripted {
            kind: Kind::Table,
            identity: "public.a\nDROP TABLE public.b;\r--".to_owned(),
            reason: "it is left".to_owned(),
        }],
        possible_renames: vec![PossibleRename {
            kind: "column".to_owned(),
            from: "public.t.a".to_owned(),
            to: "public.t.b".to_owned(),
            sql: "ALTER TABLE public.t RENAME COLUMN a TO b".to_owned(),
        }],
        ..plain()
    }
}
