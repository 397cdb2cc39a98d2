//! Masking: the expressions that stand in the place of personal values while a table is copied.

mod expression;
mod hidden_objects;
mod remarks;

pub(crate) use expression::KEY_SETTING;
pub(crate) use hidden_objects::pointing;

use crate::{
    definitions::never_copied::EXTENSIONS,
    error::{from_sql, refused},
    hex::hex,
};
use domain::{
    branch::{DatabaseName, Withheld, WithheldRows},
    privacy::{MaskFault, MaskedColumn, MaskingPlan, MaskingRefused, PlannedMask, PrivacyRules, PrivateTable, plan_masks},
    table::QualifiedName,
};
use hmac::{Hmac, KeyInit, Mac};
use ports::driven::BuildError;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::{PgConnection, types::Json};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of personal data beforehand.
#[derive(Clone, Debug)]
pub struct MaskingSettings {
    /// The configuration's rules; comments on columns come beside them.
    pub rules: PrivacyRules,
    /// By which values are masked: the same on every replica, so that equal values are equal in every branch of main. Letters and digits only.
    pub key: SecretString,
}

impl MaskingSettings {
    /// The same for settings by which the same values are masked alike: a kept copy may serve only where this is what it was made by. Comments on columns have no
    /// part in it. They are definitions of the parent, whose changes are found otherwise.
    pub(crate) fn hash(&self) -> String {
        // Raised when the same rules make other values.
        const VERSION: u32 = 3;
        let mut digest = Sha256::new_with_prefix(format!("{VERSION}\n{}\n", self.key.expose_secret()));
        for rule in self.rules.masking() {
            digest.update(format!("mask {} {}\n", rule.column, rule.mask));
        }
        for pattern in self.rules.classified() {
            digest.update(format!("classified {pattern}\n"));
        }
        hex(&digest.finalize()[..16])
    }

    /// By which the values of this parent are masked. Whoever owns a branch has its code run in the session that reads it, in the predicates of its indexes to begin
    /// with, and so may come to know the key: theirs says nothing of main's values, nor of another branch's.
    pub(crate) fn key_of(&self, parent: &DatabaseName, is_main: bool) -> SecretString {
        if is_main {
            return self.key.clone();
        }
        let mut digest = Hmac::<Sha256>::new_from_slice(self.key.expose_secret().as_bytes()).expect("HMAC takes keys of any length");
        digest.update(parent.as_str().as_bytes());
        hex(&digest.finalize().into_bytes()).into()
    }
}

/// What is selected instead of masked columns. Only that goes over the wire: raw values never reach a branch.
#[derive(Clone, Debug, Default)]
pub(crate) struct Masks {
    expressions: BTreeMap<QualifiedName, BTreeMap<String, String>>,
    /// Large objects that only withheld values point at.
    pub(crate) hidden_objects: BTreeSet<i64>,
}

impl Masks {
    /// By column, where a table has any.
    pub(crate) fn of(&self, table: &QualifiedName) -> Option<&BTreeMap<String, String>> {
        self.expressions.get(table)
    }
}

impl From<&MaskingPlan> for Masks {
    fn from(plan: &MaskingPlan) -> Self {
        let expressions =
            |planned: &Vec<PlannedMask>| planned.iter().map(|planned| (planned.column.clone(), expression::expression(planned))).collect();
        Self {
            expressions: plan.tables.iter().map(|(table, planned)| (table.clone(), expressions(planned))).collect(),
            hidden_objects: BTreeSet::new(),
        }
    }
}

