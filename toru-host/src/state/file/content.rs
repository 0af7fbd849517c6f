//! What is found under a name, understood.

use std::io;

use crate::state::Desired;
use crate::state::document::{Document, Parsed, TEXT_MAX};
use crate::state::folder::{Folder, Found};

/// A good text and what it says.
#[derive(Debug)]
pub(super) struct Good {
    pub(super) text: Vec<u8>,
    pub(super) document: Document,
    pub(super) desired: Desired,
}

/// What is found under a name.
#[derive(Debug)]
pub(super) enum Content {
    Missing,
    Good(Good),
    /// Of a later schema: its version, and what could be understood.
    Newer(u64, Desired),
    /// Something that cannot be used, and why.
    Bad(String),
}

impl Content {
    /// An error says nothing about the content: it may be good.
    pub(super) fn read(folder: &Folder, name: &str) -> io::Result<Self> {
        folder.read(name, TEXT_MAX).map(Self::of)
    }

    pub(super) fn of(found: Found) -> Self {
        match found {
            Found::Missing => Self::Missing,
            Found::Refused(reason) => Self::Bad(reason),
            Found::Text(text) => match Document::parse(&text) {
                Ok(Parsed::Current(document, desired)) => Self::Good(Good {
                    text,
                    document,
                    desired,
                }),
                Ok(Parsed::Newer(version, desired)) => Self::Newer(version, desired),
                Err(reason) => Self::Bad(reason),
            },
        }
    }
}

impl Good {
    /// The state of a host that has no plugins.
    pub(super) fn fresh() -> Self {
        let document = Document::empty();
        Self {
            text: document.render(),
            document,
            desired: Desired::default(),
        }
    }
}
