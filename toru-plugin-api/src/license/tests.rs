mod random;
mod strict;
mod vectors;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

use self::random::Random;
use super::{
    Algorithm, Date, Ed25519, Hs256, KeyError, License, LicenseError, LicenseVerifier, signing_input,
    with_signature,
};

const INSTANCE: &str = "9f1c2f0e-8f6e-4f0b-9f0b-0a1b2c3d4e5f";
const OTHER: &str = "9f1c2f0e-8f6e-4f0b-9f0b-0a1b2c3d4e50";
const SECRET: [u8; 32] = {
    let mut secret = [7; 32];
    secret[0] = 8;
    secret
};

/// An algorithm with the vendor's side of it.
trait Vendor: Algorithm {
    fn public(secret: [u8; 32]) -> Vec<u8>;
    fn sign(secret: [u8; 32], text: &str) -> Vec<u8>;
}

impl Vendor for Ed25519 {
    fn public(secret: [u8; 32]) -> Vec<u8> {
        SigningKey::from_bytes(&secret)
            .verifying_key()
            .to_bytes()
            .to_vec()
    }

    fn sign(secret: [u8; 32], text: &str) -> Vec<u8> {
        SigningKey::from_bytes(&secret)
            .sign(text.as_bytes())
            .to_bytes()
            .to_vec()
    }
}

impl Vendor for Hs256 {
    fn public(secret: [u8; 32]) -> Vec<u8> {
        secret.to_vec()
    }

    fn sign(secret: [u8; 32], text: &str) -> Vec<u8> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&secret).unwrap();
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    }
}

fn day(text: &str) -> Date {
    Date::parse(text).unwrap()
}

/// So many seconds after the beginning of a day.
fn at(date: &str, seconds: i64) -> SystemTime {
    let seconds = day(date).first_second() + seconds;
    UNIX_EPOCH + Duration::from_secs(seconds.try_into().unwrap())
}

fn license() -> License {
    License::builder("shop-reports", INSTANCE, day("2026-01-10"))
        .expires(day("2026-12-31"))
        .licensee("Jörg \"J\" \\ Söhne")
        .feature("export")
        .feature("charts.v2")
        .build()
        .unwrap()
}

fn issue<A: Vendor>(license: &License) -> String {
    let signed = signing_input::<A>(license, "2026-a").unwrap();
    with_signature(&signed, &A::sign(SECRET, &signed))
}

/// A text with any payload, whose signature is right.
fn issue_raw<A: Vendor>(payload: &[u8]) -> String {
    let signed = format!("toru1.{}.2026-a.{}", A::NAME, URL_SAFE_NO_PAD.encode(payload));
    with_signature(&signed, &A::sign(SECRET, &signed))
}

fn verifier<A: Vendor>(plugin: &str) -> LicenseVerifier<A> {
    LicenseVerifier::new(plugin)
        .key("2026-a", &A::public(SECRET))
        .unwrap()
}

fn verify<A: Vendor>(text: impl AsRef<[u8]>) -> Result<License, LicenseError> {
    verifier::<A>("shop-reports").verify_at(text, INSTANCE, at("2026-06-01", 0))
}

fn code<A: Vendor>(text: impl AsRef<[u8]>) -> &'static str {
    verify::<A>(text).map_or_else(|error| error.code(), |_| "accepted")
}

