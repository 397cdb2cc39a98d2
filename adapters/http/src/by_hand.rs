//! Parts of the OpenAPI document for routes that are no handlers of poem-openapi, and so are described by hand.

use crate::control::{Asking, Group};
use http::Method;
use poem_openapi::{
    ApiExtractor, Tags,
    registry::{MetaMediaType, MetaOperation, MetaOperationParam, MetaParamIn, MetaResponses, MetaSchema, MetaSchemaRef},
};
use std::collections::HashMap;

/// Name, place, type, description.
pub(crate) type Param = (&'static str, MetaParamIn, &'static str, &'static str);

/// An operation that asks for a credential, with nothing to send and nothing to answer yet.
pub(crate) fn operation(method: Method, group: &Group, id: &'static str, summary: &'static str, description: &'static str) -> MetaOperation {
    MetaOperation {
        method,
        tags: vec![group.name()],
        summary: Some(summary),
        description: Some(description),
        external_docs: None,
        params: Vec::new(),
        request: None,
        responses: MetaResponses { responses: Vec::new() },
        deprecated: false,
        security: Asking::security_schemes().into_iter().map(|name| HashMap::from([(name, Vec::new())])).collect(),
        operation_id: Some(id),
        code_samples: Vec::new(),
    }
}

pub(crate) fn param((name, in_type, ty, description): &Param) -> MetaOperationParam {
    MetaOperationParam {
        name: (*name).to_owned(),
        schema: inline(MetaSchema::new(ty)),
        in_type: *in_type,
        description: Some((*description).to_owned()),
        required: *in_type == MetaParamIn::Path,
        deprecated: false,
        explode: true,
        style: None,
    }
}

pub(crate) fn json(schema: MetaSchema) -> MetaMediaType {
    MetaMediaType { content_type: "application/json", schema: inline(schema) }
}

pub(crate) fn inline(schema: MetaSchema) -> MetaSchemaRef {
    MetaSchemaRef::Inline(Box::new(schema))
}
