//! Licences on their way out.

use std::time::SystemTime;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use toru_plugin_api::license::{Date, License};

use crate::keys::VendorKey;
use crate::options::What;

/// What may be said of a licence beside its plugin and installation.
#[derive(Debug, Default)]
pub struct Terms {
    /// First day; today without one.
    pub issued: Option<Date>,
    /// Last day.
    pub expires: Option<Date>,
    /// Whose it is.
    pub licensee: Option<String>,
    /// What it unlocks.
    pub features: Vec<String>,
}

/// Issues a licence: its text and what it says.
///
/// # Errors
///
/// When something breaks the format's rules.
pub fn issue(key: &VendorKey, what: &What, terms: &Terms) -> Result<(String, License)> {
    let today = || Date::of(SystemTime::now()).context("the clock is far off; give --issued");
    let issued = terms.issued.map_or_else(today, Ok)?;
    let mut license = License::builder(&what.plugin, &what.instance, issued);
    if let Some(expires) = terms.expires {
        license = license.expires(expires);
    }
    if let Some(licensee) = &terms.licensee {
        license = license.licensee(licensee);
    }
    for feature in &terms.features {
        license = license.feature(feature);
    }
    let license = license.build().context("such a licence cannot be issued")?;
    Ok((key.sign(&license)?, license))
}

/// What a licence says, for programs.
#[must_use]
pub fn describe(license: &License) -> Value {
    json!({
        "plugin": license.plugin(),
        "instance": license.instance(),
        "issued": license.issued().to_string(),
        "expires": license.expires().map(|date| date.to_string()),
        "licensee": license.licensee(),
        "features": license.features().collect::<Vec<_>>(),
    })
}
