//! `tools/call` without the SDK, which would parse rows and write them again: a well-formed one is answered here, with the same answer.
//!
//! Anything that is not as every client writes it is left to the SDK, and so is everything that the SDK would refuse.

use super::RpcError;
use crate::{registry::Registry, scope::RequestScope};
use http::{HeaderMap, HeaderName, StatusCode};
use rmcp::model::ClientCapabilities;
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

const STATELESS_REVISION: &str = "2026-07-28";

/// A `tools/call` that can be answered here.
#[derive(Debug)]
pub(crate) struct FastCall<'a> {
    id: &'a RawValue,
    name: Cow<'a, str>,
    arguments: Option<&'a RawValue>,
    /// What the newest revision says of every result, and older ones do not know.
    result_type: Option<&'static str>,
}

/// Something about a message is unusual.
#[derive(Debug)]
pub(crate) struct LeftToSdk;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    #[serde(borrow)]
    id: &'a RawValue,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: Params<'a>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Params<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(borrow)]
    arguments: Option<&'a RawValue>,
    #[serde(borrow, rename = "_meta")]
    meta: Option<Meta<'a>>,
}

#[derive(Default, Deserialize)]
struct Meta<'a> {
    #[serde(borrow, rename = "io.modelcontextprotocol/protocolVersion")]
    protocol_version: Option<Cow<'a, str>>,
    #[serde(borrow, rename = "io.modelcontextprotocol/clientCapabilities")]
    client_capabilities: Option<&'a RawValue>,
}

impl<'a> FastCall<'a> {
    /// Reads a message that is as every client writes it.
    pub(crate) fn read(message: &'a [u8], headers: &HeaderMap) -> Result<Self, LeftToSdk> {
        let Message { jsonrpc, id, method, params } = serde_json::from_slice(message).map_err(|_| LeftToSdk)?;
        let arguments_are_an_object = params.arguments.is_none_or(|arguments| arguments.get().starts_with('{'));
        if jsonrpc != "2.0" || method != "tools/call" || !is_plain_id(id) || !arguments_are_an_object {
            return Err(LeftToSdk);
        }
        let result_type = result_type(headers, &params)?;
        Ok(Self { id, name: params.name, arguments: params.arguments, result_type })
    }

    /// Calls the tool and writes the message that answers.
    pub(crate) async fn answer(&self, registry: &Registry, scope: &RequestScope) -> (StatusCode, Vec<u8>) {
        let body = match registry.call(scope, &self.name, self.arguments).await {
            Ok(result) => {
                let mut body = Vec::with_capacity(result.written_size());
                body.extend_from_slice(b"{\"jsonrpc\":\"2.0\",\"id\":");
                body.extend_from_slice(self.id.get().as_bytes());
                body.extend_from_slice(b",\"result\":");
                result.write(self.result_type, &mut body);
                body.push(b'}');
                body
            }
            Err(error) => error.message(Some(self.id)),
        };
        (StatusCode::OK, body)
    }
}

/// A text, or an integer that needs no rewriting.
fn is_plain_id(id: &RawValue) -> bool {
    id.get().starts_with('"') || id.get().parse::<i64>().is_ok_and(|number| number.to_string() == id.get())
}