/// Plans the masks for a clone of the leader's snapshot, and adds to `withheld` what they change.
pub(crate) async fn plan(
    leader: &mut PgConnection,
    excluded: &[String],
    settings: &MaskingSettings,
    parent_is_main: bool,
    withheld: &mut Vec<Withheld>,
) -> Result<Masks, BuildError> {
    let tables: Vec<Json<PrivateTable>> = sqlx::query_scalar(include_str!("sql/columns.sql"))
        .bind(excluded)
        .bind(EXTENSIONS)
        .fetch_all(&mut *leader)
        .await
        .map_err(|error| from_sql("reading which columns are personal", error))?;
    let tables: Vec<PrivateTable> = tables.into_iter().map(|Json(table)| table).collect();
    // A branch may have lost a column that main has; what is left in it was masked when it was made.
    let misplaced = remarks::misplaced(leader, excluded, withheld).await?;
    let plan = match plan_masks(&tables, &settings.rules, withheld, parent_is_main) {
        planned if misplaced.is_empty() => planned,
        Ok(_) => Err(MaskingRefused::Faults(vec![MaskFault::Misplaced(misplaced)])),
        Err(refused) => Err(refused.beside(MaskFault::Misplaced(misplaced))),
    };
    let plan = plan.map_err(|error| refused(error.code(), error.to_string()))?;
    for (table, planned) in &plan.tables {
        report(withheld, table, planned);
    }
    let hidden_objects = hidden_objects::find(leader, &tables, withheld).await?;
    withheld.extend(hidden_objects::told(&hidden_objects));
    Ok(Masks { hidden_objects, ..Masks::from(&plan) })
}

fn report(withheld: &mut Vec<Withheld>, table: &QualifiedName, planned: &[PlannedMask]) {
    let columns = planned.iter().map(|planned| MaskedColumn { name: planned.column.clone(), mask: planned.mask, reason: planned.reason.clone() });
    if let Some(entry) = withheld.iter_mut().find(|entry| entry.table == *table) {
        entry.masked_columns.extend(columns);
        return;
    }
    let reason = "holds personal data, which arrives masked".to_owned();
    let place = withheld.partition_point(|entry| entry.table < *table);
    let entry = Withheld { table: table.clone(), rows: WithheldRows::None, nulled_columns: Vec::new(), masked_columns: columns.collect(), reason };
    withheld.insert(place, entry);
}

/// What the branch refuses may be refused for the masks of a table: they are named beside what PostgreSQL says.
pub(crate) fn blame_masks<'a>(withheld: impl IntoIterator<Item = &'a Withheld>, error: BuildError) -> BuildError {
    let of = |entry: &Withheld| {
        let masks: Vec<_> = entry.masked_columns.iter().map(|column| format!("{} as {}", column.name, column.mask)).collect();
        (!masks.is_empty()).then(|| format!("Columns of {} are masked ({})", entry.table, masks.join(", ")))
    };
    let masked: Vec<_> = withheld.into_iter().filter_map(of).collect();
    match error {
        BuildError::Refused { message, .. } if !masked.is_empty() => {
            let ways = "choose masks whose values hold there, or say that a column is not personal ('@pii keep')";
            refused("masking_refused", format!("{message}. {}; {ways}", masked.join(". ")))
        }
        error => error,
    }
}

#[cfg(test)]
mod tests {
    use super::MaskingSettings;
    use domain::{branch::DatabaseName, privacy::PrivacyRules};
    use secrecy::ExposeSecret;
    use std::collections::BTreeSet;

    #[test]
    fn whoever_learns_the_key_of_one_branch_knows_none_of_main_nor_of_another() {
        let settings = MaskingSettings { rules: PrivacyRules::default(), key: "a5ec".into() };
        let key = |parent: &str, is_main| settings.key_of(&DatabaseName::existing(parent), is_main).expose_secret().to_owned();
        assert_eq!(key("main", true), "a5ec");
        let keys: BTreeSet<_> = [key("main", true), key("main", false), key("b_one_g1", false), key("b_two_g1", false)].into();
        assert_eq!(keys.len(), 4);
        assert_eq!(key("b_one_g1", false), key("b_one_g1", false), "all sessions of a copy mask alike");
        assert!(key("b_one_g1", false).bytes().all(|byte| byte.is_ascii_alphanumeric()));
    }
}
