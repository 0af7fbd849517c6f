//! The script of a plugin's frontend, and smaller forms of it.

mod compress;

use std::sync::OnceLock;

use bytes::Bytes;
use http::HeaderValue;
use sha2::{Digest, Sha256};

pub(crate) use self::compress::Compressor;
use crate::error::LoadError;

/// A bundle as it was taken over when its plugin started.
#[derive(Debug)]
pub(crate) struct Bundle {
    sha256: String,
    plain: Form,
    /// Empty until it was tried whether there are any.
    smaller: OnceLock<Smaller>,
}

/// What is sent for a bundle.
#[derive(Debug)]
pub(crate) struct Form {
    pub(crate) bytes: Bytes,
    /// A strong one, of this form alone.
    pub(crate) etag: HeaderValue,
}

/// How the bytes are coded, the smallest form first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Gzip,
    Identity,
}

/// Forms that are worth keeping.
#[derive(Debug)]
struct Smaller {
    brotli: Option<Form>,
    gzip: Option<Form>,
}

impl Bundle {
    /// Takes a copy, so that nothing the plugin does with its memory changes what was hashed.
    ///
    /// # Errors
    ///
    /// None in practice: a hash can be an entity tag.
    pub(crate) fn new(bytes: &[u8]) -> Result<Self, LoadError> {
        let bytes = Bytes::copy_from_slice(bytes);
        let sha256: String = Sha256::digest(&bytes)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let plain = Form::new(bytes, &sha256).ok_or_else(|| LoadError::InvalidFrontend {
            reason: "its hash is no entity tag".to_owned(),
        })?;
        Ok(Self {
            sha256,
            plain,
            smaller: OnceLock::new(),
        })
    }

    /// SHA-256 of the script, in hexadecimal.
    pub(crate) fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The bundle in that coding, if there is such a form by now.
    pub(crate) fn form(&self, coding: Coding) -> Option<&Form> {
        match coding {
            Coding::Brotli => self.smaller.get()?.brotli.as_ref(),
            Coding::Gzip => self.smaller.get()?.gzip.as_ref(),
            Coding::Identity => Some(&self.plain),
        }
    }

    /// Makes the smaller forms. Takes its time, which grows with the bundle.
    fn compress(&self) {
        let form = |bytes: Option<Vec<u8>>, name| {
            let bytes = bytes.filter(|bytes| compress::pays(bytes.len(), self.plain.bytes.len()))?;
            Form::new(bytes.into(), &format!("{}-{name}", self.sha256))
        };
        self.smaller.get_or_init(|| Smaller {
            brotli: form(compress::brotli(&self.plain.bytes), "br"),
            gzip: form(compress::gzip(&self.plain.bytes), "gzip"),
        });
    }
}

impl Form {
    fn new(bytes: Bytes, tag: &str) -> Option<Self> {
        let etag = HeaderValue::from_str(&format!("\"{tag}\"")).ok()?;
        Some(Self { bytes, etag })
    }
}

impl Coding {
    /// All of them, the smallest form first.
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Gzip, Self::Identity];

    /// Its name, which the header says; none for bytes as they are.
    pub(crate) const fn name(self) -> Option<&'static str> {
        match self {
            Self::Brotli => Some("br"),
            Self::Gzip => Some("gzip"),
            Self::Identity => None,
        }
    }
}
