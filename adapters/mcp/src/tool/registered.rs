//! A tool as the registry holds it: defined once, its schema compiled, its types erased.

use super::{CallError, Tool, ToolResult, arguments};
use crate::scope::RequestScope;
use async_trait::async_trait;
use domain::{Action, Effect};
use jsonschema::Validator;
use serde_json::{Value, value::RawValue};

/// What `tools/list` tells of a tool.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) action: Action,
    pub(crate) title: &'static str,
    pub(crate) description: &'static str,
    pub(crate) input_schema: Value,
    pub(crate) output_schema: Value,
}

impl Definition {
    /// The tool's name.
    pub(crate) const fn name(&self) -> &'static str {
        self.action.name()
    }

    /// `readOnlyHint`
    pub(crate) fn reads_only(&self) -> bool {
        self.action.effect() == Effect::Read
    }

    /// `destructiveHint`
    pub(crate) fn destroys(&self) -> bool {
        self.action.effect() == Effect::Destroy
    }

    /// `idempotentHint`: what adds adds again; what reads, overwrites or takes away does nothing new the second time. A second reset takes away what an
    /// undo of the first would bring back.
    pub(crate) fn is_idempotent(&self) -> bool {
        self.action.effect() != Effect::Write && !matches!(self.action, Action::InsertRecord | Action::ResetBranch)
    }
}

/// A tool, whatever its types.
#[async_trait]
pub(crate) trait AnyTool: Send + Sync {
    /// What is told of it.
    fn definition(&self) -> &Definition;
    /// Checks the arguments, then does it.
    async fn call(&self, scope: &RequestScope, arguments: &RawValue) -> Result<ToolResult, CallError>;
}

/// A tool with its definition and its compiled schema.
pub(crate) struct Registered<T> {
    tool: T,
    definition: Definition,
    validator: Validator,
}

impl<T: Tool> Registered<T> {
    /// Registers a tool.
    pub(crate) fn boxed(tool: T) -> Box<dyn AnyTool> {
        let definition = Definition {
            action: T::ACTION,
            title: T::TITLE,
            description: T::DESCRIPTION,
            input_schema: T::input_schema(),
            output_schema: T::output_schema(),
        };
        let validator = jsonschema::draft202012::new(&definition.input_schema).expect("the schemas written beside the tools are valid");
        Box::new(Self { tool, definition, validator })
    }
}

#[async_trait]
impl<T: Tool> AnyTool for Registered<T> {
    fn definition(&self) -> &Definition {
        &self.definition
    }

    async fn call(&self, scope: &RequestScope, arguments: &RawValue) -> Result<ToolResult, CallError> {
        let input = arguments::read(&self.validator, &self.definition.input_schema, arguments)?;
        let output = self.tool.call(scope, input).await?;
        Ok(ToolResult::of(&output))
    }
}