/// The `resultType` of the revision that headers and message agree on.
fn result_type(headers: &HeaderMap, params: &Params<'_>) -> Result<Option<&'static str>, LeftToSdk> {
    let none = Meta::default();
    let meta = params.meta.as_ref().unwrap_or(&none);
    match (single(headers, "mcp-protocol-version")?, meta.protocol_version.as_deref()) {
        (None, None) => Ok(None),
        (Some(version), None) if version < STATELESS_REVISION && crate::PROTOCOL_VERSIONS.contains(&version) => Ok(None),
        (Some(STATELESS_REVISION), Some(STATELESS_REVISION)) => {
            let names_agree = single(headers, "mcp-method")? == Some("tools/call") && single(headers, "mcp-name")? == Some(&*params.name);
            let capabilities = meta.client_capabilities.ok_or(LeftToSdk)?;
            let capable = serde_json::from_str::<ClientCapabilities>(capabilities.get()).is_ok();
            if names_agree && capable { Ok(Some("complete")) } else { Err(LeftToSdk) }
        }
        _ => Err(LeftToSdk),
    }
}

/// A header that may be there once, as text.
fn single<'h>(headers: &'h HeaderMap, name: &'static str) -> Result<Option<&'h str>, LeftToSdk> {
    let mut values = headers.get_all(HeaderName::from_static(name)).iter();
    let first = values.next().map(|value| value.to_str()).transpose().map_err(|_| LeftToSdk)?;
    if values.next().is_none() { Ok(first) } else { Err(LeftToSdk) }
}

/// The arguments of a `tools/call` as they were sent, for a call that the SDK has read: in its own reading numbers went through a float.
pub(crate) fn raw_arguments(message: &[u8]) -> Result<Option<Box<RawValue>>, RpcError> {
    #[derive(Deserialize)]
    struct Message {
        params: Params,
    }
    #[derive(Deserialize)]
    struct Params {
        arguments: Option<Box<RawValue>>,
    }
    let message: Message = serde_json::from_slice(message).map_err(|error| RpcError::invalid_params(error.to_string()))?;
    Ok(message.params.arguments)
}

/// Whether a message's parameters have a cursor, whatever its type.
pub(crate) fn names_a_cursor(message: &[u8]) -> bool {
    #[derive(Deserialize)]
    struct Message {
        params: Option<Params>,
    }
    #[derive(Deserialize)]
    struct Params {
        cursor: Option<serde::de::IgnoredAny>,
    }
    serde_json::from_slice::<Message>(message).is_ok_and(|message| message.params.is_some_and(|params| params.cursor.is_some()))
}

#[cfg(test)]
mod tests {
    use super::{FastCall, names_a_cursor};
    use http::{HeaderMap, HeaderName, HeaderValue};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    const OLD: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"list_tables","arguments":{}}}"#;
    const NEW: &str = r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"list_tables","_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientCapabilities":{}}}}"#;
    const NEW_HEADERS: [(&str, &str); 3] = [("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", "list_tables")];

    #[test]
    fn what_every_client_sends_is_answered_here() {
        for version in [None, Some("2024-11-05"), Some("2025-03-26"), Some("2025-06-18"), Some("2025-11-25")] {
            let headers: Vec<_> = version.map(|version| ("mcp-protocol-version", version)).into_iter().collect();
            assert_eq!(FastCall::read(OLD.as_bytes(), &self::headers(&headers)).unwrap().result_type, None, "{version:?}");
        }
        assert_eq!(FastCall::read(NEW.as_bytes(), &headers(&NEW_HEADERS)).unwrap().result_type, Some("complete"));
    }

    #[test]
    fn a_cursor_of_any_type_is_one() {
        for (params, named) in [(r#"{"cursor":"a"}"#, true), (r#"{"cursor":5}"#, true), (r#"{"cursor":null}"#, false), ("null", false)] {
            assert_eq!(names_a_cursor(format!(r#"{{"method":"tools/list","params":{params}}}"#).as_bytes()), named, "{params}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_sdk() {
        let left = |message: &str, pairs: &[(&'static str, &'static str)]| {
            assert!(FastCall::read(message.as_bytes(), &headers(pairs)).is_err(), "{message}");
        };
        for (from, to) in [
            ("tools/call", "tools/list"),
            ("\"id\":1", "\"id\":1.0"),
            ("\"id\":1", "\"id\":null"),
            ("\"id\":1", "\"id\":01"),
            ("\"id\":1,", ""),
            ("\"2.0\"", "\"1.0\""),
            ("{}", "[]"),
            ("\"arguments\"", "\"task\":{},\"arguments\""),
            ("\"id\":1", "\"id\":1,\"result\":{}"),
        ] {
            left(&OLD.replacen(from, to, 1), &[]);
        }
        left(OLD, &[("mcp-protocol-version", "2026-07-28")]);
        left(OLD, &[("mcp-protocol-version", "2023-01-01")]);
        left(OLD, &[("mcp-protocol-version", "2025-06-18"), ("mcp-protocol-version", "2025-11-25")]);
        left(NEW, &[]);
        left(NEW, &NEW_HEADERS[..2]);
        left(NEW, &[NEW_HEADERS[0], NEW_HEADERS[1], ("mcp-name", "query_table")]);
        left(NEW, &[NEW_HEADERS[0], ("mcp-method", "tools/list"), NEW_HEADERS[2]]);
        left(NEW, &[NEW_HEADERS[0], NEW_HEADERS[1], NEW_HEADERS[2], NEW_HEADERS[2]]);
        left(&NEW.replace("\"io.modelcontextprotocol/clientCapabilities\":{}", "\"a\":{}"), &NEW_HEADERS);
        left(&NEW.replace("clientCapabilities\":{}", "clientCapabilities\":1"), &NEW_HEADERS);
    }
}
