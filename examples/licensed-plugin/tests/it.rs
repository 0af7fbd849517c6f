//! The plugin in a real host, with keys that were issued for it, for others, and by nobody.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;

use license_generator::issue::{Terms, issue};
use license_generator::keys::{Algorithm, VendorKey};
use license_generator::options::What;
use licensed_plugin::Licensed;
use tempfile::TempDir;
use toru_host::PluginManager;
use toru_host::plugin::{PluginId, PluginState};
use toru_plugin_api::license::Date;

struct Shop {
    folder: TempDir,
    manager: PluginManager,
}

impl Shop {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let builder = PluginManager::builder(folder.path().join("plugins"));
        let builder = builder.register_static(toru_plugin_api::static_plugin!(Licensed));
        let manager = builder.start().await.unwrap();
        // It has no key yet.
        assert!(manager.enable(&id()).await.is_err());
        Self { folder, manager }
    }

    /// The key in the example's own file.
    fn vendor(&self) -> VendorKey {
        let path = self.folder.path().join("vendor.json");
        let mut open = fs::OpenOptions::new();
        let mut file = open
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&path)
            .unwrap();
        file.write_all(include_bytes!("../example-key.json")).unwrap();
        VendorKey::load(Some(&path)).unwrap()
    }

    fn issue(&self, vendor: &VendorKey, terms: &Terms) -> String {
        let plugin = "licensed".to_owned();
        let instance = self.manager.instance_id().to_owned();
        issue(vendor, &What { plugin, instance }, terms).unwrap().0
    }

    /// Gives the plugin a key. Returns its state, and the code of what it has against the key.
    async fn give(&self, key: Option<String>) -> (PluginState, &'static str) {
        self.manager.set_license(&id(), key).await.unwrap();
        let status = self.manager.status(&id()).unwrap();
        (status.state, status.error.map_or("", |error| error.code))
    }
}

fn id() -> PluginId {
    "licensed".parse().unwrap()
}

fn terms(expires: Option<&str>) -> Terms {
    Terms {
        issued: Date::parse("2026-01-01"),
        expires: expires.map(|day| Date::parse(day).unwrap()),
        licensee: Some("Miller & Sons".to_owned()),
        features: vec!["reports".to_owned()],
    }
}

#[tokio::test]
async fn it_starts_with_a_key_of_its_vendor_and_fails_without() {
    let shop = Shop::open().await;
    let fault = shop.manager.status(&id()).unwrap().error.unwrap();
    assert_eq!(fault.code, "license_missing");
    let key = shop.issue(&shop.vendor(), &terms(None));
    assert_eq!(shop.give(Some(key)).await, (PluginState::Enabled, ""));
    assert_eq!(shop.give(None).await, (PluginState::Failed, "license_missing"));
}

#[tokio::test]
async fn it_goes_on_when_a_key_is_renewed() {
    let shop = Shop::open().await;
    let vendor = shop.vendor();
    shop.give(Some(shop.issue(&vendor, &terms(Some("9998-12-31")))))
        .await;
    let since = shop.manager.status(&id()).unwrap().since;
    let renewed = shop.issue(&vendor, &terms(Some("9999-12-31")));
    assert_eq!(shop.give(Some(renewed)).await, (PluginState::Enabled, ""));
    assert_eq!(
        shop.manager.status(&id()).unwrap().since,
        since,
        "it was never stopped"
    );
}

#[tokio::test]
async fn no_other_key_will_do() {
    let shop = Shop::open().await;
    let vendor = shop.vendor();
    let good = shop.issue(&vendor, &terms(None));
    let expired = shop.issue(&vendor, &terms(Some("2026-02-28")));
    let stranger = VendorKey::generate(Algorithm::Ed25519, "example").unwrap();
    let symmetric = VendorKey::generate(Algorithm::Hs256, "example").unwrap();
    let of = |plugin: &str, instance: &str| {
        let what = What {
            plugin: plugin.to_owned(),
            instance: instance.to_owned(),
        };
        issue(&vendor, &what, &terms(None)).unwrap().0
    };
    let elsewhere = of("licensed", "0f0e0d0c-0b0a-4908-8706-050403020100");
    let other = of("hello", shop.manager.instance_id());
    let (head, tail) = good.split_at(good.len() / 2);
    let cut = format!("{head}{}", &tail[1..]);
    for (key, code) in [
        (expired, "license_expired"),
        (shop.issue(&stranger, &terms(None)), "license_invalid_signature"),
        (shop.issue(&symmetric, &terms(None)), "license_unsupported"),
        (elsewhere, "license_wrong_instance"),
        (other, "license_wrong_plugin"),
        (cut, "license_malformed"),
        ("let me in".to_owned(), "license_malformed"),
    ] {
        let found = shop.give(Some(key.clone())).await;
        // A payload that lost a character may still be text that a signature is missing for.
        let is_refused = found == (PluginState::Failed, code)
            || (code == "license_malformed" && found == (PluginState::Failed, "license_invalid_signature"));
        assert!(is_refused, "{key}: {found:?} instead of {code}");
    }
    assert_eq!(shop.give(Some(good)).await, (PluginState::Enabled, ""));
}
