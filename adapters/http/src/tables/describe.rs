//! The table routes in the OpenAPI document.

use crate::{
    by_hand::{self, Param, inline, json, param},
    control::{Asking, Group},
    problem::{Problem, described},
};
use http::Method;
use poem::endpoint::BoxEndpoint;
use poem_openapi::{
    ApiExtractor, ApiResponse, OpenApi, Tags,
    registry::{
        MetaApi, MetaHeader, MetaMediaType, MetaOperation, MetaParamIn, MetaPath, MetaRequest, MetaResponse, MetaResponses, MetaSchema, Registry,
    },
};
use std::collections::HashMap;

/// Describes the routes; [`super::Tables`] serves them.
pub(crate) struct TableRoutes;

impl OpenApi for TableRoutes {
    fn meta() -> Vec<MetaApi> {
        let path = |path: &str, schema: bool| MetaPath { path: path.to_owned(), operations: operations(schema) };
        vec![MetaApi { paths: vec![path("/api/v1/tables/{table}", false), path("/api/v1/tables/{schema}/{table}", true)] }]
    }

    fn register(registry: &mut Registry) {
        Group::Tables.register(registry);
        Problem::register(registry);
        <Asking as ApiExtractor>::register(registry);
    }

    fn add_routes(self, _routes: &mut HashMap<String, HashMap<Method, BoxEndpoint<'static>>>) {}
}

struct Verb {
    method: Method,
    /// Of the route without a schema, and of the one with it.
    ids: [&'static str; 2],
    summary: &'static str,
    description: &'static str,
    params: &'static [Param],
    body: Option<&'static str>,
    responses: &'static [(u16, &'static str)],
}

const SELECT: Param = (
    "select",
    MetaParamIn::Query,
    "string",
    "Columns and embeds to give: `id,full:name,data->a->>b,amount::text,author(name),tags!inner(label)`. Every column when not given.",
);
const ORDER: Param = ("order", MetaParamIn::Query, "string", "`a.desc.nullslast,b`, also by a to-one embed: `author(name).asc`.");
const FILTER: Param = (
    "{column}",
    MetaParamIn::Query,
    "string",
    "A filter: `age=gte.18`, `name=like.A*`, `id=in.(1,2)`, `data->>kind=eq.x`, `deleted=is.null`, each with `not.` before it if need be. Several are ANDed; \
     `or=(a.eq.1,and(b.gt.2,c.is.null))` groups. Operators: eq neq gt gte lt lte like ilike match imatch in is isdistinct cs cd ov fts plfts phfts wfts sl \
     sr nxr nxl adj. Filters, `order` and `limit` of an embed have its name before them: `author.name=eq.x`.",
);
const LIMIT: Param = ("limit", MetaParamIn::Query, "integer", "Rows at most.");
const OFFSET: Param = ("offset", MetaParamIn::Query, "integer", "Rows passed over first.");
const CURSOR: Param = ("cursor", MetaParamIn::Query, "string", "The last page's `X-Next-Cursor`, unchanged, with everything but `limit` as it was.");
const BRANCH: Param = (
    "branch",
    MetaParamIn::Query,
    "string",
    "The branch, by its slug or id; main when not given. While one is being made or deleted no data serves it (503 `unavailable`, with `Retry-After`); one \
     that could not be made is 409 `branch_error`.",
);
const BRANCH_HEADER: Param = ("X-Fluxbase-Branch", MetaParamIn::Header, "string", "The branch, by its slug or id.");
const ACCEPT_PROFILE: Param = ("Accept-Profile", MetaParamIn::Header, "string", PROFILE);
const CONTENT_PROFILE: Param = ("Content-Profile", MetaParamIn::Header, "string", PROFILE);
/// What both say.
const PROFILE: &str = "The schema, as PostgREST's clients name it. Where the path names one too they must agree, or it is a 400; where neither does, \
                       the exposed schemas are searched in their order.";
const RANGE: Param = ("Range", MetaParamIn::Header, "string", "Rows by number, `0-9` or `10-`: another way to say `limit` and `offset`.");
const ACCEPT: Param =
    ("Accept", MetaParamIn::Header, "string", "`application/json`, or `application/vnd.pgrst.object+json` for exactly one row as an object.");
const COLUMNS: Param = ("columns", MetaParamIn::Query, "string", "The columns to write; keys of the body outside it are passed over.");
const ON_CONFLICT: Param =
    ("on_conflict", MetaParamIn::Query, "string", "The columns of the unique key that an upsert goes by; the primary key when not given.");
const PREFER_READ: Param = (
    "Prefer",
    MetaParamIn::Header,
    "string",
    "`count=exact|planned|estimated` counts the rows that the filter matches; `handling=strict` refuses what is not understood.",
);
const PREFER_INSERT: Param = (
    "Prefer",
    MetaParamIn::Header,
    "string",
    "`return=minimal|headers-only|representation`; `resolution=merge-duplicates|ignore-duplicates`; `missing=default`; `count=exact`; `handling=strict`.",
);
const PREFER_CHANGE: Param = (
    "Prefer",
    MetaParamIn::Header,
    "string",
    "`return=minimal|representation`; `count=exact`; `missing=default` (PATCH); `handling=strict, max-affected=N`: more rows, and nothing is changed.",
);

const READ: &[Param] = &[SELECT, FILTER, ORDER, LIMIT, OFFSET, CURSOR, BRANCH, BRANCH_HEADER, ACCEPT_PROFILE, RANGE, ACCEPT, PREFER_READ];

