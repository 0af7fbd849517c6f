//! The cookie that names a session.

use axum::http::header::COOKIE;
use axum::http::request::Parts;
use tower_sessions::cookie::{Cookie, SameSite};
use tower_sessions::session::Id;

/// How the cookie is called and kept.
#[derive(Clone, Copy, Debug)]
pub struct SessionCookie {
    is_secure: bool,
}

impl SessionCookie {
    /// `is_secure`: browsers reach this server by TLS alone.
    #[must_use]
    pub const fn new(is_secure: bool) -> Self {
        Self { is_secure }
    }

    /// Its name. Browsers take `__Host-` from this very host alone, by TLS.
    #[must_use]
    pub const fn name(self) -> &'static str {
        if self.is_secure {
            "__Host-toru-session"
        } else {
            "toru-session"
        }
    }

    /// The id of the session that a request came with. Of two, nobody knows which one is meant: that is none.
    #[must_use]
    pub fn id(self, head: &Parts) -> Option<Id> {
        let mut sent = self.values(head);
        match (sent.next(), sent.next()) {
            (Some(value), None) => read(value),
            _ => None,
        }
    }

    /// All ids that a request came with.
    pub(super) fn ids(self, head: &Parts) -> Vec<Id> {
        self.values(head).filter_map(read).collect()
    }

    /// The values of this name. Other cookies may hold any bytes: pages can set what is no text.
    fn values(self, head: &Parts) -> impl Iterator<Item = &[u8]> {
        let fields = head.headers.get_all(COOKIE).iter();
        let cookies = fields.flat_map(|field| field.as_bytes().split(|byte| *byte == b';'));
        cookies.filter_map(move |cookie| {
            let end = cookie.iter().position(|byte| *byte == b'=')?;
            let (name, value) = cookie.split_at(end);
            (name.trim_ascii() == self.name().as_bytes()).then(|| value[1..].trim_ascii())
        })
    }

    /// Has the browser keep the id until it is closed.
    #[must_use]
    pub fn keep(self, id: Id) -> String {
        self.build(id.to_string()).to_string()
    }

    /// Has the browser forget it.
    #[must_use]
    pub fn forget(self) -> String {
        let mut cookie = self.build(String::new());
        cookie.make_removal();
        cookie.to_string()
    }

    fn build(self, value: String) -> Cookie<'static> {
        Cookie::build((self.name(), value))
            .http_only(true)
            .same_site(SameSite::Strict)
            .secure(self.is_secure)
            .path("/")
            .build()
    }
}

/// The id that a value is, whole.
fn read(value: &[u8]) -> Option<Id> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::http::Request;

    use super::{Id, SessionCookie};

    #[test]
    fn it_is_for_this_host_and_not_for_scripts() {
        let id = Id(7);
        let secure = SessionCookie::new(true);
        let text = secure.keep(id);
        assert_eq!(
            text,
            format!("__Host-toru-session={id}; HttpOnly; SameSite=Strict; Secure; Path=/")
        );
        let plain = SessionCookie::new(false).keep(id);
        assert_eq!(
            plain,
            format!("toru-session={id}; HttpOnly; SameSite=Strict; Path=/")
        );
        let forget = secure.forget();
        assert!(
            forget.starts_with("__Host-toru-session=; HttpOnly; SameSite=Strict; Secure; Path=/; Max-Age=0")
        );
    }

    #[test]
    fn whatever_is_not_one_whole_id_is_none() {
        let read = |fields: &[&str]| {
            let mut request = Request::get("/");
            for field in fields {
                request = request.header("cookie", *field);
            }
            SessionCookie::new(false).id(&request.body(()).unwrap().into_parts().0)
        };
        let id = Id(7);
        assert_eq!(read(&[&format!("a=b; toru-session={id}; c")]), Some(id));
        assert_eq!(read(&["a=b", &format!("toru-session={id}")]), Some(id));
        assert_eq!(read(&[&format!("toru-session={id}; toru-session={id}")]), None);
        for text in [
            format!("{id}A"),
            format!("{id}="),
            id.to_string()[1..].to_owned(),
            String::new(),
        ] {
            assert_eq!(read(&[&format!("toru-session={text}")]), None, "{text:?}");
        }
        assert_eq!(read(&[&format!("__Host-toru-session={id}")]), None);
        assert_eq!(read(&[]), None);
    }
}
