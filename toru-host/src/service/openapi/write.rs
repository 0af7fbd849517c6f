//! The document as OpenAPI has it.

use utoipa::OpenApi;
use utoipa::openapi::extensions::Extensions;
use utoipa::openapi::path::{OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItemBuilder};
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{AllOfBuilder, SchemaType, Type};
use utoipa::openapi::{
    self, ContentBuilder, Header, HttpMethod, InfoBuilder, ObjectBuilder, OpenApiBuilder, PathItem,
    PathsBuilder, Ref, Required, ResponseBuilder, ResponsesBuilder,
};

use super::replies::{Content, Reply, methods, replies};
use crate::plugin::{PluginId, PluginLicense};
use crate::service::documents::{
    DetailsDocument, ListDocument, PluginDocument, ProblemDocument, RemovedDocument, SnapshotDocument,
    StorageDocument,
};
use crate::service::endpoint::Endpoint;
use crate::service::license::KeyDocument;
use crate::service::path::Beside;

const ABOUT: &str = "Plugins of this application: which there are, how they are doing, and their own routes.\n\n\
    Who may do what is decided by the application; `x-toru-access` names what is asked of it: to `read`, to `manage`, or to \
    `use` a plugin. Requests that change something and come from pages of another site are refused.\n\n\
    A method that a path does not list is answered with 405, a problem with the code `method_not_allowed`, and `Allow`. Problems \
    are documents of RFC 9457; their codes stay what they are, and new ones may come.";

/// The schemas of all documents.
#[derive(OpenApi)]
#[openapi(components(schemas(
    DetailsDocument,
    KeyDocument,
    ListDocument,
    PluginDocument,
    PluginLicense,
    ProblemDocument,
    RemovedDocument,
    SnapshotDocument,
    StorageDocument
)))]
struct Schemas;

/// Writes the document for a service with that base path.
pub(super) fn document(base: &str, beside: &Beside) -> String {
    let info = InfoBuilder::new()
        .title("Plugins")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(ABOUT));
    let paths = Endpoint::ALL.iter().fold(PathsBuilder::new(), |paths, endpoint| {
        paths.path(endpoint.template(base, beside), path(*endpoint))
    });
    let document = OpenApiBuilder::new()
        .info(info)
        .paths(paths)
        .components(Schemas::openapi().components)
        .build();
    // Maps, texts and numbers, none of which can fail.
    document.to_json().unwrap_or_default()
}

fn path(endpoint: Endpoint) -> PathItem {
    let operations = methods(endpoint).iter();
    let item = operations.fold(PathItemBuilder::new(), |item, method| {
        item.operation(method.clone(), operation(endpoint, method))
    });
    item.parameters(Some(parameters(endpoint))).build()
}

fn operation(endpoint: Endpoint, method: &HttpMethod) -> OperationBuilder {
    let (id, summary, access) = about(endpoint);
    let is_first = methods(endpoint).first() == Some(method) && endpoint != Endpoint::Route;
    let responses =
        replies(endpoint, method)
            .into_iter()
            .fold(ResponsesBuilder::new(), |responses, reply| {
                let status = reply
                    .status
                    .map_or_else(|| "default".to_owned(), |status| status.to_string());
                responses.response(status, response(reply))
            });
    let body = (endpoint == Endpoint::License && *method == HttpMethod::Put).then(key_body);
    OperationBuilder::new()
        .request_body(body)
        // Ids are unique, and one for each path is enough for whoever generates a client.
        .operation_id(is_first.then_some(id))
        .summary(Some(summary))
        .responses(responses.build())
        .extensions(Some(Extensions::builder().add("x-toru-access", access).build()))
}

