//! The web interface: files that were embedded when the server was built, in all the forms that clients take.

use axum::body::Body;
use axum::http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue, VARY,
};
use axum::http::request::Parts;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use self::negotiate::Coding;

mod negotiate;

/// One file.
#[derive(Clone, Copy, Debug)]
pub struct Asset {
    /// Where it is, without the first slash.
    pub path: &'static str,
    /// Its media type.
    pub media_type: &'static str,
    /// Whether its name changes with its content.
    pub is_hashed: bool,
    /// The beginning of its SHA-256 hash, in hexadecimal.
    pub hash: &'static str,
    /// Its content.
    pub plain: &'static [u8],
    /// The same, compressed, where that is worth it.
    pub brotli: Option<&'static [u8]>,
    /// The same, compressed, where that is worth it.
    pub gzip: Option<&'static [u8]>,
}

static EMBEDDED: &[Asset] = include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// The page in the place of an interface that was not built.
static HOW_TO_BUILD: Asset = Asset {
    path: "index.html",
    media_type: "text/html; charset=utf-8",
    is_hashed: false,
    hash: "how-to-build-1",
    plain: include_bytes!("assets/how-to-build.html"),
    brotli: None,
    gzip: None,
};

/// The files of an interface.
#[derive(Clone, Copy, Debug)]
pub struct Assets(&'static [Asset]);

impl Assets {
    /// What was embedded: nothing, if the interface was not built before the server.
    #[must_use]
    pub fn embedded() -> Self {
        Self(EMBEDDED)
    }

    /// The files of a table.
    #[must_use]
    pub const fn new(table: &'static [Asset]) -> Self {
        Self(table)
    }

    /// Answers a request for a file or a page. Nothing below `/api` is either.
    #[must_use]
    pub fn answer(self, head: &Parts) -> Response {
        if !matches!(head.method, Method::GET | Method::HEAD) {
            let allow = [(ALLOW, "GET, HEAD")];
            return (StatusCode::METHOD_NOT_ALLOWED, allow, "pages are only read\n").into_response();
        }
        let path = head.uri.path().strip_prefix('/').unwrap_or_default();
        if let Some(asset) = self.find(path) {
            return asset.answer(&head.headers, StatusCode::OK);
        }
        match Place::of(path) {
            Place::Page => self.index().answer(&head.headers, StatusCode::OK),
            Place::NoPage => self.index().answer(&head.headers, StatusCode::NOT_FOUND),
            Place::NoFile => (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
        }
    }

    fn find(self, path: &str) -> Option<&'static Asset> {
        self.0.iter().find(|asset| asset.path == path)
    }

    fn index(self) -> &'static Asset {
        self.find("index.html").unwrap_or(&HOW_TO_BUILD)
    }
}

impl Asset {
    fn answer(&self, headers: &HeaderMap, status: StatusCode) -> Response {
        let (coding, content) = self.form(headers);
        let etag = format!("\"{}{}\"", self.hash, coding.suffix());
        let is_known = status == StatusCode::OK && negotiate::is_known(headers, &etag);
        let mut response = Response::new(if is_known {
            Body::empty()
        } else {
            Body::from(content)
        });
        *response.status_mut() = if is_known {
            StatusCode::NOT_MODIFIED
        } else {
            status
        };
        let headers = response.headers_mut();
        let caching = match (status, self.is_hashed) {
            (StatusCode::OK, true) => "public, max-age=31536000, immutable",
            (StatusCode::OK, false) => "no-cache",
            _ => "no-store",
        };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        if let Ok(etag) = HeaderValue::try_from(etag)
            && status == StatusCode::OK
        {
            headers.insert(ETAG, etag);
        }
        if self.brotli.is_some() || self.gzip.is_some() {
            headers.insert(VARY, HeaderValue::from_static("Accept-Encoding"));
        }
        if !is_known {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.media_type));
            if let Some(name) = coding.name() {
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static(name));
            }
        }
        response
    }

    /// The form that the client likes best. Whoever takes none at all gets it as it is.
    fn form(&self, headers: &HeaderMap) -> (Coding, &'static [u8]) {
        let form = |coding| match coding {
            Coding::Brotli => self.brotli,
            Coding::Gzip => self.gzip,
            Coding::Identity => Some(self.plain),
        };
        let mut wanted = negotiate::codings(headers);
        let found = wanted.find_map(|coding| Some((coding, form(coding)?)));
        found.unwrap_or((Coding::Identity, self.plain))
    }
}

/// What a path without a file is.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A page of the interface, which finds its way by the path.
    Page,
    /// What somebody typed who looked for one.
    NoPage,
    /// Nothing that a person looks for.
    NoFile,
}

impl Place {
    fn of(path: &str) -> Self {
        let parts: Vec<&str> = path.split('/').collect();
        match *parts {
            [""] | ["login" | "plugins"] | ["plugins", _] | ["p", _, ..] => return Self::Page,
            _ => {}
        }
        let first = parts.iter().find(|part| !part.is_empty()).unwrap_or(&"");
        let looks_like_file = parts.last().is_some_and(|last| last.contains('.'));
        // Written in another way, it still is the API.
        let is_api = first.eq_ignore_ascii_case("api") || first.contains('%');
        if is_api || looks_like_file || *first == "assets" {
            Self::NoFile
        } else {
            Self::NoPage
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn pages_are_told_from_files_and_from_the_api() {
        for path in [
            "",
            "login",
            "plugins",
            "plugins/a.b",
            "plugins/",
            "p/hello",
            "p/hello/x.y/z",
        ] {
            assert_eq!(Place::of(path), Place::Page, "{path}");
        }
        for path in ["nothing", "plugins/a/b", "p", "login/x"] {
            assert_eq!(Place::of(path), Place::NoPage, "{path}");
        }
        for path in [
            "api", "api/x", "/api/x", "API/x", "%61pi/x", "x.js", "assets/x", "a/b.map",
        ] {
            assert_eq!(Place::of(path), Place::NoFile, "{path}");
        }
    }
}
