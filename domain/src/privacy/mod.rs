//! Personal data: which columns hold it, what stands in its place in a copy, and what stops a copy.

mod comment;
mod facts;
mod families;
mod fault;
mod mask;
mod message;
mod plan;
mod rule;
mod secret;
mod suspicion;
mod vocabulary;
mod words;

pub use comment::{InvalidTag, Remark, tagged};
pub use facts::{Kind, PrivateColumn, PrivateKey, PrivateTable};
pub use fault::{MaskFault, MaskingRefused, Suspect};
pub use mask::{InvalidMask, Mask};
pub use message::{without_likely_values, without_values};
pub use plan::{MaskingPlan, PlannedMask, plan_masks};
pub use rule::{ColumnName, ColumnPattern, InvalidColumn, MaskRule, PrivacyRules, RepeatedColumn};
pub use secret::holds_credentials;

use serde::{Deserialize, Serialize};

/// A column whose values arrive changed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MaskedColumn {
    /// Its name.
    pub name: String,
    /// As what they arrive.
    #[serde(rename = "as")]
    pub mask: Mask,
    /// Why, for people.
    pub reason: String,
}
