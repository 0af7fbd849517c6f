//! What the service answers: one list for those who tell requests apart and for those who describe the API.

use super::path::Beside;

macro_rules! endpoints {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// One path, or all paths of one kind.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Endpoint {
            $($(#[$doc])* $name,)+
        }

        impl Endpoint {
            /// All of them.
            pub(super) const ALL: &[Self] = &[$(Self::$name,)+];
        }
    };
}

endpoints! {
    /// The list of plugins.
    List,
    /// One plugin.
    Plugin,
    /// Turns a plugin on.
    Enable,
    /// Turns a plugin off.
    Disable,
    /// What may be seen of a plugin's licence key, and changes of it.
    License,
    /// How much a plugin stores.
    Storage,
    /// The script of a plugin's frontend.
    Bundle,
    /// Looks at the plugins folder again.
    Scan,
    /// What changes, as it happens.
    Events,
    /// The description of all this.
    OpenApi,
    /// The plugins' own routes.
    Route,
}

impl Endpoint {
    /// Its path, as a template of OpenAPI.
    pub(super) fn template(self, base: &str, beside: &Beside) -> String {
        let below = match self {
            Self::List => "",
            Self::Plugin => "/{id}",
            Self::Enable => "/{id}/enable",
            Self::Disable => "/{id}/disable",
            Self::License => "/{id}/-/license",
            Self::Storage => "/{id}/-/storage",
            Self::Bundle => "/{id}/bundle.js",
            Self::Scan => "/-/scan",
            Self::Route => "/{id}/{path}",
            Self::Events => return beside.events.clone(),
            Self::OpenApi => return beside.openapi.clone(),
        };
        format!("{base}{below}")
    }
}

#[cfg(test)]
mod tests {
    use super::{Beside, Endpoint};
    use crate::service::path::parse;

    #[test]
    fn every_endpoint_is_found_under_its_own_template() {
        let beside = Beside::new("/api/plugins");
        for endpoint in Endpoint::ALL {
            let path = endpoint.template("/api/plugins", &beside);
            let path = path.replace("{id}", "hello").replace("{path}", "a/b");
            let target = beside.find(&path).unwrap_or_else(|| parse(&path, "/api/plugins"));
            assert_eq!(target.endpoint(), Some(*endpoint), "{path}");
        }
    }
}
