//! Tests that hold every tool's schema and its input together.

use super::{
    create_branch, delete_branch, delete_record, describe_table, diff_branches, get_branch, get_operation, insert_record, list_branches, list_tables,
    migrate_branch, query_table, reset_branch, update_record,
};
use crate::tool::Tool;
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// The fields of an input, as its refusal of an unknown one names them.
fn fields<T: DeserializeOwned>() -> BTreeSet<String> {
    let error = serde_json::from_str::<T>(r#"{"no such field": 1}"#).err().expect("inputs deny unknown fields").to_string();
    let (_, expected) = error.split_once("expected").expect("the refusal names the fields");
    expected.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn required<T: DeserializeOwned>(fields: &BTreeSet<String>) -> BTreeSet<String> {
    let sample = |name: &str| match name {
        "limit" | "offset" | "max_affected" | "wait" => "1",
        "dry_run" | "force" | "allow_out_of_order" => "true",
        "seeds" => r#"["x"]"#,
        "files" => r#"[{"name":"x","sql":"x"}]"#,
        _ => "\"x\"",
    };
    let accepted = |left_out: &str| {
        let members: Vec<_> = fields.iter().filter(|name| *name != left_out).map(|name| format!("\"{name}\":{}", sample(name))).collect();
        serde_json::from_str::<T>(&format!("{{{}}}", members.join(","))).is_ok()
    };
    assert!(accepted(""), "all fields together are accepted");
    fields.iter().filter(|name| !accepted(name)).cloned().collect()
}

fn check<T: Tool>() {
    let schema = T::input_schema();
    let named = |value: &serde_json::Value| -> BTreeSet<String> {
        match value {
            serde_json::Value::Object(map) => map.keys().cloned().collect(),
            serde_json::Value::Array(list) => list.iter().filter_map(|name| name.as_str().map(str::to_owned)).collect(),
            _ => BTreeSet::new(),
        }
    };
    let fields = fields::<T::Input>();
    assert_eq!(named(&schema["properties"]), fields, "{}", T::ACTION.name());
    assert_eq!(named(&schema["required"]), required::<T::Input>(&fields), "{}", T::ACTION.name());
}

#[test]
fn every_input_takes_what_its_schema_says() {
    check::<query_table::QueryTableTool>();
    check::<insert_record::InsertRecordTool>();
    check::<update_record::UpdateRecordTool>();
    check::<delete_record::DeleteRecordTool>();
    check::<list_tables::ListTablesTool>();
    check::<describe_table::DescribeTableTool>();
    check::<list_branches::ListBranchesTool>();
    check::<get_branch::GetBranchTool>();
    check::<diff_branches::DiffBranchesTool>();
    check::<create_branch::CreateBranchTool>();
    check::<reset_branch::ResetBranchTool>();
    check::<migrate_branch::MigrateBranchTool>();
    check::<delete_branch::DeleteBranchTool>();
    check::<get_operation::GetOperationTool>();
}
