//! Where a request comes from.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::ConnectInfo;
use axum::http::{Extensions, HeaderMap};

/// The address of a client. Behind a proxy it is what the proxy added to `X-Forwarded-For`: the last one there, since
/// clients can send some of their own in front of it.
#[must_use]
pub fn address(headers: &HeaderMap, extensions: &Extensions, is_behind_proxy: bool) -> IpAddr {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map_or(Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0.ip());
    let told = is_behind_proxy.then(|| forwarded(headers)).flatten();
    told.unwrap_or(peer)
}

/// What the proxy added, if it is an address.
pub(super) fn forwarded(headers: &HeaderMap) -> Option<IpAddr> {
    let last = headers.get_all("x-forwarded-for").iter().next_back()?;
    let last = last.to_str().ok()?.rsplit(',').next()?.trim();
    let with_port = || last.parse::<SocketAddr>().ok().map(|address| address.ip());
    let in_brackets = || {
        let inner = last.strip_prefix('[')?.strip_suffix(']')?;
        inner.parse::<Ipv6Addr>().ok().map(IpAddr::V6)
    };
    last.parse().ok().or_else(with_port).or_else(in_brackets)
}

#[cfg(test)]
mod tests {
    use super::{ConnectInfo, IpAddr, SocketAddr, address};

    fn seen(fields: &[&str], is_behind_proxy: bool) -> String {
        let mut request = axum::http::Request::get("/");
        for field in fields {
            request = request.header("x-forwarded-for", *field);
        }
        let mut head = request.body(()).unwrap().into_parts().0;
        let peer = SocketAddr::new(IpAddr::from([127, 0, 0, 1]), 9);
        head.extensions.insert(ConnectInfo(peer));
        address(&head.headers, &head.extensions, is_behind_proxy).to_string()
    }

    #[test]
    fn only_a_proxy_is_believed_and_only_what_it_added() {
        assert_eq!(seen(&["192.0.2.1"], false), "127.0.0.1");
        assert_eq!(seen(&["192.0.2.1"], true), "192.0.2.1");
        assert_eq!(seen(&["192.0.2.1, 192.0.2.2"], true), "192.0.2.2");
        assert_eq!(seen(&["192.0.2.1", "192.0.2.3:80"], true), "192.0.2.3");
        assert_eq!(seen(&["[2001:db8::1]:80"], true), "2001:db8::1");
        assert_eq!(seen(&["[2001:db8::1]"], true), "2001:db8::1");
        for text in ["", "nobody", "192.0.2.1, x", "[192.0.2.1]", "[2001:db8::1"] {
            assert_eq!(seen(&[text], true), "127.0.0.1", "{text}");
        }
    }
}
