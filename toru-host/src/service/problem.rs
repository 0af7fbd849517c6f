//! Errors as `application/problem+json` (RFC 9457) with a stable `code`.

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, VARY, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, Response, StatusCode};

use super::authorize::Refusal;
use super::documents::{ProblemDocument, to_json};
use crate::error::{CallError, ManagerError};
use crate::ffi::{Called, ResponseBody};
use crate::kv::KvError;
use crate::plugin::{PluginId, PluginState};

/// An error on its way to the client.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    reference: Option<String>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    pub(super) fn new(status: StatusCode, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            reference: None,
            header: None,
        }
    }

    pub(super) fn unknown_plugin() -> Self {
        Self::new(StatusCode::NOT_FOUND, "unknown_plugin", "there is no such plugin")
    }

    pub(super) fn unknown_route() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "unknown_route",
            "the plugin has no such route",
        )
    }

    pub(super) fn invalid_path() -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_path",
            "the path is not one that a route can have",
        )
    }

    pub(super) fn method_not_allowed(allow: HeaderValue) -> Self {
        let mut problem = Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "this path answers other methods",
        );
        problem.header = Some((ALLOW, allow));
        problem
    }

    /// The client takes no form that there is.
    pub(super) fn not_acceptable() -> Self {
        let mut problem = Self::new(
            StatusCode::NOT_ACCEPTABLE,
            "not_acceptable",
            "there is no form of this that the request accepts",
        );
        problem.header = Some((VARY, HeaderValue::from_static("Accept-Encoding")));
        problem
    }

    pub(super) fn refused(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Forbidden => Self::new(StatusCode::FORBIDDEN, "forbidden", "you may not do this"),
            Refusal::Unauthenticated => {
                let mut problem = Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "sign in first");
                problem.header = Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
                problem
            }
        }
    }

    /// The plugin is known but does not run.
    pub(super) fn idle(state: PluginState) -> Self {
        let (status, code, detail) = match state {
            PluginState::Starting => (
                StatusCode::SERVICE_UNAVAILABLE,
                "plugin_starting",
                "the plugin is starting; try again",
            ),
            PluginState::Failed => (
                StatusCode::SERVICE_UNAVAILABLE,
                "plugin_failed",
                "the plugin did not start; its status tells why",
            ),
            PluginState::Quarantined => (
                StatusCode::SERVICE_UNAVAILABLE,
                "plugin_quarantined",
                "the plugin was stopped because it kept failing; its status tells how",
            ),
            PluginState::Missing => (
                StatusCode::NOT_FOUND,
                "plugin_missing",
                "the plugin's file is gone",
            ),
            _ => (StatusCode::NOT_FOUND, "plugin_disabled", "the plugin is disabled"),
        };
        let mut problem = Self::new(status, code, detail);
        if state == PluginState::Starting {
            problem.header = Some((RETRY_AFTER, HeaderValue::from_static("1")));
        }
        problem
    }

    /// A request that another site made a browser send.
    pub(super) fn foreign_origin() -> Self {
        Self::new(
            StatusCode::FORBIDDEN,
            "foreign_origin",
            "only pages of this site may do this",
        )
    }

    pub(super) fn body_too_large(max: u64) -> Self {
        let detail =
            format!("the request's body is larger than {max} bytes, which is what the plugin may be sent");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail)
    }

    /// The plugin has as many requests as it may have.
    pub(super) fn busy() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "plugin_busy",
            "the plugin has as many requests as it can take; try again",
        );
        problem.header = Some((RETRY_AFTER, HeaderValue::from_static("1")));
        problem
    }

    /// As many clients listen to events as may.
    pub(super) fn too_many_listeners() -> Self {
        let mut problem = Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "too_many_listeners",
            "as many streams of events are open as there may be; try again later",
        );
        problem.header = Some((RETRY_AFTER, HeaderValue::from_static("5")));
        problem
    }

    /// A call failed. The reason goes to the log, the client gets a reference to it.
    pub(super) fn call(called: Called, error: &CallError) -> Self {
        if *error == CallError::BodyTooLarge {
            return Self::body_too_large(called.limits().max_request_body);
        }
        let plugin = called.plugin().as_str();
        let reference = uuid::Uuid::new_v4().simple().to_string();
        let code = error.code();
        tracing::warn!(plugin.id = plugin, plugin.code = code, reference, "{error}");
        let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let detail = match error {
            CallError::TimedOut { .. } => "the plugin did not answer in time",
            _ => "the plugin could not answer; the log tells why",
        };
        let mut problem = Self::new(status, code, detail);
        problem.reference = Some(reference);
        problem
    }

    /// The store cannot tell what is asked. Why is for the log alone: it names what lies on this machine.
    pub(super) fn storage(plugin: &PluginId, error: &KvError) -> Self {
        let reference = uuid::Uuid::new_v4().simple().to_string();
        tracing::warn!(plugin.id = %plugin, reference, "{error}");
        let detail = "the store cannot be read; the log tells why";
        let mut problem = Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.code(), detail);
        problem.reference = Some(reference);
        problem
    }

    pub(super) fn manager(error: &ManagerError) -> Self {
        let status = match error {
            ManagerError::UnknownPlugin { .. } => return Self::unknown_plugin(),
            ManagerError::InvalidLicense { .. } => StatusCode::BAD_REQUEST,
            ManagerError::LicenseFromEnvironment { .. } => StatusCode::CONFLICT,
            ManagerError::ShuttingDown => StatusCode::SERVICE_UNAVAILABLE,
            ManagerError::State(_)
                if matches!(error.code(), "newer_state" | "state_changed" | "malformed_state") =>
            {
                StatusCode::CONFLICT
            }
            ManagerError::State(_) if error.code() == "storage_full" => StatusCode::INSUFFICIENT_STORAGE,
            ManagerError::Load(_) => StatusCode::UNPROCESSABLE_ENTITY,
            _ => StatusCode::INTERNAL_SERVER_ERROR,
        };
        Self::new(status, error.code(), error.to_string())
    }

    pub(super) fn into_response(self) -> Response<ResponseBody> {
        let document = ProblemDocument {
            kind: "about:blank",
            title: self.status.canonical_reason().unwrap_or("Error"),
            status: self.status.as_u16(),
            code: self.code,
            detail: self.detail,
            reference: self.reference,
        };
        let mut response = Response::new(ResponseBody::full(Bytes::from(to_json(&document))));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.header);
        response
    }
}
