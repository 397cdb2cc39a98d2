//! Plans of small databases.

use super::{MaskingPlan, plan_masks};
use crate::{
    branch::Withheld,
    privacy::{ColumnName, Kind, Mask, MaskRule, MaskingRefused, PrivacyRules, PrivateColumn, PrivateKey, PrivateTable},
    table::QualifiedName,
};

fn name(table: &str) -> QualifiedName {
    QualifiedName::new("app", table)
}

fn column(name: &str, kind: Kind) -> PrivateColumn {
    PrivateColumn::plain(name, kind)
}

fn table(own: &str, columns: Vec<PrivateColumn>) -> PrivateTable {
    PrivateTable { name: name(own), columns, foreign_keys: Vec::new(), parents: Vec::new(), partition: false }
}

/// A unique address, and a table whose foreign key points at it.
fn people_and_orders() -> Vec<PrivateTable> {
    let email = PrivateColumn { key: Some("people_email_key".to_owned()), ..column("email", Kind::Text) };
    let mut orders = table("orders", vec![PrivateColumn { room: Some(40), ..column("ordered_by", Kind::Text) }]);
    let key = PrivateKey {
        name: "orders_fk".to_owned(),
        columns: vec!["ordered_by".to_owned()],
        references: name("people"),
        referenced: vec!["email".to_owned()],
    };
    orders.foreign_keys.push(key);
    vec![table("people", vec![email]), orders]
}

fn rules(rules: &[(&str, Mask)], classified: &[&str]) -> PrivacyRules {
    let rules = rules.iter().map(|(column, mask)| MaskRule { column: format!("app.{column}").parse().unwrap(), mask: *mask }).collect();
    PrivacyRules::new(rules, classified.iter().map(|pattern| pattern.parse().unwrap()).collect()).unwrap()
}

fn planned(tables: &[PrivateTable], said: &[(&str, Mask)]) -> Result<MaskingPlan, String> {
    plan_masks(tables, &rules(said, &[]), &[], true).map_err(|refused| refused.to_string())
}