const VERBS: &[Verb] = &[
    Verb {
        method: Method::GET,
        ids: ["query_table", "query_table_in_schema"],
        summary: "Read rows",
        description: "Rows of a table or view that the caller may see, as JSON. Needs the scope `read:tables`.",
        params: READ,
        body: None,
        responses: &[(200, "The rows."), (206, "A page that is smaller than the total, where that was counted.")],
    },
    Verb {
        method: Method::HEAD,
        ids: ["query_table_head", "query_table_in_schema_head"],
        summary: "Count rows",
        description: "As GET, without the rows: `Content-Range` has the total that `Prefer: count=...` asks for. Needs the scope `read:tables`.",
        params: READ,
        body: None,
        responses: &[(200, "The headers of the rows."), (206, "The headers of a page that is smaller than the total.")],
    },
    Verb {
        method: Method::POST,
        ids: ["insert_record", "insert_record_in_schema"],
        summary: "Insert rows",
        description: "Inserts one row or a list of rows, all or none; with `Prefer: resolution=...` rows whose key is there already are merged or passed over. \
                      Needs the scope `write:tables`.",
        params: &[COLUMNS, ON_CONFLICT, SELECT, ORDER, BRANCH, BRANCH_HEADER, CONTENT_PROFILE, ACCEPT, PREFER_INSERT],
        body: Some("One row (an object) or a list of rows. All rows have the same keys, unless `columns` says which count."),
        responses: &[
            (200, "Every row was there already, and was merged."),
            (201, "The rows were inserted; they are given where `return=representation` asks for them."),
        ],
    },
    Verb {
        method: Method::PATCH,
        ids: ["update_record", "update_record_in_schema"],
        summary: "Change rows",
        description: "Changes the rows that the filter matches, all or none. Without a filter `max-affected` must bound it. Needs the scope `write:tables`.",
        params: &[FILTER, COLUMNS, SELECT, ORDER, BRANCH, BRANCH_HEADER, CONTENT_PROFILE, ACCEPT, PREFER_CHANGE],
        body: Some("The new values: an object."),
        responses: &[(200, "The rows as they now are."), (204, "They were changed.")],
    },
    Verb {
        method: Method::DELETE,
        ids: ["delete_record", "delete_record_in_schema"],
        summary: "Delete rows",
        description: "Deletes the rows that the filter matches, all or none. Without a filter `max-affected` must bound it. Needs the scope `write:tables`.",
        params: &[FILTER, SELECT, ORDER, BRANCH, BRANCH_HEADER, CONTENT_PROFILE, ACCEPT, PREFER_CHANGE],
        body: None,
        responses: &[(200, "The rows as they were."), (204, "They were deleted.")],
    },
];

/// Refusals that only tables have.
const REFUSALS: &[(u16, &str)] = &[
    (300, "An embed that more than one foreign key could mean; `candidates` has them, `hint` what to write."),
    (405, "The view takes no such write, the database refuses to write, or the method is not there."),
    (406, "Exactly one row was asked for and another number found (a write was rolled back), or no media type fits."),
    (416, "The first row asked for lies past the end."),
    (504, "The statement ran into its time limit and was ended."),
];

fn operations(in_schema: bool) -> Vec<MetaOperation> {
    VERBS.iter().map(|verb| operation(verb, in_schema)).collect()
}

fn operation(verb: &Verb, in_schema: bool) -> MetaOperation {
    let mut params = Vec::new();
    if in_schema {
        params.push(param(&("schema", MetaParamIn::Path, "string", "The schema.")));
    }
    params.push(param(&("table", MetaParamIn::Path, "string", "The table or view.")));
    params.extend(verb.params.iter().map(param));
    let mut responses: Vec<_> = verb.responses.iter().map(|(status, text)| response(*status, text, verb)).collect();
    responses.extend(described(REFUSALS));
    responses.extend(Problem::meta().responses);
    responses.sort_by_key(|response| response.status);
    MetaOperation {
        params,
        request: verb.body.map(|description| MetaRequest { description: Some(description), content: vec![json(rows())], required: true }),
        responses: MetaResponses { responses },
        ..by_hand::operation(verb.method.clone(), &Group::Tables, verb.ids[usize::from(in_schema)], verb.summary, verb.description)
    }
}

fn response(status: u16, description: &'static str, verb: &Verb) -> MetaResponse {
    let has_rows = verb.method != Method::HEAD && status != 204;
    let singular = || MetaMediaType { content_type: "application/vnd.pgrst.object+json", schema: inline(row()) };
    let header = |name: &str, description: &str| MetaHeader {
        name: name.to_owned(),
        description: Some(description.to_owned()),
        required: false,
        deprecated: false,
        schema: inline(MetaSchema::new("string")),
    };
    let mut headers = vec![header("Content-Range", "Which rows these are and how many there are: `0-9/100`; `*` where it is not known.")];
    if status == 201 {
        headers.push(header("Location", "Where the one new row is found, for `return=headers-only`."));
    }
    if matches!(verb.method, Method::GET | Method::HEAD) {
        headers.push(header("Link", "The next page, as `<...>; rel=\"next\"`, where there may be one."));
        headers.push(header("X-Next-Cursor", "What `cursor` is to say for the next page, where there may be one."));
    }
    headers.push(header("Preference-Applied", "The preferences that counted."));
    let content = if has_rows { vec![json(list()), singular()] } else { Vec::new() };
    MetaResponse { description, status: Some(status), status_range: None, content, headers }
}

fn row() -> MetaSchema {
    MetaSchema { additional_properties: Some(Box::new(inline(MetaSchema::ANY))), ..MetaSchema::new("object") }
}

fn list() -> MetaSchema {
    MetaSchema { items: Some(Box::new(inline(row()))), ..MetaSchema::new("array") }
}

fn rows() -> MetaSchema {
    MetaSchema { one_of: vec![inline(row()), inline(list())], ..MetaSchema::ANY }
}
