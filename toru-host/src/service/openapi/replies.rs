//! What each endpoint may answer: every status, with its headers and the codes of its problems.

use utoipa::openapi::HttpMethod;

use crate::error::{DiscoverError, LoadError};
use crate::service::endpoint::Endpoint;

/// One answer.
pub(super) struct Reply {
    /// `None` for any that is not named.
    pub(super) status: Option<u16>,
    pub(super) what: &'static str,
    pub(super) content: Content,
    pub(super) headers: Vec<&'static str>,
}

/// What the body of an answer is.
pub(super) enum Content {
    /// There is none.
    Nothing,
    /// JSON of this schema.
    Json(&'static str),
    /// JSON that this document is no schema for: itself.
    Itself,
    /// A problem with one of these codes.
    Problem(Vec<&'static str>),
    /// The plugin's own, or a problem with one of these codes.
    OfPlugin(Vec<&'static str>),
    /// Text of that type.
    Text(&'static str),
}

const ALL_METHODS: [HttpMethod; 8] = [
    HttpMethod::Get,
    HttpMethod::Head,
    HttpMethod::Post,
    HttpMethod::Put,
    HttpMethod::Patch,
    HttpMethod::Delete,
    HttpMethod::Options,
    HttpMethod::Trace,
];
const OF_READ: [HttpMethod; 3] = [HttpMethod::Get, HttpMethod::Head, HttpMethod::Options];
const OF_LICENSE: [HttpMethod; 5] = [
    HttpMethod::Get,
    HttpMethod::Head,
    HttpMethod::Put,
    HttpMethod::Delete,
    HttpMethod::Options,
];
const OF_CHANGE: [HttpMethod; 2] = [HttpMethod::Post, HttpMethod::Options];

/// The methods of an endpoint. To all others the answer is 405.
pub(super) const fn methods(endpoint: Endpoint) -> &'static [HttpMethod] {
    match endpoint {
        Endpoint::Enable | Endpoint::Disable | Endpoint::Scan => &OF_CHANGE,
        Endpoint::License => &OF_LICENSE,
        Endpoint::Route => &ALL_METHODS,
        Endpoint::List
        | Endpoint::Plugin
        | Endpoint::Storage
        | Endpoint::Bundle
        | Endpoint::Events
        | Endpoint::OpenApi => &OF_READ,
    }
}

/// What an endpoint may answer to a method.
pub(super) fn replies(endpoint: Endpoint, method: &HttpMethod) -> Vec<Reply> {
    let is_safe = OF_READ.contains(method);
    let mut replies = match endpoint {
        Endpoint::Route => route(*method == HttpMethod::Options),
        _ if *method == HttpMethod::Options => vec![allow()],
        Endpoint::List => vec![json("All plugins.", "PluginList")],
        Endpoint::Plugin => vec![
            json("The plugin.", "PluginDetails"),
            problem(
                404,
                "There is no such plugin.",
                &["unknown_plugin", "unknown_route"],
            ),
        ],
        Endpoint::Enable => {
            let mut replies = change("The plugin, which runs now.", "PluginDetails");
            let mut codes = LoadError::CODES.to_vec();
            codes.extend(DiscoverError::CODES);
            codes.extend(LoadError::LICENSE_CODES);
            codes.sort_unstable();
            codes.dedup();
            replies.push(problem(
                404,
                "There is no such plugin.",
                &["unknown_plugin", "unknown_route"],
            ));
            replies.push(problem(
                422,
                "The plugin does not start; it stays asked for.",
                &codes,
            ));
            replies
        }
        Endpoint::Disable => {
            let mut replies = change("The plugin, which does not run any more.", "PluginDetails");
            replies.push(problem(
                404,
                "There is no such plugin.",
                &["unknown_plugin", "unknown_route"],
            ));
            replies
        }
        Endpoint::Scan => {
            let mut replies = change("What is there now.", "PluginList");
            for reply in &mut replies {
                if let (Some(500), Content::Problem(codes)) = (reply.status, &mut reply.content) {
                    codes.push("unreadable_folder");
                }
            }
            replies
        }
        Endpoint::License => license(method),
        Endpoint::Storage => vec![
            json("What it stores.", "PluginStorage"),
            problem(
                404,
                "There is no such plugin.",
                &["unknown_plugin", "unknown_route"],
            ),
            problem(
                500,
                "The store cannot be read.",
                &["storage_corrupt", "storage_failed", "storage_full"],
            ),
        ],
        Endpoint::Bundle => bundle(),
        Endpoint::Events => vec![
            Reply {
                status: Some(200),
                what: "Server-sent events: `snapshot` (a PluginSnapshot) at first and whenever some were missed, then \
                       `plugin` (a Plugin that appeared or changed) and `removed` (a PluginRemoved).",
                content: Content::Text("text/event-stream"),
                headers: vec!["Cache-Control", "X-Accel-Buffering"],
            },
            problem(
                503,
                "As many streams are open as there may be.",
                &["too_many_listeners"],
            )
            .with_header("Retry-After"),
        ],
        Endpoint::OpenApi => vec![
            Reply {
                status: Some(200),
                what: "This document.",
                content: Content::Itself,
                headers: vec!["Cache-Control", "ETag"],
            },
            known(&["Cache-Control", "ETag"]),
        ],
    };
    refuse(&mut replies, is_safe, endpoint == Endpoint::Route);
    if *method == HttpMethod::Head {
        for reply in &mut replies {
            reply.content = Content::Nothing;
            reply.headers.push("Content-Length");
        }
    }
    replies
}

impl Reply {
    fn with_header(mut self, name: &'static str) -> Self {
        self.headers.push(name);
        self
    }
}

fn json(what: &'static str, schema: &'static str) -> Reply {
    Reply {
        status: Some(200),
        what,
        content: Content::Json(schema),
        headers: vec!["Cache-Control"],
    }
}

fn problem(status: u16, what: &'static str, codes: &[&'static str]) -> Reply {
    Reply {
        status: Some(status),
        what,
        content: Content::Problem(codes.to_vec()),
        headers: vec!["Cache-Control"],
    }
}

fn allow() -> Reply {
    Reply {
        status: Some(204),
        what: "The methods are in `Allow`.",
        content: Content::Nothing,
        headers: vec!["Allow"],
    }
}

fn known(headers: &[&'static str]) -> Reply {
    Reply {
        status: Some(304),
        what: "The client has it already.",
        content: Content::Nothing,
        headers: headers.to_vec(),
    }
}

/// What is asked about a licence key: to see it, to replace it, to remove it.
fn license(method: &HttpMethod) -> Vec<Reply> {
    let unknown = problem(
        404,
        "There is no such plugin.",
        &["unknown_plugin", "unknown_route"],
    );
    if OF_READ.contains(method) {
        return vec![json("What may be seen of it.", "PluginLicense"), unknown];
    }
    let what = "The key is recorded, and the plugin has come to terms with it: its status tells whether it accepts the key.";
    let mut replies = change(what, "PluginDetails");
    for reply in &mut replies {
        if let (Some(409), Content::Problem(codes)) = (reply.status, &mut reply.content) {
            codes.push("license_from_environment");
            reply.what = "The key comes from the environment; or what is recorded was changed or damaged by somebody else, or \
                          written by a newer host.";
        }
    }
    replies.push(unknown);
    if *method == HttpMethod::Put {
        replies.extend([
            problem(
                400,
                "The body is not what it should be, or the text can be no key.",
                &["invalid_body", "invalid_license"],
            ),
            problem(408, "The body did not arrive in time.", &["body_timeout"]),
            problem(413, "The body is too large for a key.", &["body_too_large"]),
            problem(415, "The body is not JSON.", &["unsupported_media_type"]),
        ]);
    }
    replies
}

/// What any change may come to.
fn change(what: &'static str, schema: &'static str) -> Vec<Reply> {
    vec![
        json(what, schema),
        problem(
            409,
            "What is recorded was changed or damaged by somebody else, or written by a newer host.",
            &["malformed_state", "newer_state", "state_changed"],
        ),
        problem(
            500,
            "What is asked for cannot be recorded or read.",
            &[
                "already_running",
                "insecure_state",
                "invalid_change",
                "unreadable_state",
                "unwritable_state",
            ],
        ),
        problem(503, "The host is shutting down.", &["shutting_down"]),
        problem(
            507,
            "There is no space to record it; nothing was changed.",
            &["storage_full"],
        ),
    ]
}

const IDLE: [&str; 3] = ["plugin_failed", "plugin_quarantined", "plugin_starting"];
const ABSENT: [&str; 4] = [
    "plugin_disabled",
    "plugin_missing",
    "unknown_plugin",
    "unknown_route",
];

fn bundle() -> Vec<Reply> {
    let headers = [
        "Cache-Control",
        "Cross-Origin-Resource-Policy",
        "ETag",
        "Vary",
        "X-Content-Type-Options",
    ];
    vec![
        Reply {
            status: Some(200),
            what: "The script.",
            content: Content::Text("text/javascript"),
            headers: headers.into_iter().chain(["Content-Encoding"]).collect(),
        },
        known(&headers),
        problem(404, "The plugin does not run, or has no script.", &ABSENT),
        problem(
            406,
            "There is no form of the script that the request accepts.",
            &["not_acceptable"],
        )
        .with_header("Vary"),
        problem(503, "The plugin does not run now.", &IDLE).with_header("Retry-After"),
    ]
}

/// A plugin answers what it likes. What the host says in its place is named.
fn route(is_options: bool) -> Vec<Reply> {
    let of_host = |status, what, codes: &[&'static str]| {
        let mut codes = codes.to_vec();
        // The status of an error is its author's choice.
        codes.push("plugin_error");
        Reply {
            status: Some(status),
            what,
            content: Content::OfPlugin(codes),
            headers: vec!["Cache-Control"],
        }
    };
    let busy: Vec<_> = IDLE
        .into_iter()
        .chain(["plugin_busy", "plugin_stopped"])
        .collect();
    let mut replies = vec![
        Reply {
            status: None,
            what: "The plugin's answer, or a problem where its handler returned an error.",
            content: Content::OfPlugin(vec!["plugin_error"]),
            headers: Vec::new(),
        },
        of_host(
            400,
            "The path is not one that a route can have.",
            &["invalid_path"],
        ),
        of_host(404, "The plugin does not run, or has no such route.", &ABSENT),
        of_host(413, "The body is larger than allowed.", &["body_too_large"]),
        of_host(500, "The plugin could not answer.", &["plugin_panicked"]),
        of_host(
            502,
            "The plugin's answer broke a rule of HTTP.",
            &["invalid_response"],
        ),
        of_host(503, "The plugin does not run now, or has too much to do.", &busy).with_header("Retry-After"),
        of_host(504, "The plugin did not answer in time.", &["plugin_timeout"]),
    ];
    replies.push(if is_options {
        allow()
    } else {
        let other = "The path answers other methods.";
        of_host(405, other, &["method_not_allowed"]).with_header("Allow")
    });
    replies
}

/// Who asks may be refused before anything else happens.
fn refuse(replies: &mut Vec<Reply>, is_safe: bool, is_route: bool) {
    let unknown = problem(401, "It is not known who asks.", &["unauthenticated"]);
    let codes: &[_] = if is_safe {
        &["forbidden"]
    } else {
        &["forbidden", "foreign_origin"]
    };
    let what = "Who asks may not do this, or a page of another site made them.";
    for mut refusal in [unknown.with_header("WWW-Authenticate"), problem(403, what, codes)] {
        if let (true, Content::Problem(codes)) = (is_route, &mut refusal.content) {
            let mut codes = std::mem::take(codes);
            codes.push("plugin_error");
            refusal.content = Content::OfPlugin(codes);
        }
        replies.push(refusal);
    }
}
