//! Reads the command line and prints answers.

#![forbid(unsafe_code)]
#![expect(clippy::print_stdout, reason = "a program that answers")]

use std::process::ExitCode;

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Parser as _;
use license_generator::check::{inspect, read, verify};
use license_generator::issue::{Terms, describe, issue};
use license_generator::keys::{Algorithm, VendorKey};
use license_generator::options::{Command, Options};
use serde_json::{Value, json};

fn main() -> Result<ExitCode> {
    let Options { command, json } = Options::parse();
    let say = |value: Value, text: String| {
        println!("{}", if json { value.to_string() } else { text });
        ExitCode::SUCCESS
    };
    Ok(match command {
        Command::Keygen { algorithm, id, out } => {
            let key = VendorKey::generate(algorithm, &id)?;
            key.save(&out)?;
            let file = out.display().to_string();
            say(
                json!({ "file": file, "algorithm": algorithm, "id": id }),
                format!(
                    "{file} holds the key; keep it where only you and your backups are.\n\
                     What the plugin carries: license-generator carried --key {file}"
                ),
            )
        }
        Command::Carried(key) => {
            let key = VendorKey::load(key.key.as_deref())?;
            let carried = key.carried();
            if key.algorithm() == Algorithm::Hs256 {
                eprintln!("this is the secret itself: whoever takes it out of the plugin can issue licences");
            }
            let (name, warning) = match key.algorithm() {
                Algorithm::Ed25519 => ("PUBLIC_KEY", ""),
                Algorithm::Hs256 => ("SECRET", "// Whoever has this can issue licences.\n"),
            };
            say(
                json!({
                    "algorithm": key.algorithm(),
                    "id": key.id(),
                    "carried": URL_SAFE_NO_PAD.encode(carried),
                }),
                format!(
                    "{warning}const KEY_ID: &str = \"{}\";\nconst {name}: [u8; 32] = {carried:?};",
                    key.id()
                ),
            )
        }
        Command::Issue {
            key,
            what,
            issued,
            expires,
            licensee,
            features,
        } => {
            let key = VendorKey::load(key.key.as_deref())?;
            let terms = Terms {
                issued,
                expires,
                licensee,
                features,
            };
            let (text, license) = issue(&key, &what, &terms)?;
            say(
                json!({ "key": text, "license": describe(&license) }),
                text.clone(),
            )
        }
        Command::Inspect { file } => {
            let value = inspect(&read(file.as_deref())?)?;
            // What it says may be meant for the terminal instead of for people.
            let pretty = format!("{value:#}");
            let shown = pretty.chars().flat_map(|char| {
                let is_plain = char == '\n' || char.is_alphanumeric() || (' '..='~').contains(&char);
                let escaped = (!is_plain).then(|| char.escape_unicode());
                escaped.into_iter().flatten().chain(is_plain.then_some(char))
            });
            let text = format!(
                "{}\nNot verified: anybody can write this.",
                shown.collect::<String>()
            );
            say(value, text)
        }
        Command::Verify { key, what, at, file } => {
            let key = VendorKey::load(key.key.as_deref())?;
            match verify(&key, &what, at, &read(file.as_deref())?)? {
                Ok(license) => {
                    let value = describe(&license);
                    let text = format!("accepted\n{value:#}");
                    say(json!({ "accepted": true, "license": value }), text)
                }
                Err(error) => {
                    let value =
                        json!({ "accepted": false, "code": error.code(), "detail": error.to_string() });
                    say(value, format!("{}: {error}", error.code()));
                    ExitCode::FAILURE
                }
            }
        }
    })
}
