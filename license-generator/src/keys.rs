//! The vendor's keys, and the files that they are kept in.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::ValueEnum;
use ed25519_dalek::{Signer as _, SigningKey};
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use toru_plugin_api::license::{Ed25519, Hs256, License, LicenseVerifier, signing_input, with_signature};

/// Variable that holds the content of a key file, where there is no file. Not one of those in which hosts look for licences.
pub const VARIABLE: &str = "TORU_VENDOR_KEY";

/// Most bytes of a key file that are read.
const KEY_FILE_MAX: u64 = 4096;

/// How licences are signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "the algorithms of the format's version")]
pub enum Algorithm {
    /// Plugins carry a public key: nobody else can issue. The one to use.
    Ed25519,
    /// Plugins carry the secret: whoever has the plugin can issue.
    Hs256,
}

/// A key that signs. Its secret is never shown.
pub struct VendorKey {
    algorithm: Algorithm,
    id: String,
    secret: [u8; 32],
}

/// A key file: one line of JSON.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyFile {
    algorithm: Algorithm,
    id: String,
    secret: String,
}

impl VendorKey {
    /// A new key from the system's randomness.
    ///
    /// # Errors
    ///
    /// When there is no randomness, or the id is not 1 to 32 of `a-z`, `0-9` and `-`.
    pub fn generate(algorithm: Algorithm, id: &str) -> Result<Self> {
        let mut secret = [0; 32];
        getrandom::fill(&mut secret).context("the system has no random numbers")?;
        Self {
            algorithm,
            id: id.to_owned(),
            secret,
        }
        .checked()
    }

    /// Reads a key from a file that nobody else can read, or from the environment where no file is named.
    ///
    /// # Errors
    ///
    /// When there is none, others may read it, or it is no key.
    pub fn load(file: Option<&Path>) -> Result<Self> {
        let text = match file {
            Some(path) => read_private(path)?,
            None => {
                let value = std::env::var_os(VARIABLE).with_context(|| {
                    format!("name a key file by --key, or put its content into {VARIABLE}")
                })?;
                // Its own error would show the value.
                let Ok(text) = value.into_string() else {
                    bail!("the value of {VARIABLE} is no text");
                };
                text
            }
        };
        // The words of a parser could show what it has read.
        let Ok(file) = serde_json::from_str::<KeyFile>(&text) else {
            bail!("this is no key file of this program");
        };
        let secret = URL_SAFE_NO_PAD.decode(&file.secret).ok();
        let Some(secret) = secret.and_then(|secret| secret.try_into().ok()) else {
            bail!("the secret in the key file is not 32 bytes in unpadded base64url");
        };
        Self {
            algorithm: file.algorithm,
            id: file.id,
            secret,
        }
        .checked()
    }

    /// Writes the key to a new file, which its owner alone can read. Nothing is overwritten.
    ///
    /// # Errors
    ///
    /// When there is such a file, or it cannot be written.
    pub fn save(&self, path: &Path) -> Result<()> {
        let made = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(path);
        if made
            .as_ref()
            .is_err_and(|error| error.kind() == ErrorKind::AlreadyExists)
        {
            bail!("{} is there already; keys are never overwritten", path.display());
        }
        let problem = || format!("the key file {} cannot be written", path.display());
        let file = made.with_context(problem)?;
        let written = self.write(file).and_then(|()| {
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            // Also its name is to be there when the power comes back.
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        });
        if written.is_err() {
            let _ = fs::remove_file(path);
        }
        written.with_context(problem)
    }

    fn write(&self, mut file: File) -> std::io::Result<()> {
        let content = KeyFile {
            algorithm: self.algorithm,
            id: self.id.clone(),
            secret: URL_SAFE_NO_PAD.encode(self.secret),
        };
        writeln!(file, "{}", serde_json::to_string(&content)?)?;
        file.sync_all()
    }

    /// How it signs.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What plugins carry: the public key, or for HMAC the secret itself.
    #[must_use]
    pub fn carried(&self) -> [u8; 32] {
        match self.algorithm {
            Algorithm::Ed25519 => SigningKey::from_bytes(&self.secret).verifying_key().to_bytes(),
            Algorithm::Hs256 => self.secret,
        }
    }

    /// Signs a licence: its whole text.
    ///
    /// # Errors
    ///
    /// None in practice: the id was checked when the key was made.
    pub fn sign(&self, license: &License) -> Result<String> {
        Ok(match self.algorithm {
            Algorithm::Ed25519 => {
                let text = signing_input::<Ed25519>(license, &self.id)?;
                let signature = SigningKey::from_bytes(&self.secret).sign(text.as_bytes());
                with_signature(&text, &signature.to_bytes())
            }
            Algorithm::Hs256 => {
                let text = signing_input::<Hs256>(license, &self.id)?;
                let mut mac = Hmac::<Sha256>::new_from_slice(&self.secret)?;
                mac.update(text.as_bytes());
                with_signature(&text, &mac.finalize().into_bytes())
            }
        })
    }

    fn checked(self) -> Result<Self> {
        let carried = self.carried();
        match self.algorithm {
            Algorithm::Ed25519 => LicenseVerifier::<Ed25519>::new("")
                .key(&self.id, &carried)
                .map(drop),
            Algorithm::Hs256 => LicenseVerifier::<Hs256>::new("")
                .key(&self.id, &carried)
                .map(drop),
        }?;
        Ok(self)
    }
}

/// What a file says that nobody else can read. Looked at and read as one and the same file.
fn read_private(path: &Path) -> Result<String> {
    let problem = || format!("the key file {} cannot be used", path.display());
    let file = File::open(path).with_context(problem)?;
    let about = file.metadata().with_context(problem)?;
    ensure!(about.is_file(), "{} is no file", path.display());
    let mode = about.permissions().mode() & 0o777;
    ensure!(
        mode & 0o077 == 0,
        "the key file {path} can be read by others (mode {mode:o}); run: chmod 600 {path}",
        path = path.display(),
    );
    let mut text = String::new();
    file.take(KEY_FILE_MAX)
        .read_to_string(&mut text)
        .with_context(problem)?;
    Ok(text)
}

impl fmt::Debug for VendorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VendorKey")
            .field("algorithm", &self.algorithm)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
