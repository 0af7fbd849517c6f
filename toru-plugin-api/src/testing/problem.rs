//! Errors as clients see them: `application/problem+json` (RFC 9457) with a stable `code`.

use http::StatusCode;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::gate::Refused;

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    code: &'static str,
    detail: String,
    has_reference: bool,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Problem {
    fn new(status: u16, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            status,
            code,
            detail: detail.into(),
            has_reference: false,
            header: None,
        }
    }

    pub(crate) fn unknown_route() -> Self {
        Self::new(404, "unknown_route", "the plugin has no such route")
    }

    pub(crate) fn invalid_path() -> Self {
        Self::new(400, "invalid_path", "the path is not one that a route can have")
    }

    pub(crate) fn method_not_allowed(allow: HeaderValue) -> Self {
        let mut problem = Self::new(405, "method_not_allowed", "this path answers other methods");
        problem.header = Some((ALLOW, allow));
        problem
    }

    pub(crate) fn body_too_large(max: u64) -> Self {
        let detail =
            format!("the request's body is larger than {max} bytes, which is what the plugin may be sent");
        Self::new(413, "body_too_large", detail)
    }

    pub(crate) fn refused(refused: Refused) -> Self {
        match refused {
            Refused::Stopping => Self::new(404, "plugin_disabled", "the plugin is disabled"),
            Refused::Busy => {
                let detail = "the plugin has as many requests as it can take; try again";
                let mut problem = Self::new(503, "plugin_busy", detail);
                problem.header = Some((RETRY_AFTER, HeaderValue::from_static("1")));
                problem
            }
        }
    }

    /// A call failed. The reason is for the log.
    pub(crate) fn call(status: u16, code: &'static str) -> Self {
        let detail = match code {
            "plugin_timeout" => "the plugin did not answer in time",
            _ => "the plugin could not answer; the log tells why",
        };
        Self {
            has_reference: true,
            ..Self::new(status, code, detail)
        }
    }

    /// Header and body of the answer.
    pub(crate) fn into_parts(self) -> (u16, HeaderMap, String) {
        let status = StatusCode::from_u16(self.status).ok();
        let title = status
            .and_then(|status| status.canonical_reason())
            .unwrap_or("Error");
        // No text in here has characters that would have to be escaped.
        let mut document = format!(
            r#"{{"type":"about:blank","title":"{title}","status":{},"code":"{}","detail":"{}""#,
            self.status, self.code, self.detail
        );
        if self.has_reference {
            document += r#","reference":"00000000000000000000000000000000""#;
        }
        document.push('}');
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.extend(self.header);
        (self.status, headers, document)
    }
}