/// Id, summary, and what the `Authorizer` is asked for.
const fn about(endpoint: Endpoint) -> (&'static str, &'static str, &'static str) {
    match endpoint {
        Endpoint::List => ("listPlugins", "All plugins and how they are doing", "read"),
        Endpoint::Plugin => ("getPlugin", "One plugin and how it is doing", "read"),
        Endpoint::Enable => ("enablePlugin", "Turns a plugin on", "manage"),
        Endpoint::Disable => ("disablePlugin", "Turns a plugin off", "manage"),
        Endpoint::License => (
            "getPluginLicense",
            "The licence key that a plugin is given",
            "manage",
        ),
        Endpoint::Storage => ("getPluginStorage", "How much a plugin stores", "manage"),
        Endpoint::Bundle => ("getPluginBundle", "The script of a plugin's frontend", "use"),
        Endpoint::Scan => ("scanPlugins", "Looks at the plugins folder again", "manage"),
        Endpoint::Events => ("streamPluginEvents", "Changes of plugins as they happen", "read"),
        Endpoint::OpenApi => ("describePlugins", "This document", "read"),
        Endpoint::Route => (
            "callPlugin",
            "A route of the plugin; its path may have any number of segments",
            "use",
        ),
    }
}

fn parameters(endpoint: Endpoint) -> Vec<Parameter> {
    let with = |name, place, what, schema: ObjectBuilder| {
        let required = if matches!(place, ParameterIn::Path) {
            Required::True
        } else {
            Required::False
        };
        ParameterBuilder::new()
            .name(name)
            .parameter_in(place)
            .required(required)
            .description(Some(what))
            .schema(Some(schema))
            .build()
    };
    let parameter = |name, place, what| with(name, place, what, text());
    let id = || {
        let schema = text().pattern(Some(PluginId::PATTERN));
        with("id", ParameterIn::Path, "Id of the plugin.", schema)
    };
    let known = || {
        let what = "Entity tags of what the client has.";
        parameter("If-None-Match", ParameterIn::Header, what)
    };
    match endpoint {
        Endpoint::List | Endpoint::Scan => Vec::new(),
        Endpoint::Plugin | Endpoint::Enable | Endpoint::Disable | Endpoint::License | Endpoint::Storage => {
            vec![id()]
        }
        Endpoint::Bundle => vec![
            id(),
            parameter(
                "v",
                ParameterIn::Query,
                "SHA-256 of the script; an answer to the right one may be kept for good.",
            ),
            known(),
        ],
        Endpoint::Events => vec![parameter(
            "Last-Event-ID",
            ParameterIn::Header,
            "The event that the client heard of last. It is told what came after, or gets a new snapshot.",
        )],
        Endpoint::OpenApi => vec![known()],
        Endpoint::Route => vec![
            id(),
            parameter("path", ParameterIn::Path, "Path below the plugin's own."),
        ],
    }
}

fn response(reply: Reply) -> ResponseBuilder {
    let response = ResponseBuilder::new().description(reply.what);
    let response = reply.headers.into_iter().fold(response, |response, name| {
        response.header(name, Header::new(text()))
    });
    match reply.content {
        Content::Nothing => response,
        Content::Json(schema) => response.content("application/json", content(Ref::from_schema_name(schema))),
        Content::Itself => response.content(
            "application/json",
            content(ObjectBuilder::new().schema_type(Type::Object)),
        ),
        Content::Problem(codes) => response.content("application/problem+json", content(problem(codes))),
        Content::OfPlugin(codes) => response
            .content("application/problem+json", content(problem(codes)))
            .content("*/*", ContentBuilder::new().build()),
        Content::Text(kind) => response.content(kind, content(text())),
    }
}

/// What a request to replace a licence key has.
fn key_body() -> RequestBody {
    RequestBodyBuilder::new()
        .description(Some("The key."))
        .required(Some(Required::True))
        .content(
            "application/json",
            ContentBuilder::new()
                .schema(Some(Ref::from_schema_name("LicenseKey")))
                .build(),
        )
        .build()
}

fn content(schema: impl Into<openapi::RefOr<openapi::Schema>>) -> openapi::Content {
    ContentBuilder::new().schema(Some(schema)).build()
}

fn text() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::String)
}

/// A problem with one of these codes.
fn problem(codes: Vec<&'static str>) -> AllOfBuilder {
    let code = text().enum_values(Some(codes));
    let code = ObjectBuilder::new()
        .schema_type(SchemaType::AnyValue)
        .property("code", code);
    AllOfBuilder::new()
        .item(Ref::from_schema_name("Problem"))
        .item(code)
}
