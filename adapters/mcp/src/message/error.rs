//! Errors of the protocol: what only a programmer can mend.

use serde::Serialize;
use serde_json::{Value, value::RawValue};

/// A JSON-RPC error.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct RpcError {
    pub(crate) code: i32,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) data: Option<Value>,
}

impl RpcError {
    /// The text is no JSON.
    pub(crate) fn parse_error(message: impl Into<String>) -> Self {
        Self { code: -32700, message: message.into(), data: None }
    }

    /// The JSON is no message.
    pub(crate) fn invalid_request(message: impl Into<String>) -> Self {
        Self { code: -32600, message: message.into(), data: None }
    }

    /// The code for a method that is not there.
    pub(crate) const METHOD_NOT_FOUND: i32 = -32601;

    /// There is no such method.
    pub(crate) fn method_not_found(method: &str) -> Self {
        let shown: String = method.chars().take(100).collect();
        Self { code: Self::METHOD_NOT_FOUND, message: format!("there is no method '{shown}' here"), data: None }
    }

    /// The message's parameters are not what its method takes.
    pub(crate) fn invalid_params(message: impl Into<String>) -> Self {
        Self { code: -32602, message: message.into(), data: None }
    }

    /// Something went wrong here.
    pub(crate) fn internal(message: impl Into<String>) -> Self {
        Self { code: -32603, message: message.into(), data: None }
    }

    /// The message that carries it. Without an id where it could not be read.
    pub(crate) fn message(&self, id: Option<&RawValue>) -> Vec<u8> {
        #[derive(Serialize)]
        struct Message<'a> {
            jsonrpc: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            id: Option<&'a RawValue>,
            error: &'a RpcError,
        }
        serde_json::to_vec(&Message { jsonrpc: "2.0", id, error: self }).expect("an error has texts for keys")
    }
}
