//! The contract's sizes, offsets and constants are frozen as numbers in `layout.txt`.
//!
//! The header asserts the same numbers in C. After a deliberate change, `TORU_BLESS=1 cargo test -p toru-plugin-api
//! --test layout` writes the file anew and `cargo xtask header` the header.

#![expect(clippy::unwrap_used, reason = "a test may stop where it cannot go on")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use toru_plugin_api::abi;

/// Describes modules of the contract, one line for each struct, field and constant.
///
/// The closure makes the compiler refuse a list of fields that is not complete.
macro_rules! describe {
    ($out:ident; $(mod $module:ident {
        $(struct $name:ident { $($field:ident),* })*
        $(const $($constant:ident),*;)?
    })*) => {$(
        writeln!($out, "\nmod {}", stringify!($module)).unwrap();
        $(
            let _ = |whole: abi::$module::$name| {
                let abi::$module::$name { $($field: _),* } = whole;
            };
            writeln!(
                $out,
                "struct {} size {} align {}",
                stringify!($name),
                size_of::<abi::$module::$name>(),
                align_of::<abi::$module::$name>()
            ).unwrap();
            $(writeln!(
                $out,
                "  {} {}",
                stringify!($field),
                core::mem::offset_of!(abi::$module::$name, $field)
            ).unwrap();)*
        )*
        $($(writeln!($out, "const {} {:?}", stringify!($constant), abi::$module::$constant).unwrap();)*)?
    )*};
}

#[test]
fn layout_is_the_frozen_one() {
    let compiled = layout();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("layout.txt");
    if std::env::var_os("TORU_BLESS").is_some() {
        std::fs::write(&path, &compiled).unwrap();
    }
    let frozen = std::fs::read_to_string(&path).unwrap();
    let difference = frozen
        .lines()
        .zip(compiled.lines())
        .find(|(frozen, compiled)| frozen != compiled);
    assert!(
        frozen == compiled,
        "the contract's layout changed; first difference (frozen, compiled): {difference:?}"
    );
}

#[test]
fn layout_lists_the_whole_contract() {
    let listed: BTreeSet<String> = layout()
        .lines()
        .filter_map(|line| match line.split_once(' ')? {
            ("struct" | "const", rest) => rest.split(' ').next().map(str::to_owned),
            _ => None,
        })
        .collect();
    let declared: BTreeSet<String> = sources()
        .iter()
        .flat_map(|path| declarations(&std::fs::read_to_string(path).unwrap()))
        .collect();
    assert!(declared.len() > 100, "the sources were not understood");
    assert_eq!(
        declared, listed,
        "left: declared in src/abi, right: listed in this test"
    );
}

/// Names of the public constants and of the public `repr(C)` structs without parameters.
fn declarations(source: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_repr_c = false;
    for line in source.lines() {
        is_repr_c = match line.strip_prefix("#[repr(") {
            Some(repr) => repr.starts_with('C'),
            None => is_repr_c && (line.starts_with("#[") || line.starts_with("///")),
        } || (is_repr_c && line.starts_with("pub struct "));
        if let Some(rest) = line.strip_prefix("pub struct ").filter(|_| is_repr_c) {
            let name: String = rest.chars().take_while(|c| c.is_alphanumeric()).collect();
            if !rest[name.len()..].starts_with('<') {
                names.push(name);
            }
            is_repr_c = false;
        }
        if let Some((name, _)) = line
            .strip_prefix("pub const ")
            .and_then(|rest| rest.split_once(':'))
            && !name.contains(['(', '<', ' '])
        {
            names.push(name.to_owned());
        }
    }
    names
}

/// The source files of the contract.
fn sources() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/abi");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

