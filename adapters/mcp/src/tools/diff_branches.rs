//! `diff_branches`: compare the schemas of two branches.

use super::branch_arguments::branch_schema;
use crate::{
    scope::RequestScope,
    tool::{CallError, Tool},
};
use async_trait::async_trait;
use domain::{
    Action,
    schema::{Change, Hazard, ObjectChange, Summary, Unscripted, script_text},
};
use ports::driving::{BranchDiff, DiffBranches, UseCase};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::sync::Arc;

/// Objects that are told at most.
const OBJECTS: usize = 500;

/// Compares branches.
pub(crate) struct DiffBranchesTool {
    pub(crate) use_case: Arc<dyn UseCase<DiffBranches>>,
    pub(crate) max_bytes: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Input {
    branch: String,
    target: Option<String>,
}

/// How two branches differ.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    source: String,
    target: String,
    summary: Summary,
    objects: Vec<Object>,
    hazards: Vec<Hazard>,
    script: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unscripted: Vec<Unscripted>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    possible_renames: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
}

#[derive(Debug, Serialize)]
struct Object {
    kind: String,
    identity: String,
    change: Change,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
}

impl Difference {
    fn of(found: BranchDiff, max_bytes: u64) -> Self {
        let BranchDiff { source, target, diff, .. } = found;
        // A part of a script is no script: it is told whole or not at all.
        let script = Some(script_text(&diff.script)).filter(|script| script.len() as u64 <= max_bytes);
        let truncated = script.is_none() || diff.objects.len() > OBJECTS || diff.unscripted.len() > OBJECTS;
        Self {
            source: source.to_string(),
            target: target.to_string(),
            summary: diff.summary,
            objects: diff.objects.into_iter().take(OBJECTS).map(Object::from).collect(),
            hazards: diff.hazards,
            script: script.unwrap_or_default(),
            unscripted: diff.unscripted.into_iter().take(OBJECTS).collect(),
            possible_renames: diff.possible_renames.into_iter().take(OBJECTS).map(|rename| rename.sql).collect(),
            truncated,
        }
    }
}

impl From<ObjectChange> for Object {
    fn from(object: ObjectChange) -> Self {
        let fields = if object.change == Change::Changed { object.fields.into_iter().map(|field| field.field).collect() } else { Vec::new() };
        Self { kind: object.kind.name(), identity: object.identity, change: object.change, fields }
    }
}

#[async_trait]
impl Tool for DiffBranchesTool {
    const ACTION: Action = Action::DiffBranches;
    const TITLE: &'static str = "Diff branches";
    const DESCRIPTION: &'static str = "Compare two branches' schemas object by object. The script turns the target into the branch, as a migration; read its \
                                       hazards first. Nothing is changed.";
    type Input = Input;
    type Output = Difference;

    fn input_schema() -> Value {
        json!({
            "type": "object",
            "additionalProperties": false,
            "required": ["branch"],
            "properties": {
                "branch": branch_schema(),
                "target": {"type": "string", "minLength": 1, "description": "what to compare with; the parent when left out"}
            }
        })
    }

    fn output_schema() -> Value {
        json!({
            "type": "object",
            "required": ["summary", "objects", "script"],
            "properties": {
                "summary": {"type": "object"},
                "objects": {"type": "array", "items": {"type": "object"}},
                "hazards": {"type": "array", "items": {"type": "string"}},
                "script": {"type": "string"},
                "unscripted": {"type": "array", "items": {"type": "object"}},
                "possible_renames": {"type": "array", "items": {"type": "string"}},
                "truncated": {"type": "boolean"}
            }
        })
    }

    async fn call(&self, scope: &RequestScope, input: Input) -> Result<Difference, CallError> {
        let command = DiffBranches { branch: input.branch, target: input.target, text: false };
        Ok(Difference::of(scope.ask(&*self.use_case, command).await?, self.max_bytes))
    }
}