/// Runs a test by both algorithms.
macro_rules! by_both {
    ($($(#[$attribute:meta])* fn $name:ident<$A:ident>() $body:block)+) => {$(
        #[test]
        $(#[$attribute])*
        fn $name() {
            fn by<$A: Vendor>() $body
            by::<Ed25519>();
            by::<Hs256>();
        }
    )+};
}

by_both! {
    fn t14_a_valid_key_is_accepted<A>() {
        let text = issue::<A>(&license());
        assert_eq!(verify::<A>(&text), Ok(license()));
        // K1: today is the last day, by its last second.
        let verifier = verifier::<A>("shop-reports");
        for now in [at("2026-01-10", 0), at("2026-12-31", 0), at("2026-12-31", 86_399)] {
            assert_eq!(verifier.verify_at(&text, INSTANCE, now), Ok(license()));
        }
        let for_good = License::builder("shop-reports", INSTANCE, day("2026-01-10")).build().unwrap();
        let text = issue::<A>(&for_good);
        assert_eq!(verifier.verify_at(&text, INSTANCE, at("9999-12-31", 0)), Ok(for_good));
    }

    fn t15_a_wrong_signature_is_rejected<A>() {
        let signed = signing_input::<A>(&license(), "2026-a").unwrap();
        // K4: right text under another secret, and signatures of other lengths.
        let right = A::sign(SECRET, &signed);
        let longer = [right.as_slice(), &[0]].concat();
        for wrong in [&A::sign([8; 32], &signed)[..], &right[1..], &longer, &vec![0; right.len()], &[]] {
            assert_eq!(code::<A>(with_signature(&signed, wrong)), "invalid_signature");
        }
        for bit in 0..right.len() * 8 {
            let mut changed = right.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(code::<A>(with_signature(&signed, &changed)), "invalid_signature", "bit {bit}");
        }
        // K4: a payload changed by one bit, under the old signature.
        let payload = license().payload();
        for bit in 0..payload.len() * 8 {
            let mut changed = payload.clone().into_bytes();
            changed[bit / 8] ^= 1 << (bit % 8);
            let changed = format!("toru1.{}.2026-a.{}", A::NAME, URL_SAFE_NO_PAD.encode(changed));
            assert_eq!(code::<A>(with_signature(&changed, &right)), "invalid_signature", "bit {bit}");
        }
    }

    fn t16_another_installation_is_rejected<A>() {
        let text = issue::<A>(&license());
        let now = at("2026-06-01", 0);
        // K3.
        let verifier_here = verifier::<A>("shop-reports");
        for elsewhere in [OTHER, "", "9F1C2F0E-8F6E-4F0B-9F0B-0A1B2C3D4E5F"] {
            assert_eq!(verifier_here.verify_at(&text, elsewhere, now), Err(LicenseError::WrongInstance));
        }
        for other in ["shop-report", "shop", ""] {
            assert_eq!(verifier::<A>(other).verify_at(&text, INSTANCE, now), Err(LicenseError::WrongPlugin));
        }
    }

    fn t17_an_expired_key_is_rejected<A>() {
        let text = issue::<A>(&license());
        let verifier = verifier::<A>("shop-reports");
        let expired = Err(LicenseError::Expired { on: day("2026-12-31") });
        // K2: from the first second of the next day on.
        assert_eq!(verifier.verify_at(&text, INSTANCE, at("2027-01-01", 0)), expired);
        assert_eq!(verifier.verify_at(&text, INSTANCE, at("2100-01-01", 0)), expired);
        // K10: a clock may be behind by a day and no more.
        let early = Err(LicenseError::NotYetValid { issued: day("2026-01-10") });
        assert_eq!(verifier.verify_at(&text, INSTANCE, at("2026-01-09", 0)), Ok(license()));
        assert_eq!(verifier.verify_at(&text, INSTANCE, at("2026-01-09", -1)), early);
        assert_eq!(verifier.verify_at(&text, INSTANCE, UNIX_EPOCH), early);
    }

    fn no_bit_of_a_key_can_be_changed<A>() {
        let text = issue::<A>(&license()).into_bytes();
        for bit in 0..text.len() * 8 {
            let mut changed = text.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(code::<A>(&changed), "accepted", "bit {bit}");
        }
        for len in 0..text.len() {
            assert_ne!(code::<A>(&text[..len]), "accepted", "{len} bytes");
        }
    }

    fn k5_another_spelling_is_malformed<A>() {
        let text = issue::<A>(&license());
        let parts: Vec<&str> = text.split('.').collect();
        let with = |at: usize, part: &str| {
            let mut parts = parts.clone();
            parts[at] = part;
            parts.join(".")
        };
        let bytes = |at: usize| URL_SAFE_NO_PAD.decode(parts[at]).unwrap();
        for at in [3, 4] {
            let part = parts[at];
            let spellings = [
                format!("{part}="), format!("{part}=="), format!("{part} "), format!(" {part}"), format!("{part}\n"),
                part.replacen(&part[..1], &format!("{}\t", &part[..1]), 1), format!("{part}A"), String::new(),
                URL_SAFE.encode([bytes(at), vec![0; 2]].concat()),
            ];
            for spelling in spellings {
                assert_ne!(code::<A>(with(at, &spelling)), "accepted", "{spelling:?}");
            }
            let stray = format!("{}{}", &part[..part.len() - 1], stray(part));
            if stray != part {
                assert_eq!(code::<A>(with(at, &stray)), "malformed", "stray bits");
            }
        }
        // The other alphabet, where it makes a difference.
        let payload = "{\"instance\":\"ÿÿ>?\"}";
        let other = STANDARD.encode(payload).replace('=', "");
        assert_ne!(other, URL_SAFE_NO_PAD.encode(payload));
        assert_eq!(code::<A>(with(3, &other)), "malformed");
        for odd in [with(0, "TORU1"), with(0, "Toru1"), with(0, ""), with(0, "toru1 "), format!(" {text}"), format!("{text}\n"), format!("\u{feff}{text}")] {
            assert_eq!(code::<A>(&odd), "malformed", "{odd:?}");
        }
    }

    fn k6_other_kinds_are_unsupported<A>() {
        let text = issue::<A>(&license());
        let name = A::NAME;
        for (from, to) in [
            ("toru1.", "toru2."), (&format!(".{name}.")[..], ".none."), (&format!(".{name}.")[..], ".rs256."), (".2026-a.", ".2027."),
        ] {
            assert_eq!(code::<A>(text.replacen(from, to, 1)), "unsupported", "{to}");
        }
        // Another algorithm's, also when the verifier knows a key of that name.
        let (ed, hs) = (issue::<Ed25519>(&license()), issue::<Hs256>(&license()));
        assert_eq!(code::<Hs256>(&ed), "unsupported");
        assert_eq!(code::<Ed25519>(&hs), "unsupported");
        // A public key is no secret: nobody signs with what the plugin carries.
        let public = Ed25519::public(SECRET);
        let signed = signing_input::<Ed25519>(&license(), "2026-a").unwrap();
        let forged = with_signature(&signed, &Hs256::sign(public.try_into().unwrap(), &signed));
        assert_eq!(code::<Ed25519>(&forged), "invalid_signature");
    }

    fn k7_only_the_canonical_payload_is_read<A>() {
        let right = license().payload();
        assert_eq!(code::<A>(issue_raw::<A>(right.as_bytes())), "accepted");
        for payload in not_canonical() {
            assert_eq!(code::<A>(issue_raw::<A>(payload.as_bytes())), "malformed", "{payload}");
        }
        let mut bytes = right.into_bytes();
        bytes[20] = 0xff;
        assert_eq!(code::<A>(issue_raw::<A>(&bytes)), "malformed");
    }

    fn k8_what_is_no_text_or_too_long_is_malformed<A>() {
        let text = issue::<A>(&license());
        for odd in [&b"\xff\xfe"[..], b"\0", b"", b"....", b"toru1", b"toru1.hs256.a.b", b"toru1.ed25519.a.b.c.d"] {
            assert_eq!(code::<A>(odd), "malformed", "{odd:?}");
        }
        assert_eq!(code::<A>(text.replace('.', "\0")), "malformed");
        assert_eq!(code::<A>(vec![b'a'; 4097]), "malformed");
        assert_eq!(code::<A>(vec![b'.'; 1 << 24]), "malformed");
    }

    fn k9_weak_keys_are_refused<A>() {
        let key = |id: &str, bytes: &[u8]| LicenseVerifier::<A>::new("p").key(id, bytes).map(drop);
        for len in [0, 1, 31] {
            assert_eq!(key("a", &vec![1; len]), Err(KeyError::Length), "{len} bytes");
        }
        for id in ["", "A", "a.b", "ä", &"a".repeat(33)] {
            assert_eq!(key(id, &A::public(SECRET)), Err(KeyError::Id), "{id:?}");
        }
        let twice = verifier::<A>("p").key("2026-a", &A::public(*b"0123456789abcdef0123456789abcdef"));
        assert_eq!(twice.map(drop), Err(KeyError::Repeated));
    }

    fn keys_are_changed_over_one_by_one<A>() {
        let text = issue::<A>(&license());
        let both = LicenseVerifier::<A>::new("shop-reports")
            .key("2025", &A::public(*b"0123456789abcdef0123456789abcdef"))
            .and_then(|verifier| verifier.key("2026-a", &A::public(SECRET)))
            .unwrap();
        assert!(both.verify_at(&text, INSTANCE, at("2026-06-01", 0)).is_ok());
        // A key is found by its id and not by trying.
        let renamed = LicenseVerifier::<A>::new("shop-reports").key("2025", &A::public(SECRET)).unwrap();
        assert!(matches!(renamed.verify_at(&text, INSTANCE, at("2026-06-01", 0)), Err(LicenseError::Unsupported { .. })));
        let none = LicenseVerifier::<A>::new("shop-reports").verify_at(&text, INSTANCE, at("2026-06-01", 0));
        assert_eq!(none.unwrap_err().code(), "unsupported");
    }

    fn nothing_tells_a_secret<A>() {
        let text = issue::<A>(&license());
        let verifier = verifier::<A>("shop-reports");
        let shown = format!("{verifier:?} {:?}", verify::<A>(text.replacen('a', "b", 1)));
        assert!(!shown.contains("7, 7") && !shown.contains("0707"), "{shown}");
        for part in text.split('.').skip(3) {
            assert!(!shown.contains(&part[..12]), "{shown}");
        }
    }

    fn random_other_spellings_are_never_accepted<A>() {
        let count = if std::env::var_os("TORU_TEST_LONG").is_some() { 500_000 } else { 50_000 };
        let text = issue::<A>(&license()).into_bytes();
        let verifier = verifier::<A>("shop-reports");
        let now = at("2026-06-01", 0);
        let mut random = Random(0x9e37_79b9_7f4a_7c15);
        for _ in 0..count {
            let mut other = text.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(other.len());
                match random.below(6) {
                    0 => other[at] = b"=+/-_. \tAz09"[random.below(12)],
                    1 => other.insert(at, b"=+/-_.A\n"[random.below(8)]),
                    2 => drop(other.remove(at)),
                    3 => other[at] ^= 0x20,
                    4 => {
                        let next = (at + 1) % other.len();
                        other.swap(at, next);
                    }
                    _ => other[at] = u8::try_from(random.below(256)).unwrap(),
                }
            }
            if other != text {
                let answer = verifier.verify_at(&other, INSTANCE, now);
                assert!(answer.is_err(), "{:?} is accepted", String::from_utf8_lossy(&other));
            }
        }
    }
}

/// A signature whose second half is not reduced.
fn unreduced(signed: &str) -> Vec<u8> {
    // The second half plus the order of the group means the same to whoever does not look.
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut other = Ed25519::sign(SECRET, signed);
    let mut carry = 0;
    for (byte, order) in other[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = (sum & 0xff).try_into().unwrap();
        carry = sum >> 8;
    }
    other
}

/// Payloads that are signed, mean something, and are not in the one form.
fn not_canonical() -> Vec<String> {
    let right = license().payload();
    let swapped = |from: &str, to: &str| {
        assert!(right.contains(from), "{from}");
        right.replacen(from, to, 1)
    };
    vec![
        format!(" {right}"),
        format!("{right} "),
        format!("{right}{right}"),
        swapped("{", "{ "),
        swapped("\":\"", "\": \""),
        swapped("\"charts.v2\",\"export\"", "\"export\",\"charts.v2\""),
        swapped("\"charts.v2\",\"export\"", "\"export\",\"export\""),
        swapped("\"charts.v2\",\"export\"", ""),
        swapped("\"charts.v2\"", "\"Charts\""),
        swapped("\"charts.v2\"", "\"\""),
        swapped("\"features\":[\"charts.v2\",\"export\"],", "\"features\":[],"),
        swapped("2026-12-31", "2026-12-32"),
        swapped("2026-12-31", "2026-2-3"),
        swapped("2026-12-31", "never"),
        swapped("2026-12-31", ""),
        swapped("2026-12-31", "2026-01-09"),
        swapped("\"expires\":\"2026-12-31\"", "\"expires\":null"),
        swapped(
            "\"expires\":\"2026-12-31\",",
            "\"expires\":\"2026-12-31\",\"expires\":\"2027-12-31\",",
        ),
        swapped("\"plugin\"", "\"nothing\":1,\"plugin\""),
        swapped("}", ",\"zzz\":\"new\"}"),
        swapped("\"issued\":\"2026-01-10\",", ""),
        swapped(INSTANCE, &INSTANCE.to_uppercase()),
        swapped(INSTANCE, &INSTANCE.replace('-', "")),
        swapped(INSTANCE, &format!("{{{INSTANCE}}}")),
        swapped(INSTANCE, "00000000-0000-0000-0000-000000000000"),
        swapped(INSTANCE, &format!("urn:uuid:{INSTANCE}")),
        swapped("shop-reports", "Shop-Reports"),
        swapped("shop-reports", "-shop"),
        swapped("shop-reports", ""),
        swapped("Jörg", "J\\u00f6rg"),
        swapped("Jörg", "J\\/rg"),
        swapped("Jörg", "J\nrg"),
        swapped("Jörg", "J\u{0}rg"),
        swapped("Jörg", "J\u{85}rg"),
        swapped("Jörg", &"x".repeat(200)),
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        "[]".to_owned(),
    ]
}

/// Another character that decodes to the same bytes, if the last one has bits to spare.
fn stray(part: &str) -> char {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let last = part.as_bytes()[part.len() - 1];
    if part.len() % 4 == 0 {
        return char::from(last);
    }
    let index = ALPHABET.iter().position(|char| *char == last).unwrap();
    char::from(ALPHABET[index ^ 1])
}

#[test]
fn a_key_that_accepts_what_nobody_signed_is_refused() {
    // The point of order one: signatures of anything verify under it.
    let mut weak = [0; 32];
    weak[0] = 1;
    let key = |bytes: &[u8]| LicenseVerifier::<Ed25519>::new("p").key("a", bytes).map(drop);
    assert_eq!(key(&weak), Err(KeyError::Unusable));
    assert_eq!(key(&[0; 32]), Err(KeyError::Unusable));
    assert_eq!(key(&[2; 33]), Err(KeyError::Length));
}

#[test]
fn what_breaks_a_rule_is_not_even_built() {
    let build = |plugin: &str, instance: &str| License::builder(plugin, instance, day("2026-01-10")).build();
    assert!(build("p", INSTANCE).is_ok());
    assert!(build("P", INSTANCE).is_err() && build("p", "x").is_err());
    let early = License::builder("p", INSTANCE, day("2026-01-10")).expires(day("2026-01-09"));
    assert!(early.build().is_err());
    let many = (0..65).fold(
        License::builder("p", INSTANCE, day("2026-01-10")),
        |license, n| license.feature(&n.to_string()),
    );
    assert!(many.build().is_err());
}

#[test]
fn a_signature_has_no_second_form() {
    let signed = signing_input::<Ed25519>(&license(), "2026-a").unwrap();
    let other = unreduced(&signed);
    assert_eq!(
        code::<Ed25519>(with_signature(&signed, &other)),
        "invalid_signature"
    );
}

#[test]
fn limits_are_where_they_are_said_to_be() {
    let with = |licensee: &str| {
        License::builder("p", INSTANCE, day("2026-01-10"))
            .licensee(licensee)
            .build()
    };
    assert!(with(&"ö".repeat(128)).is_ok() && with(&"ö".repeat(129)).is_err() && with("").is_err());
    let with = |name: &str| {
        License::builder("p", INSTANCE, day("2026-01-10"))
            .feature(name)
            .build()
    };
    assert!(with(&"a".repeat(64)).is_ok() && with(&"a".repeat(65)).is_err() && with("a/b").is_err());
    let many = |count: usize, len: usize| {
        let license = License::builder("p", INSTANCE, day("2026-01-10"));
        (0..count)
            .fold(license, |license, n| license.feature(&format!("{n:0len$}")))
            .build()
    };
    assert!(many(64, 8).is_ok() && many(65, 8).is_err());
    // The longest that is built is accepted, and one that would be too long is not even built.
    let mut len = 1;
    while many(64, len + 1).is_ok() {
        len += 1;
    }
    let longest = many(64, len).unwrap();
    let signed = signing_input::<Ed25519>(&longest, &"k".repeat(32)).unwrap();
    let text = with_signature(&signed, &Ed25519::sign(SECRET, &signed));
    assert!((3900..=4096).contains(&text.len()), "{}", text.len());
    let verifier = LicenseVerifier::<Ed25519>::new("p")
        .key(&"k".repeat(32), &Ed25519::public(SECRET))
        .unwrap();
    assert_eq!(
        verifier.verify_at(&text, INSTANCE, at("2026-06-01", 0)),
        Ok(longest)
    );
    assert_eq!(
        LicenseVerifier::<Hs256>::new("p").key("a", &[5; 32]).map(drop),
        Err(KeyError::Unusable)
    );
}