fn refusal(tables: &[PrivateTable], said: &[(&str, Mask)], parts: &[&str]) {
    let said = planned(tables, said).unwrap_err();
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[test]
fn a_mask_follows_foreign_keys_both_ways_and_values_get_one_width() {
    for leader in ["people.email", "orders.ordered_by"] {
        let plan = planned(&people_and_orders(), &[(leader, Mask::Email)]).unwrap();
        let (people, orders) = (&plan.tables[&name("people")][0], &plan.tables[&name("orders")][0]);
        assert_eq!((people.mask, orders.mask, people.width, orders.width), (Mask::Email, Mask::Email, 40, 40));
        let follower = if leader == "people.email" { orders } else { people };
        assert_eq!(follower.reason, format!("follows app.{leader}: foreign key orders_fk ties them together"));
    }
}

#[test]
fn keys_take_no_lossy_mask() {
    refusal(
        &people_and_orders(),
        &[("people.email", Mask::Redact)],
        &["app.people.email as redact", "people_email_key", "app.orders.ordered_by", "orders_fk"],
    );
    refusal(&people_and_orders(), &[("orders.ordered_by", Mask::KeepLast(4))], &["app.orders.ordered_by as keep_last(4)"]);
    refusal(&people_and_orders(), &[("people.email", Mask::Email), ("orders.ordered_by", Mask::Hash)], &["one mask", "as email", "as hash"]);
}

#[test]
fn what_cannot_be_is_refused_and_all_of_it_told() {
    let required = PrivateColumn { nullable: false, ..column("a", Kind::Text) };
    let odd = PrivateColumn { nullable: false, ..column("b", Kind::Enum) };
    let sent = PrivateColumn { partition_key: true, ..column("c", Kind::Text) };
    let numbered = PrivateColumn { numbered: true, ..column("d", Kind::Big) };
    let short = PrivateColumn { room: Some(20), ..column("e", Kind::Text) };
    let computed = PrivateColumn { generated_from: Some(vec!["g".to_owned()]), ..column("f", Kind::Text) };
    let tables = [table("t", vec![required, odd, sent, numbered, short, computed, column("g", Kind::Text)])];
    let said = [
        ("t.a", Mask::Null),
        ("t.b", Mask::Redact),
        ("t.c", Mask::Hash),
        ("t.d", Mask::Number),
        ("t.e", Mask::Email),
        ("t.f", Mask::Hash),
        ("t.g", Mask::Date),
        ("t.nothing", Mask::Hash),
    ];
    let parts = [
        "app.t.a as null: the column takes no NULL",
        "app.t.b as redact: there is no such value of type enum",
        "app.t.c as hash: rows are sent to partitions",
        "app.t.d as number: its values come from a sequence",
        "app.t.e as email: 20 characters are too few",
        "app.t.g as date: there is no such value of type text",
        "app.t.nothing, and no table",
    ];
    refusal(&tables, &said, &parts);
    refusal(&tables, &[("t.f", Mask::Hash)], &["computed from g, of which none is masked"]);
    let plan = planned(&tables, &[("t.f", Mask::Hash), ("t.g", Mask::Hash)]).unwrap();
    assert_eq!(plan.tables[&name("t")].len(), 2);
}

#[test]
fn a_branch_may_lack_what_main_has() {
    let asked = rules(&[("t.gone", Mask::Hash)], &[]);
    assert!(plan_masks(&[table("t", Vec::new())], &asked, &[], false).is_ok());
    assert!(plan_masks(&[table("t", Vec::new())], &asked, &[], true).is_err());
}

#[test]
fn comments_are_rules_and_the_configuration_outweighs_them() {
    let tables = |comment: &str| [table("t", vec![PrivateColumn { comment: Some(comment.to_owned()), ..column("x", Kind::Text) }])];
    let mask = |tables: &[PrivateTable], said: &[(&str, Mask)]| planned(tables, said).unwrap().tables[&name("t")][0].mask;
    assert_eq!(mask(&tables("@pii email"), &[]), Mask::Email);
    assert_eq!(mask(&tables("@pii"), &[]), Mask::Redact);
    assert_eq!(mask(&tables("@pii email"), &[("t.x", Mask::Hash)]), Mask::Hash);
    assert!(planned(&tables("@pii keep"), &[]).unwrap().tables.is_empty());
    refusal(&tables("@pii emial"), &[], &["the comment on app.t.x", "emial"]);
}

#[test]
fn partitions_do_as_their_whole_does() {
    let mut partition = table("t_1", vec![column("email", Kind::Text)]);
    (partition.parents, partition.partition) = (vec![name("t")], true);
    let mut heir = table("h", vec![column("email", Kind::Text)]);
    heir.parents = vec![name("t")];
    let tables = [table("t", vec![column("email", Kind::Text)]), partition, heir];
    let plan = planned(&tables, &[("t.email", Mask::Text)]).unwrap();
    assert_eq!(plan.tables.len(), 3);
    assert_eq!(plan.tables[&name("h")][0].reason, "as app.t.email: a rule of branching.masking");
    assert_eq!(planned(&tables, &[("t_1.email", Mask::Text), ("h.email", Mask::Keep)]).unwrap().tables.len(), 2);
}

#[test]
fn telephone_numbers_are_as_long_as_they_must_be() {
    let phone = |key: Option<&str>| PrivateColumn { key: key.map(str::to_owned), ..column("phone", Kind::Text) };
    let width = |key| planned(&[table("t", vec![phone(key)])], &[("t.phone", Mask::Phone)]).unwrap().tables[&name("t")][0].width;
    assert_eq!((width(None), width(Some("t_phone_key"))), (15, 20));
}

#[test]
fn nobody_is_asked_before_somebody_asks() {
    let tables = [table("t", vec![column("email", Kind::Text), column("x", Kind::Text)])];
    assert!(plan_masks(&tables, &PrivacyRules::default(), &[], true).is_ok());
    let refused = plan_masks(&tables, &rules(&[("t.x", Mask::Hash)], &[]), &[], true).unwrap_err();
    assert_eq!(refused.code(), "unclassified_columns");
    let said = refused.to_string();
    for part in ["app.t.email (its name says 'email')", "branching.masking", "@pii keep", "branching.classified"] {
        assert!(said.contains(part), "{said}");
    }
    assert!(plan_masks(&tables, &rules(&[("t.x", Mask::Hash)], &["app.*.email"]), &[], true).is_ok());
    assert!(plan_masks(&tables, &rules(&[("t.x", Mask::Hash), ("t.email", Mask::Keep)], &[]), &[], true).is_ok());
    let excluded = [Withheld::all_rows(name("t"), "excluded")];
    assert!(plan_masks(&tables, &rules(&[("t.x", Mask::Hash)], &[]), &excluded, true).is_ok());
}

#[test]
fn what_is_computed_is_as_personal_as_its_sources() {
    let full = PrivateColumn { generated_from: Some(vec!["a".to_owned()]), ..column("full_name", Kind::Text) };
    let tables = [table("t", vec![column("a", Kind::Text), full])];
    assert!(planned(&tables, &[("t.a", Mask::Name)]).is_ok());
    let others = [tables[0].clone(), table("u", vec![column("x", Kind::Text)])];
    assert!(
        matches!(plan_masks(&others, &rules(&[("u.x", Mask::Hash)], &[]), &[], true), Err(MaskingRefused::Unclassified(found)) if found.len() == 1)
    );
}

#[test]
fn passwords_stay_behind_though_nobody_asked_and_keys_and_tokens_where_somebody_did() {
    let required = PrivateColumn { nullable: false, ..column("api_key", Kind::Text) };
    let unique = PrivateColumn { key: Some("t_token_key".to_owned()), ..column("reset_token", Kind::Text) };
    let checked = PrivateColumn { checked: true, ..column("totp_secret", Kind::Text) };
    let listed = PrivateColumn { nullable: false, ..column("recovery_codes", Kind::Array) };
    let short = PrivateColumn { nullable: false, room: Some(8), ..column("password", Kind::Text) };
    let tables = [table("t", vec![column("password_hash", Kind::Text), required, unique, checked, listed, short, column("note", Kind::Text)])];
    let plan = planned(&tables, &[]).unwrap();
    let masks: Vec<_> = plan.tables[&name("t")].iter().map(|planned| (planned.column.as_str(), planned.mask)).collect();
    assert_eq!(masks, [("password_hash", Mask::Null), ("password", Mask::Redact)]);
    let plan = planned(&tables, &[("t.note", Mask::Keep)]).unwrap();
    let masks: Vec<_> = plan.tables[&name("t")].iter().map(|planned| (planned.column.as_str(), planned.mask)).collect();
    let expected = [
        ("password_hash", Mask::Null),
        ("api_key", Mask::Hash),
        ("reset_token", Mask::Hash),
        ("totp_secret", Mask::Hash),
        ("recovery_codes", Mask::Redact),
        ("password", Mask::Redact),
    ];
    assert_eq!(masks, expected);
    assert!(plan.tables[&name("t")][0].reason.contains("'password hash'"), "{plan:?}");
}

#[test]
fn who_says_that_a_secret_comes_along_has_it() {
    let commented = PrivateColumn { comment: Some("@pii keep".to_owned()), ..column("api_key", Kind::Text) };
    let tables = [table("t", vec![commented, column("secret", Kind::Text), column("password", Kind::Text)])];
    let plan = plan_masks(&tables, &rules(&[("t.secret", Mask::Text)], &["app.*.password"]), &[], true).unwrap();
    assert_eq!(plan.tables[&name("t")].iter().map(|planned| (planned.column.as_str(), planned.mask)).collect::<Vec<_>>(), [("secret", Mask::Text)]);
}

#[test]
fn a_secret_that_keys_tie_together_is_one_digest() {
    let mut uses = table("uses", vec![column("by", Kind::Text)]);
    let key =
        PrivateKey { name: "uses_fk".to_owned(), columns: vec!["by".to_owned()], references: name("keys"), referenced: vec!["api_key".to_owned()] };
    uses.foreign_keys.push(key);
    let keys = table("keys", vec![PrivateColumn { key: Some("keys_pkey".to_owned()), ..column("api_key", Kind::Text) }]);
    let others = table("others", vec![column("note", Kind::Text)]);
    let plan = planned(&[keys, uses, others], &[("others.note", Mask::Keep)]).unwrap();
    assert!(["keys", "uses"].iter().all(|own| plan.tables[&name(own)][0].mask == Mask::Hash), "{plan:?}");
}

#[test]
fn a_pattern_for_all_columns_of_a_table_is_not_said_of_its_passwords() {
    let tables = [table("shops", vec![column("email", Kind::Text), column("password_hash", Kind::Text)])];
    let masks =
        |classified| plan_masks(&tables, &rules(&[("shops.email", Mask::Email)], &[classified]), &[], true).unwrap().tables[&name("shops")].len();
    assert_eq!((masks("app.shops.*"), masks("*.*.password*")), (2, 2));
    assert_eq!((masks("app.shops.password_hash"), masks("app.*.password_hash")), (1, 1));
}

#[test]
fn who_masks_an_address_of_users_is_asked_for_what_else_is_known_of_them() {
    let users = |columns| PrivateTable { name: QualifiedName::new("auth", "users"), ..table("users", columns) };
    let tables = [users(vec![column("email", Kind::Text), column("raw_user_meta_data", Kind::Json)]), table("t", vec![column("x", Kind::Text)])];
    assert!(plan_masks(&tables, &rules(&[("t.x", Mask::Hash)], &[]), &[], true).is_ok());
    let mut masked = rules(&[("t.x", Mask::Hash)], &[]).masking().to_vec();
    masked[0].column = ColumnName::new(tables[0].name.clone(), "email");
    let refused = plan_masks(&tables, &PrivacyRules::new(masked, Vec::new()).unwrap(), &[], true).unwrap_err().to_string();
    assert!(refused.contains("auth.users.raw_user_meta_data"), "{refused}");
}

#[test]
fn rows_of_a_masked_table_that_another_holds_are_asked_about() {
    let people = table("people", vec![column("note", Kind::Text)]);
    let history = table("history", vec![PrivateColumn { rows_of: vec![name("people")], ..column("old", Kind::Other) }]);
    let other = table("other", vec![PrivateColumn { rows_of: vec![name("things")], ..column("old", Kind::Other) }]);
    let tables = [people, history, other];
    let said = planned(&tables, &[("people.note", Mask::Redact)]).unwrap_err();
    assert!(said.contains("app.history.old") && said.contains("it holds rows of app.people") && !said.contains("app.other"), "{said}");
    let kept = plan_masks(&tables, &rules(&[("people.note", Mask::Redact), ("history.old", Mask::Null)], &[]), &[], true);
    assert_eq!(kept.unwrap().tables[&name("history")][0].mask, Mask::Null);
}