fn layout() -> String {
    let mut out = String::from(
        "# Layout of the binary contract, in bytes: each struct, its fields' offsets, and the constants.\n\
         # Written by `TORU_BLESS=1 cargo test -p toru-plugin-api --test layout`.\n",
    );
    describe! { out;
        mod version {
            const TORU_ABI_MAJOR, TORU_ABI_MINOR, TORU_API_MAGIC;
        }
        mod status {
            struct ToruError { size, flags, code, reserved, text, text_cap, text_len }
            const TORU_DONE, TORU_PENDING, TORU_DETACHED, TORU_END, TORU_FIRST_ERROR, TORU_PANICKED,
                TORU_INVALID, TORU_UNSUPPORTED, TORU_NOT_FOUND, TORU_WOULD_BLOCK, TORU_CANCELLED,
                TORU_TOO_LARGE, TORU_BUSY, TORU_CONFLICT, TORU_GONE, TORU_INTERNAL, TORU_FAILED,
                TORU_QUOTA, TORU_STORAGE_FULL, TORU_TIMED_OUT, TORU_DISCONNECTED;
        }
        mod bytes {
            struct ToruSlice { ptr, len }
            struct ToruBuf { vt }
            struct ToruBufVt { size, flags, retain, release }
            struct ToruBytes { ptr, len, owner }
        }
        mod op {
            struct ToruWaker { vt }
            struct ToruWakerVt { size, flags, retain, wake, release }
            struct ToruOp { data, vt }
            struct ToruOpVt { size, flags, poll, drop }
        }
        mod host {
            struct ToruHost { vt }
            struct ToruHostVt { size, flags, ext, info }
            struct ToruCtx { vt }
            struct ToruCtxVt { size, flags, ext, info }
            const TORU_INFO_HOST_NAME, TORU_INFO_HOST_VERSION, TORU_INFO_INSTANCE_ID,
                TORU_INFO_PLUGIN_ID, TORU_INFO_BASE_PATH;
        }
        mod exchange {
            struct ToruHeader { name, value, flags, reserved }
            struct ToruResponse {
                size, flags, status, body_kind, reserved, headers, n_headers, bytes, stream
            }
            struct ToruExchange {
                vt, size, flags, method, version, n_headers, method_name, path, query, params, n_params, deadline_ns,
                trace_id, span_id
            }
            struct ToruExchangeVt {
                size, flags, retain, release, header, headers, body, respond, detach, ext
            }
            struct ToruResponder { vt }
            struct ToruResponderVt { size, flags, retain, release, respond, is_cancelled, on_cancel }
            const TORU_HEADER_STATIC_NAME, TORU_HEADER_STATIC_VALUE, TORU_BODY_NONE, TORU_BODY_BYTES,
                TORU_BODY_BORROWED, TORU_BODY_STREAM, TORU_RESPONSE_ERROR;
        }
        mod body {
            struct ToruBody { vt }
            struct ToruBodyVt { size, flags, poll, own, hint, release }
            struct ToruFrame { size, flags, kind, reserved, bytes, headers, n_headers }
            struct ToruBodyHint { size, flags, len }
            const TORU_FRAME_DATA, TORU_FRAME_TRAILERS, TORU_FRAME_BORROWED, TORU_HINT_EXACT,
                TORU_HINT_ENDED;
        }
        mod route {
            struct ToruRoute { size, flags, methods, op_align, op_size, pattern, name, user, start }
            struct ToruRegistrar { size, flags, add }
            const TORU_GET, TORU_HEAD, TORU_POST, TORU_PUT, TORU_DELETE, TORU_OPTIONS, TORU_PATCH,
                TORU_TRACE, TORU_CONNECT, TORU_OTHER_METHOD, TORU_ANY_METHOD, TORU_ROUTE_BLOCKING,
                TORU_SCRATCH_MAX, TORU_SCRATCH_ALIGN_MAX, TORU_PARAMS_MAX;
        }
        mod plugin {
            struct ToruPluginApi {
                size, flags, magic, abi_major, abi_minor, reserved, metadata, metadata_len, create,
                init, routes, frontend, shutdown, destroy, ext
            }
            struct ToruAsset { size, flags, path, mime, bytes }
            struct ToruAssetSink { size, flags, add }
        }
        mod entry {
            struct ToruLoader { size, flags, abi_major, abi_minor, reserved, host }
            const TORU_LOADER_STATIC, CREATE_PLUGIN_SYMBOL;
        }
        mod rt {
            struct ToruRt { size, flags, now, sleep_until, spawn, spawn_blocking, is_worker_thread }
            const TORU_RT_ID;
        }
        mod config {
            struct ToruConfig { size, flags, get }
            const TORU_CONFIG_ID;
        }
        mod license {
            struct ToruLicense { size, flags, get }
            struct ToruLicenseListener { size, flags, changed }
            const TORU_LICENSE_ID, TORU_LICENSE_MISSING, TORU_LICENSE_EXPIRED, TORU_LICENSE_INVALID_SIGNATURE,
                TORU_LICENSE_MALFORMED, TORU_LICENSE_NOT_YET_VALID, TORU_LICENSE_UNSUPPORTED,
                TORU_LICENSE_WRONG_INSTANCE, TORU_LICENSE_WRONG_PLUGIN, TORU_LICENSE_REFUSED;
        }
        mod log {
            struct ToruField { name, value }
            struct ToruLogRecord { size, flags, level, line, target, file, message, fields, n_fields }
            struct ToruLog { size, flags, max_level, emit }
            const TORU_LOG_ID, TORU_LOG_OFF, TORU_LOG_ERROR, TORU_LOG_WARN, TORU_LOG_INFO,
                TORU_LOG_DEBUG, TORU_LOG_TRACE;
        }
        mod kv {
            struct ToruKvEntry { key, value, version, expires_ms }
            struct ToruKvPage { size, flags, entries, n_entries, cursor, owner }
            struct ToruKvRange { size, flags, start, end, cursor, limit, reserved }
            struct ToruKvCheck { key, version }
            struct ToruKvMutation { kind, flags, key, value, delta, ttl_ms }
            struct ToruKvCommitted { size, flags, version, sum }
            struct ToruKv { size, flags, get, list, commit, wait }
            const TORU_KV_ID, TORU_KV_KEY_MAX, TORU_KV_VALUE_MAX, TORU_KV_DESCENDING, TORU_KV_SET,
                TORU_KV_DELETE, TORU_KV_ADD, TORU_KV_BLOCKING;
        }
        mod note {
            const NOTE_OWNER, NOTE_TYPE, NOTE_MAGIC, NOTE_FORMAT, FLAG_CRC, HEADER_LEN, SEAL_OFFSET,
                SEAL_LEN, NOTE_MAX, RECORD_HEADER_LEN, RECORD_MUST_UNDERSTAND, TAG_NONE, TAG_ABI, TAG_ID,
                TAG_NAME, TAG_VERSION, TAG_AUTHOR, TAG_ICON, TAG_ROUTE, TAG_DESCRIPTION, TAG_REQUIRES,
                TAG_USES, TAG_PANIC, TAG_COMPILER, TAG_TARGET, TAG_SDK, TAG_LICENSE;
        }
    }
    out
}
