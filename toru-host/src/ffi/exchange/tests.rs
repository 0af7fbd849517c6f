use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;
use http_body_util::Empty;
use toru_plugin_api::abi::bytes::{ToruBuf, ToruBufVt, ToruBytes};
use toru_plugin_api::abi::exchange::{TORU_BODY_BORROWED, TORU_BODY_BYTES, TORU_BODY_NONE, ToruResponse};
use toru_plugin_api::abi::op::ToruOp;
use toru_plugin_api::abi::status::{TORU_CANCELLED, TORU_DONE};

use super::super::bytes::to_plugin;
use super::super::route::{Route, RouteMatch};
use super::{
    CellRef, HeaderMap, HeaderName, HeaderValue, ToruExchange, ToruWaker, WALKED_MAX, deliver,
    deliver_claimed, find_header, size_word,
};
use crate::identity::Identity;
use crate::lane::Lane;
use crate::plugin::PluginLimits;

#[test]
fn a_header_is_found_alike_in_short_and_long_lists() {
    for others in [0, WALKED_MAX] {
        let mut headers = HeaderMap::new();
        for i in 0..others {
            let name: HeaderName = format!("x-{i}").parse().unwrap();
            headers.append(name, HeaderValue::from_static("other"));
        }
        headers.append("accept", HeaderValue::from_static("first"));
        headers.append("x-tenant", HeaderValue::from_static("acme"));
        headers.append("accept", HeaderValue::from_static("second"));
        let find = |name: &[u8]| find_header(&headers, name).map(HeaderValue::as_bytes);
        assert_eq!(find(b"Accept"), Some(b"first".as_slice()));
        assert_eq!(find(b"X-TENANT"), Some(b"acme".as_slice()));
        for missing in [b"".as_slice(), b"x-tenan", b"\xFF", b"x tenant"] {
            assert_eq!(find(missing), None);
        }
    }
}

/// How often a plugin's bytes were retained and released.
static RETAINED: AtomicUsize = AtomicUsize::new(0);
static RELEASED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn retain(_: *const ToruBuf) {
    RETAINED.fetch_add(1, Ordering::SeqCst);
}

unsafe extern "C" fn release(_: *const ToruBuf) {
    RELEASED.fetch_add(1, Ordering::SeqCst);
}

static PLUGINS_VT: ToruBufVt = ToruBufVt {
    size: size_word::<ToruBufVt>(),
    flags: 0,
    retain: Some(retain),
    release: Some(release),
};

fn answer(body_kind: u16, bytes: ToruBytes) -> ToruResponse {
    ToruResponse {
        size: size_word::<ToruResponse>(),
        flags: 0,
        status: 200,
        body_kind,
        reserved: 0,
        headers: std::ptr::null(),
        n_headers: 0,
        bytes,
        stream: std::ptr::null_mut(),
    }
}

unsafe extern "C" fn start(
    _: *const c_void,
    _: *const c_void,
    _: *const ToruExchange,
    _: *const ToruWaker,
    _: *mut u8,
    _: *mut ToruOp,
) -> u32 {
    TORU_CANCELLED
}

fn cell() -> CellRef<Empty<Bytes>> {
    let lane = Lane::leak(&"late".parse().unwrap(), PluginLimits::default());
    let (head, ()) = Request::get("/late").body(()).unwrap().into_parts();
    let route = Route {
        methods: 1,
        pattern: "/late".to_owned(),
        blocking: false,
        op_size: 0,
        user: std::ptr::null(),
        start,
    };
    let matched = RouteMatch {
        route: &route,
        prefix_len: 0,
        method: 1,
        params: Default::default(),
        n_params: 0,
    };
    CellRef::new(head, Identity::anonymous(), Empty::new(), &matched, 0, lane)
}

/// Answers a call whose client leaves while the answer is being read.
fn answer_too_late(response: &ToruResponse) {
    let cell = cell();
    assert!(cell.cell().claim().is_ok());
    cell.cell().cancel();
    // SAFETY: the response is readable.
    assert_eq!(unsafe { deliver_claimed(cell.cell(), response) }, TORU_CANCELLED);
}

#[test]
fn an_answer_that_comes_too_late_leaves_the_plugin_its_body() {
    // The host's own bytes, which a plugin hands back: what it holds stays good.
    let lent = to_plugin(Bytes::from(vec![7; 4096]));
    answer_too_late(&answer(TORU_BODY_BYTES, lent));
    // SAFETY: the reference is still there.
    let seen = unsafe { super::super::bytes::from_plugin(lent) }.unwrap();
    assert_eq!(seen, vec![7; 4096]);
    assert!(seen.is_unique(), "nothing else holds them");

    // The plugin's own.
    static CONTENT: [u8; 3] = *b"own";
    let own = ToruBuf {
        vt: &raw const PLUGINS_VT,
    };
    let bytes = ToruBytes {
        ptr: CONTENT.as_ptr(),
        len: CONTENT.len(),
        owner: &raw const own,
    };
    answer_too_late(&answer(TORU_BODY_BYTES, bytes));
    let count = || (RETAINED.load(Ordering::SeqCst), RELEASED.load(Ordering::SeqCst));
    assert_eq!(count(), (1, 1), "what was taken for a moment was given back");

    answer_too_late(&answer(TORU_BODY_BORROWED, bytes));
    answer_too_late(&answer(TORU_BODY_NONE, ToruBytes::EMPTY));
    assert_eq!(count(), (1, 1));

    // In time, the reference is the host's.
    let cell = cell();
    // SAFETY: the response is readable.
    let status = unsafe { deliver(cell.cell(), &answer(TORU_BODY_BYTES, bytes)) };
    assert_eq!(status, TORU_DONE);
    drop(cell);
    assert_eq!(count(), (1, 2));
    let cell = self::cell();
    let lent = to_plugin(Bytes::from(vec![7; 4096]));
    // SAFETY: the reference is given up by the answer that is accepted; this copies it first.
    let kept = unsafe { super::super::bytes::look_at(lent) }.unwrap();
    // SAFETY: the response is readable.
    let status = unsafe { deliver(cell.cell(), &answer(TORU_BODY_BYTES, lent)) };
    assert_eq!(status, TORU_DONE);
    assert!(!kept.is_unique());
    drop(cell);
    assert!(kept.is_unique(), "the host has let go of them");
}
