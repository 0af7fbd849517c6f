//! Licences that come back.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use toru_plugin_api::license::{Date, Ed25519, Hs256, License, LicenseError, LicenseVerifier, TEXT_MAX};

use crate::keys::{Algorithm, VendorKey};
use crate::options::What;

/// Reads the text of a licence from a file or standard input; white space around it is of no account.
///
/// # Errors
///
/// When it cannot be read, or is too long to be one.
pub fn read(file: Option<&Path>) -> Result<String> {
    let mut text = String::new();
    let most = TEXT_MAX as u64 * 2;
    match file {
        Some(path) => fs::File::open(path)
            .with_context(|| format!("the licence {} cannot be read", path.display()))?
            .take(most)
            .read_to_string(&mut text),
        None => std::io::stdin().take(most).read_to_string(&mut text),
    }
    .context("the licence cannot be read")?;
    Ok(text.trim().to_owned())
}

/// What a text says it is, whether it is genuine or not.
///
/// # Errors
///
/// When it is no licence at all.
pub fn inspect(text: &str) -> Result<Value> {
    let parts: Vec<&str> = text.split('.').collect();
    let [version, algorithm, key_id, payload, _] = parts[..] else {
        bail!("a licence has five parts with dots between them");
    };
    let payload = URL_SAFE_NO_PAD.decode(payload).ok();
    let payload = payload.and_then(|payload| serde_json::from_slice::<Value>(&payload).ok());
    let Some(payload) = payload else {
        bail!("the fourth part of a licence is JSON in unpadded base64url");
    };
    Ok(json!({
        "version": version,
        "algorithm": algorithm,
        "key_id": key_id,
        "payload": payload,
        "verified": false,
    }))
}

/// What a plugin would say to a licence.
///
/// # Errors
///
/// What it would refuse it with; the outer error is a key that cannot be used.
pub fn verify(
    key: &VendorKey,
    what: &What,
    at: Option<Date>,
    text: &str,
) -> Result<std::result::Result<License, LicenseError>> {
    let now = match at {
        None => SystemTime::now(),
        Some(date) => start_of(date).context("no licence is of that day")?,
    };
    let carried = key.carried();
    Ok(match key.algorithm() {
        Algorithm::Ed25519 => LicenseVerifier::<Ed25519>::new(&what.plugin)
            .key(key.id(), &carried)?
            .verify_at(text, &what.instance, now),
        Algorithm::Hs256 => LicenseVerifier::<Hs256>::new(&what.plugin)
            .key(key.id(), &carried)?
            .verify_at(text, &what.instance, now),
    })
}

/// The first moment of a day since 1970.
fn start_of(date: Date) -> Option<SystemTime> {
    let day = Duration::from_secs(24 * 60 * 60);
    let (mut low, mut high) = (0_u32, 3_652_059);
    // Looked for by halves: the calendar knows the day of a moment.
    while low < high {
        let middle = low + (high - low) / 2;
        if Date::of(UNIX_EPOCH + day * middle)? < date {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    let start = UNIX_EPOCH + day * low;
    (Date::of(start) == Some(date)).then_some(start)
}
