//! What a tool is: an action with a name for models, a schema of its arguments, and a use case behind it. Free of the SDK's types.

mod arguments;
mod failed;
mod head;
mod registered;
mod result;
mod whole_numbers;
mod wire;

pub(crate) use failed::{CallError, log, public};
pub(crate) use registered::{AnyTool, Definition, Registered};
pub(crate) use result::{Answer, ToolResult, json};

use crate::scope::RequestScope;
use async_trait::async_trait;
use domain::Action;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// A tool. Its name, scope and annotations follow from [`Tool::ACTION`].
#[async_trait]
pub(crate) trait Tool: Send + Sync + 'static {
    /// What it asks for.
    const ACTION: Action;
    /// Its name for people.
    const TITLE: &'static str;
    /// What it does, for models.
    const DESCRIPTION: &'static str;
    /// Its arguments. Their schema is written by hand beside it; a test holds both together.
    type Input: DeserializeOwned + Send;
    /// What comes of it.
    type Output: Answer;

    /// The JSON Schema of [`Tool::Input`].
    fn input_schema() -> Value;
    /// The JSON Schema of the structured content that [`Tool::Output`] becomes.
    fn output_schema() -> Value;
    /// Does it.
    async fn call(&self, scope: &RequestScope, input: Self::Input) -> Result<Self::Output, CallError>;
}
