//! Descriptors of any content. What is accepted keeps its promises.
#![no_main]

use libfuzzer_sys::fuzz_target;
use toru_host::discovery::{Policy, note};
use toru_host::plugin::PluginId;

fuzz_target!(|descriptor: &[u8]| {
    if let Ok(metadata) = note::parse(descriptor, &Policy::default()) {
        assert!(PluginId::new(metadata.id.as_str()).is_ok());
        assert!(!metadata.name.is_empty() && metadata.name.chars().count() <= 64);
        assert!(
            metadata
                .route
                .is_none_or(|route| route.starts_with('/') && !route.contains(".."))
        );
    }
});
