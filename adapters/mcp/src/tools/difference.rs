//! How two branches differ, as models are shown it.

use crate::{
    foreign_text::{name, unseen_places},
    room::Room,
};
use domain::schema::{Change, Fingerprint, Hazard, ObjectChange, Summary, Unscripted, script_text};
use ports::driving::BranchDiff;
use serde::Serialize;
use serde_json::{Value, json};

/// Objects that are told at most.
const OBJECTS: usize = 500;
/// Parts of one object that are told at most.
const FIELDS: usize = 50;

/// How two branches differ.
#[derive(Debug, Serialize)]
pub(crate) struct Difference {
    source: String,
    target: String,
    summary: Summary,
    objects: Vec<Object>,
    hazards: Vec<Hazard>,
    script: String,
    /// Where the script has what readers do not see: it is not changed, since it is to be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    unseen_in_script: Option<Vec<String>>,
    unscripted: Vec<Left>,
    possible_renames: Vec<String>,
    source_fingerprint: Fingerprint,
    target_fingerprint: Fingerprint,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// How to get what is not shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

#[derive(Debug, Serialize)]
struct Object {
    kind: String,
    identity: String,
    change: Change,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<String>,
}

/// A difference that the script leaves.
#[derive(Debug, Serialize)]
struct Left {
    kind: String,
    identity: String,
    reason: String,
}

impl Difference {
    /// The JSON Schema of a difference.
    pub(super) fn schema() -> Value {
        json!({
            "type": "object",
            "required": ["summary", "objects", "script"],
            "properties": {
                "summary": {"type": "object"},
                "objects": {"type": "array", "items": {"type": "object"}},
                "hazards": {"type": "array", "items": {"type": "string"}},
                "script": {"type": "string"},
                "unseen_in_script": {"type": "array", "description": "characters that nobody sees"},
                "unscripted": {"type": "array", "items": {"type": "object"}},
                "possible_renames": {"type": "array", "items": {"type": "string"}},
                "source_fingerprint": {"type": "string"},
                "target_fingerprint": {"type": "string"},
                "truncated": {"type": "boolean"},
                "next": {"type": "string"}
            }
        })
    }

    /// What is shown of a difference in so many bytes: the script first, whole or not at all, for a part of one is none; then what it leaves, then the
    /// objects that differ, which are in it too.
    pub(super) fn of(found: BranchDiff, max_bytes: u64) -> Self {
        let BranchDiff { source, target, diff, .. } = found;
        let script = script_text(&diff.script);
        let unseen = unseen_places(&script);
        let rest = format!(
            "more than {max_bytes} bytes, of which the script (whole or not at all) takes {}: all of it is at GET \
             /api/v1/admin/branches/{source}/diff?target={target} and with `fluxbase branch diff {source} {target}`",
            script.len(),
        );
        let mut told = Self {
            source: source.to_string(),
            target: target.to_string(),
            summary: diff.summary,
            objects: Vec::new(),
            hazards: diff.hazards,
            script: String::new(),
            unseen_in_script: Some(Vec::new()),
            unscripted: Vec::new(),
            possible_renames: Vec::new(),
            source_fingerprint: diff.source_fingerprint,
            target_fingerprint: diff.target_fingerprint,
            truncated: true,
            next: Some(rest),
        };
        let mut room = Room::beside(&told, max_bytes);
        let mut all = diff.objects.len().max(diff.unscripted.len()).max(diff.possible_renames.len()) <= OBJECTS;
        all &= diff.objects.iter().all(|object| object.fields.len() <= FIELDS);
        if room.take(&(&script, &unseen)) {
            told.script = script;
            told.unseen_in_script = Some(unseen).filter(|places| !places.is_empty());
        } else {
            told.unseen_in_script = None;
            all = false;
        }
        let mut hold = |whole: bool| all &= whole;
        let (unscripted, whole) = room.hold(diff.unscripted.into_iter().take(OBJECTS).map(Left::from));
        hold(whole);
        let (objects, whole) = room.hold(diff.objects.into_iter().take(OBJECTS).map(Object::from));
        hold(whole);
        let (possible_renames, whole) = room.hold(diff.possible_renames.into_iter().take(OBJECTS).map(|rename| rename.sql));
        hold(whole);
        told.next = told.next.filter(|_| !all);
        Self { objects, unscripted, possible_renames, truncated: !all, ..told }
    }
}

impl From<ObjectChange> for Object {
    fn from(object: ObjectChange) -> Self {
        let fields = if object.change == Change::Changed { object.fields } else { Vec::new() };
        let more = fields.len().checked_sub(FIELDS).filter(|more| *more > 0).map(|more| format!("and {more} more"));
        let fields = fields.into_iter().take(FIELDS).map(|field| name(&field.field)).chain(more).collect();
        Self { kind: object.kind.name(), identity: name(&object.identity), change: object.change, fields }
    }
}

impl From<Unscripted> for Left {
    fn from(left: Unscripted) -> Self {
        Self { kind: left.kind.name(), identity: name(&left.identity), reason: name(&left.reason) }
    }
}
