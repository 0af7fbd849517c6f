//! Licences that come back.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use toru_plugin_api::license::{Date, Ed25519, Hs256, License, LicenseError, LicenseVerifier, TEXT_MAX};

use crate::keys::{Algorithm, VendorKey};
use crate::options::What;

/// Reads the text of a licence from a file or standard input. White space around it is removed, which plugins may not do.
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
            .take(most + 1)
            .read_to_string(&mut text),
        None => std::io::stdin().take(most + 1).read_to_string(&mut text),
    }
    .context("the licence cannot be read")?;
    ensure!(text.len() as u64 <= most, "this is longer than any licence");
    Ok(text
        .trim_matches(|char: char| char.is_ascii_whitespace())
        .to_owned())
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
        Some(date) => date.start(),
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
