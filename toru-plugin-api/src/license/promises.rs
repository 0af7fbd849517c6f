//! What the reader of licences promises, said in another way. For tests and fuzzers.

use std::time::{Duration, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use super::{
    Algorithm as _, Ed25519, Hs256, License, LicenseError, LicenseVerifier, signing_input, with_signature,
};

const INSTANCE: &str = "9f1c2f0e-8f6e-4f0b-9f0b-0a1b2c3d4e5f";
const SECRET: [u8; 32] = *b"thirty-two bytes that are secret";
/// Of a key that nobody has: the example of RFC 8032, section 7.1.
const PUBLIC: [u8; 32] = [
    215, 90, 152, 1, 130, 177, 10, 183, 213, 75, 254, 211, 201, 100, 7, 58, 14, 225, 114, 243, 218, 166, 35,
    37, 175, 2, 26, 104, 247, 7, 81, 26,
];

/// # Panics
///
/// When a promise is broken for these bytes: as the text of a licence, and as the payload of one that is signed.
pub fn check(bytes: &[u8]) {
    // Nothing here was issued with the public key, or for the first plugin with the secret.
    let read = ed25519().verify_at(bytes, INSTANCE, UNIX_EPOCH);
    assert!(read.is_err(), "a licence that nobody issued");
    let read = hs256("nobody").verify_at(bytes, INSTANCE, UNIX_EPOCH + Duration::from_secs(1 << 31));
    assert!(read.is_err(), "a licence for another plugin");

    let signed = format!("toru1.{}.a.{}", Hs256::NAME, URL_SAFE_NO_PAD.encode(bytes));
    let text = with_signature(&signed, &mac(&signed));
    let plugin = std::str::from_utf8(bytes)
        .ok()
        .and_then(plugin_of)
        .unwrap_or("nobody");
    match hs256(plugin).verify_at(&text, INSTANCE, UNIX_EPOCH + Duration::from_secs(1 << 31)) {
        Ok(license) => is_the_one_spelling(&license, &text),
        Err(LicenseError::InvalidSignature | LicenseError::Unsupported { .. }) => {
            panic!("the signature is right, and nothing else was looked at before it")
        }
        Err(_) => {}
    }
}

fn is_the_one_spelling(license: &License, text: &str) {
    let signed = signing_input::<Hs256>(license, "a").unwrap_or_default();
    assert_eq!(
        with_signature(&signed, &mac(&signed)),
        text,
        "two texts mean the same"
    );
}

/// What could be the id of the plugin, so that more than its refusal is looked at.
fn plugin_of(payload: &str) -> Option<&str> {
    let (_, plugin) = payload.rsplit_once("\"plugin\":\"")?;
    plugin.strip_suffix("\"}")
}

fn ed25519() -> LicenseVerifier<Ed25519> {
    LicenseVerifier::new("nobody")
        .key("a", &PUBLIC)
        .expect("a public key")
}

fn hs256(plugin: &str) -> LicenseVerifier<Hs256> {
    LicenseVerifier::new(plugin)
        .key("a", &SECRET)
        .expect("a secret of 32 bytes")
}

fn mac(text: &str) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&SECRET).expect("any length is good");
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    #[test]
    fn the_corpus_of_the_fuzzer_breaks_no_promise() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/corpus/license");
        let Ok(seeds) = std::fs::read_dir(&corpus) else {
            // Outside of the repository there is none.
            println!("skipped: no corpus at {corpus:?}");
            return;
        };
        let mut count = 0;
        for seed in seeds {
            super::check(&std::fs::read(seed.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count >= 8, "{count} seeds");
    }

    #[test]
    fn a_licence_is_read_here() {
        let payload = format!(
            "{{\"instance\":\"{}\",\"issued\":\"2026-01-10\",\"plugin\":\"shop\"}}",
            super::INSTANCE
        );
        super::check(payload.as_bytes());
        assert_eq!(super::plugin_of(&payload), Some("shop"));
    }
}
