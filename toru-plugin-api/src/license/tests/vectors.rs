//! Test vectors for other languages, held against this implementation and one in Python.

use std::fmt::Write as _;
use std::process::Command;

use super::*;

/// Where they are kept.
const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/license-vectors.json");
const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/license_vectors.py");

/// What a verifier is asked.
struct Vector {
    algorithm: &'static str,
    carried: Vec<u8>,
    plugin: String,
    instance: &'static str,
    now: i64,
    text: String,
}

fn random_license(random: &mut Random) -> License {
    let plugin = ["shop", "shop-reports", "a", "x9-z"][random.below(4)];
    let issued = Date::new(2026, u8::try_from(random.below(12) + 1).unwrap(), 15).unwrap();
    let mut license = License::builder(plugin, INSTANCE, issued);
    if random.below(2) == 0 {
        license = license.expires(Date::new(2028, 2, u8::try_from(random.below(29) + 1).unwrap()).unwrap());
    }
    if random.below(2) == 0 {
        license =
            license.licensee(["Example Ltd", "Müller \"&\" Söhne", "名前", "a\\b/c", "<b>"][random.below(5)]);
    }
    for _ in 0..random.below(4) {
        license = license.feature(["export", "charts.v2", "api_3", "x-1"][random.below(4)]);
    }
    license.build().unwrap()
}

/// Vectors of one algorithm: valid ones, each also changed in every way.
fn vectors_of<A: Vendor>(random: &mut Random) -> Vec<Vector> {
    let mut vectors = Vec::new();
    for n in 0..8 {
        let license = random_license(random);
        let text = issue::<A>(&license);
        let now = day("2027-06-01").first_second();
        let mut add = |plugin: &str, instance, now, text: String| {
            vectors.push(Vector {
                algorithm: A::NAME,
                carried: A::public(SECRET),
                plugin: plugin.to_owned(),
                instance,
                now,
                text,
            });
        };
        let plugin = license.plugin();
        add(plugin, INSTANCE, now, text.clone());
        if let Some(expires) = license.expires() {
            add(plugin, INSTANCE, expires.end() - 1, text.clone());
            add(plugin, INSTANCE, expires.end(), text.clone());
        }
        add(
            plugin,
            INSTANCE,
            license.issued().first_second() - 86_400,
            text.clone(),
        );
        add(
            plugin,
            INSTANCE,
            license.issued().first_second() - 86_401,
            text.clone(),
        );
        add("other", INSTANCE, now, text.clone());
        add(plugin, OTHER, now, text.clone());
        let at = random.below(text.len() - 60) + 20;
        let other = if text.as_bytes()[at] == b'A' { "B" } else { "A" };
        let mut changed = text.clone();
        changed.replace_range(at..=at, other);
        add(plugin, INSTANCE, now, changed);
        let spelling = match n {
            0 => format!("{text}="),
            1 => format!("{text}\n"),
            2 => text.replacen("toru1", "TORU1", 1),
            3 => text.replacen("toru1", "toru2", 1),
            4 => text.replacen(".2026-a.", ".2099.", 1),
            5 => issue_raw::<A>(license.payload().replace("\"plugin\"", "\"plugin\" ").as_bytes()),
            6 => issue_raw::<A>(license.payload().replace("{\"", "{\"a\":1,\"").as_bytes()),
            _ => text.replacen('.', "..", 1),
        };
        add(plugin, INSTANCE, now, spelling);
    }
    for payload in not_canonical() {
        vectors.push(Vector {
            algorithm: A::NAME,
            carried: A::public(SECRET),
            plugin: "shop-reports".to_owned(),
            instance: INSTANCE,
            now: day("2026-06-01").first_second(),
            text: issue_raw::<A>(payload.as_bytes()),
        });
    }
    vectors
}

/// A signature that means the same to whoever does not look whether it is reduced.
fn second_form() -> Vector {
    let text = issue::<Ed25519>(&license());
    let (signed, _) = text.rsplit_once('.').unwrap();
    Vector {
        algorithm: Ed25519::NAME,
        carried: Ed25519::public(SECRET),
        plugin: "shop-reports".to_owned(),
        instance: INSTANCE,
        now: day("2026-06-01").first_second(),
        text: with_signature(signed, &unreduced(signed)),
    }
}

fn json(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '"' | '\\' => quoted.extend(['\\', char]),
            '\n' => quoted.push_str("\\n"),
            char => quoted.push(char),
        }
    }
    quoted + "\""
}

fn result(vector: &Vector) -> &'static str {
    fn by<A: Vendor>(vector: &Vector) -> &'static str {
        let now = UNIX_EPOCH + Duration::from_secs(vector.now.try_into().unwrap());
        let verifier = LicenseVerifier::<A>::new(&vector.plugin)
            .key("2026-a", &vector.carried)
            .unwrap();
        let answer = verifier.verify_at(&vector.text, vector.instance, now);
        answer.map_or_else(|error| error.code(), |_| "accepted")
    }
    if vector.algorithm == Ed25519::NAME {
        by::<Ed25519>(vector)
    } else {
        by::<Hs256>(vector)
    }
}

#[test]
fn the_vectors_for_other_languages_are_what_is_answered_here() {
    let mut random = Random(42);
    let mut vectors = vectors_of::<Ed25519>(&mut random);
    vectors.push(second_form());
    vectors.extend(vectors_of::<Hs256>(&mut random));
    assert!(vectors.len() >= 100, "{}", vectors.len());
    let mut text = String::from("[\n");
    for (n, vector) in vectors.iter().enumerate() {
        let key: String = vector.carried.iter().map(|byte| format!("{byte:02x}")).collect();
        let comma = if n + 1 < vectors.len() { "," } else { "" };
        writeln!(
            text,
            "{{\"algorithm\":\"{}\",\"key_id\":\"2026-a\",\"key\":\"{key}\",\"plugin\":\"{}\",\"instance\":\"{}\",\"now\":{},\
             \"text\":{},\"result\":\"{}\"}}{comma}",
            vector.algorithm,
            vector.plugin,
            vector.instance,
            vector.now,
            json(&vector.text),
            result(vector)
        )
        .unwrap();
    }
    text.push_str("]\n");
    for code in [
        "accepted",
        "expired",
        "invalid_signature",
        "malformed",
        "not_yet_valid",
        "unsupported",
        "wrong_instance",
        "wrong_plugin",
    ] {
        assert!(text.contains(&format!("\"result\":\"{code}\"")), "{code}");
    }
    if std::env::var_os("TORU_BLESS").is_some() {
        std::fs::write(FILE, &text).unwrap();
    }
    let kept = std::fs::read_to_string(FILE).unwrap_or_default();
    assert!(
        kept == text,
        "the vectors have changed; TORU_BLESS=1 writes them anew"
    );
}

#[test]
fn an_implementation_in_another_language_answers_the_same() {
    let python = std::env::var_os("TORU_PYTHON").unwrap_or("python3".into());
    let Ok(output) = Command::new(python).args([SCRIPT, FILE]).output() else {
        println!("skipped: python3 is missing");
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(said.contains("hs256"), "{said}");
    if !said.contains("ed25519") {
        println!("skipped: the vectors of ed25519, for want of Python's package `cryptography`");
    }
}
