//! What a plugin says about itself.

/// What a plugin is, as a constant.
///
/// The id is 1 to 64 of `a-z`, `0-9` and `-`, starting with a letter or digit and not ending in `-`. It never
/// changes during the life of a plugin: routes, data and configuration belong to it. A wrong one is a compile error.
///
/// # Examples
///
/// ```
/// use toru_plugin_api::PluginMetadata;
///
/// const METADATA: PluginMetadata = PluginMetadata::new("hello", "Hello")
///     .version(env!("CARGO_PKG_VERSION"))
///     .author("Toru authors")
///     .icon("👋")
///     .route("/hello");
/// assert_eq!(METADATA.id(), "hello");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PluginMetadata {
    pub(crate) id: &'static str,
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    pub(crate) author: &'static str,
    pub(crate) icon: &'static str,
    pub(crate) route: &'static str,
    pub(crate) description: &'static str,
    pub(crate) license: &'static str,
    pub(crate) requires: &'static [&'static str],
}

impl PluginMetadata {
    /// Metadata with an id and a name for people.
    ///
    /// # Panics
    ///
    /// When the id breaks its rule or the name is empty. In a constant that is a compile error.
    #[must_use]
    pub const fn new(id: &'static str, name: &'static str) -> Self {
        assert!(
            is_plugin_id(id),
            "a plugin id is 1 to 64 of a-z, 0-9 and `-`, with no `-` at either end, such as `my-shop`"
        );
        assert!(
            !name.is_empty(),
            "a plugin has a name for people: the second argument is empty"
        );
        Self {
            id,
            name,
            version: "0.0.0",
            author: "",
            icon: "",
            route: "",
            description: "",
            license: "",
            requires: &[],
        }
    }

    /// Sets the version, usually `env!("CARGO_PKG_VERSION")`.
    #[must_use]
    pub const fn version(mut self, version: &'static str) -> Self {
        self.version = version;
        self
    }

    /// Sets who made the plugin.
    #[must_use]
    pub const fn author(mut self, author: &'static str) -> Self {
        self.author = author;
        self
    }

    /// Sets the icon: an emoji or another short text.
    #[must_use]
    pub const fn icon(mut self, icon: &'static str) -> Self {
        self.icon = icon;
        self
    }

    /// Sets the path of the plugin's page in the web interface.
    ///
    /// # Panics
    ///
    /// When the path does not start with `/`. In a constant that is a compile error.
    #[must_use]
    pub const fn route(mut self, route: &'static str) -> Self {
        assert!(
            !route.is_empty() && route.as_bytes()[0] == b'/',
            "the route of a plugin's page starts with `/`, such as `/my-shop`"
        );
        self.route = route;
        self
    }

    /// Sets one sentence for people.
    #[must_use]
    pub const fn description(mut self, description: &'static str) -> Self {
        self.description = description;
        self
    }

    /// Sets the licence expression of the plugin, usually `env!("CARGO_PKG_LICENSE")`.
    #[must_use]
    pub const fn license(mut self, license: &'static str) -> Self {
        self.license = license;
        self
    }

    /// Sets the ids of extensions without which the plugin does not run, such as `toru.kv/1`.
    ///
    /// A host that lacks one refuses the plugin before any of its code runs.
    #[must_use]
    pub const fn requires(mut self, extensions: &'static [&'static str]) -> Self {
        self.requires = extensions;
        self
    }

    /// The id.
    #[must_use]
    pub const fn id(&self) -> &'static str {
        self.id
    }

    /// The name for people.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

pub(crate) const fn is_plugin_id(id: &str) -> bool {
    let id = id.as_bytes();
    if id.is_empty() || id.len() > 64 || id[0] == b'-' || id[id.len() - 1] == b'-' {
        return false;
    }
    let mut i = 0;
    while i < id.len() {
        if !matches!(id[i], b'a'..=b'z' | b'0'..=b'9' | b'-') {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_plugin_id;

    #[test]
    fn ids_follow_the_rule() {
        for id in ["a", "0", "hello", "a-b-c", "9lives", &"x".repeat(64)] {
            assert!(is_plugin_id(id), "{id:?}");
        }
        for id in [
            "",
            "-a",
            "a-",
            "A",
            "a_b",
            "a.b",
            "a/b",
            "ä",
            "a\0",
            &"x".repeat(65),
        ] {
            assert!(!is_plugin_id(id), "{id:?}");
        }
    }
}
