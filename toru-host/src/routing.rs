//! The routing table: from a plugin's id and a path to a route. Read without a lock, replaced as a whole.

use std::sync::Arc;

use http::HeaderValue;
use matchit::Router;
use toru_plugin_api::abi::route::{
    TORU_CONNECT, TORU_DELETE, TORU_GET, TORU_HEAD, TORU_OPTIONS, TORU_PARAMS_MAX, TORU_PATCH, TORU_POST,
    TORU_PUT, TORU_TRACE,
};

use crate::bundle::Bundle;
use crate::error::LoadError;
use crate::ffi::{Asset, Called, Instance, Permit, Route, RouteMatch, Unstarted};
use crate::lane::InFlight;
use crate::plugin::{PluginId, PluginLimits, PluginState, RouteInfo};

/// First segments below a plugin's path that belong to the host.
const RESERVED: [&str; 4] = ["enable", "disable", "bundle.js", "-"];
/// The file of a plugin's frontend that the interface loads.
const BUNDLE: &str = "bundle.js";

const METHODS: [(u32, &str); 9] = [
    (TORU_GET, "GET"),
    (TORU_HEAD, "HEAD"),
    (TORU_POST, "POST"),
    (TORU_PUT, "PUT"),
    (TORU_DELETE, "DELETE"),
    (TORU_CONNECT, "CONNECT"),
    (TORU_OPTIONS, "OPTIONS"),
    (TORU_TRACE, "TRACE"),
    (TORU_PATCH, "PATCH"),
];

/// All plugins, sorted by id.
#[derive(Debug, Default)]
pub(crate) struct RoutingTable(Vec<(PluginId, Entry)>);

/// What a plugin's routes lead to.
#[derive(Debug)]
pub(crate) enum Entry {
    /// Into the plugin.
    Running(Arc<Running>),
    /// Nowhere, for this reason.
    Idle(PluginState),
}

impl RoutingTable {
    pub(crate) fn new(mut entries: Vec<(PluginId, Entry)>) -> Self {
        entries.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        Self(entries)
    }

    /// Looks a plugin up. Takes no lock and allocates nothing.
    pub(crate) fn get(&self, id: &str) -> Option<&Entry> {
        let index = self
            .0
            .binary_search_by(|(candidate, _)| candidate.as_str().cmp(id))
            .ok()?;
        self.0.get(index).map(|(_, entry)| entry)
    }
}

/// A running plugin with its routes.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) instance: Instance,
    paths: Router<Path>,
    bundle: Option<Arc<Bundle>>,
}

/// The routes that share a path.
#[derive(Debug)]
struct Path {
    routes: Vec<(u32, usize)>,
    allow: HeaderValue,
    captures: Captures,
}

/// What a pattern captures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Captures {
    /// Nothing, or several parts.
    Any,
    /// All from here on: the pattern ends with its only capture.
    Rest(usize),
}

impl Captures {
    fn of(pattern: &str) -> Self {
        let parts = pattern
            .strip_suffix('}')
            .and_then(|pattern| pattern.split_once('{'));
        match parts {
            // Doubled braces stand for themselves, and make a pattern longer than the path.
            Some((before, name)) if !before.contains('}') && !name.contains(['{', '}']) => {
                Self::Rest(before.len())
            }
            _ => Self::Any,
        }
    }
}

/// Why a call was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TurnedAway {
    /// It has as many as it may have.
    Busy,
    /// It is stopping.
    Stopping,
}

/// What a path and a method lead to.
pub(crate) enum Found<'a> {
    /// A route.
    Route(RouteMatch<'a>),
    /// A known path with other methods, for the header `Allow`.
    OtherMethods(HeaderValue),
    /// No route.
    Nothing,
}

impl Running {
    /// Builds the router of an instance.
    ///
    /// # Errors
    ///
    /// When a pattern is malformed, reserved, or collides with another; the message names both.
    pub(crate) fn new(instance: Instance, assets: Vec<Asset>) -> Result<Self, Unstarted> {
        let parts = || {
            let paths = build(instance.routes()).map_err(|reason| LoadError::InvalidRoute { reason })?;
            let bundle = assets.into_iter().find(|asset| asset.path == BUNDLE);
            let bundle = bundle.map(|asset| Bundle::new(&asset.bytes).map(Arc::new));
            Ok((paths, bundle.transpose()?))
        };
        match parts() {
            Ok((paths, bundle)) => Ok(Self {
                instance,
                paths,
                bundle,
            }),
            Err(error) => Err(Unstarted::unusable(instance, error)),
        }
    }

    /// The frontend's bundle.
    pub(crate) const fn bundle(&self) -> Option<&Arc<Bundle>> {
        self.bundle.as_ref()
    }

    /// Finds the route for the part of `path` behind `prefix_len`. A HEAD request falls back to GET.
    pub(crate) fn find(&self, path: &str, prefix_len: usize, method: u32) -> Found<'_> {
        let own = &path[prefix_len..];
        let Ok(matched) = self.paths.at(own) else {
            return Found::Nothing;
        };
        let answering = |bit| {
            matched
                .value
                .routes
                .iter()
                .find(|(methods, _)| methods & bit != 0)
        };
        let found =
            answering(method).or_else(|| (method == TORU_HEAD).then(|| answering(TORU_GET)).flatten());
        let Some((_, index)) = found else {
            return Found::OtherMethods(matched.value.allow.clone());
        };
        let mut params = [(0, 0); TORU_PARAMS_MAX];
        let place = |offset: usize, len: usize| Some((u16::try_from(offset).ok()?, u16::try_from(len).ok()?));
        let n_params = match matched.value.captures {
            // Most patterns are of this kind, and what they capture is told without asking the router for it.
            Captures::Rest(start) => {
                let Some(rest) = place(start, own.len() - start) else {
                    return Found::Nothing;
                };
                params[0] = rest;
                1
            }
            Captures::Any => {
                let n_params = matched.params.len().min(TORU_PARAMS_MAX);
                let start_of_own = own.as_ptr().addr();
                for (slot, (_, value)) in params[..n_params].iter_mut().zip(matched.params.iter()) {
                    let Some(part) = place(value.as_ptr().addr() - start_of_own, value.len()) else {
                        return Found::Nothing;
                    };
                    *slot = part;
                }
                n_params
            }
        };
        Found::Route(RouteMatch {
            route: &self.instance.routes()[*index],
            prefix_len,
            method,
            params,
            n_params,
        })
    }

    /// Lets a call in, if the plugin is not stopping and has room for one more.
    #[inline]
    pub(crate) fn enter(&self) -> Result<(Permit, InFlight), TurnedAway> {
        let permit = self.instance.enter().ok_or(TurnedAway::Stopping)?;
        let lane = self.instance.lane();
        if let Some(call) = lane.enter() {
            return Ok((permit, call));
        }
        // Whoever reads on is served before whoever does not.
        let is_room = self.instance.end_stalled(lane.limits.max_stall);
        let call = is_room.then(|| lane.enter()).flatten();
        match call {
            Some(call) => Ok((permit, call)),
            None => {
                lane.turn_away();
                Err(TurnedAway::Busy)
            }
        }
    }

    /// The plugin, for whoever tells about a call of it.
    #[inline]
    pub(crate) fn called(&self) -> Called {
        self.instance.called()
    }

    /// What the plugin may take up.
    #[inline]
    pub(crate) fn limits(&self) -> &'static PluginLimits {
        &self.instance.lane().limits
    }

    /// The routes, for people.
    pub(crate) fn route_infos(&self) -> Vec<RouteInfo> {
        let info = |route: &Route| RouteInfo {
            methods: names(route.methods),
            pattern: route.pattern.clone(),
        };
        self.instance.routes().iter().map(info).collect()
    }
}

fn build(routes: &[Route]) -> Result<Router<Path>, String> {
    let mut by_pattern: Vec<(&str, Vec<(u32, usize)>)> = Vec::new();
    for (index, route) in routes.iter().enumerate() {
        check_pattern(&route.pattern)?;
        match by_pattern
            .iter_mut()
            .find(|(pattern, _)| *pattern == route.pattern)
        {
            None => by_pattern.push((&route.pattern, vec![(route.methods, index)])),
            Some((pattern, sharing)) => {
                if let Some((taken, _)) = sharing.iter().find(|(methods, _)| methods & route.methods != 0) {
                    let method = names(taken & route.methods)
                        .first()
                        .copied()
                        .unwrap_or("a method");
                    return Err(format!("`{pattern}` is registered twice for {method}"));
                }
                sharing.push((route.methods, index));
            }
        }
    }
    let mut router = Router::new();
    for (pattern, routes) in by_pattern {
        let methods = routes.iter().fold(0, |all, (methods, _)| all | methods);
        let allow = HeaderValue::from_str(&names(with_head(methods) | TORU_OPTIONS).join(", "))
            .map_err(|error| error.to_string())?;
        router
            .insert(
                pattern,
                Path {
                    routes,
                    allow,
                    captures: Captures::of(pattern),
                },
            )
            .map_err(|error| match error {
                matchit::InsertError::Conflict { with } => format!("`{pattern}` collides with `{with}`"),
                other => format!("`{pattern}` is malformed: {other}"),
            })?;
    }
    Ok(router)
}

fn check_pattern(pattern: &str) -> Result<(), String> {
    let Some(rest) = pattern.strip_prefix('/') else {
        return Err(format!("`{pattern}` does not start with `/`"));
    };
    if pattern
        .bytes()
        .any(|byte| !byte.is_ascii_graphic() || matches!(byte, b'?' | b'#' | b'\\'))
    {
        return Err(format!(
            "`{}` has characters that no path has; percent-encode them",
            pattern.escape_default()
        ));
    }
    if pattern
        .split('/')
        .any(|segment| segment == "." || segment == "..")
    {
        return Err(format!("`{pattern}` has a dot segment, which no request reaches"));
    }
    let first = rest.split('/').next().unwrap_or_default();
    if RESERVED.contains(&first) {
        return Err(format!(
            "`{pattern}` collides with `/{first}`, which belongs to the host"
        ));
    }
    if pattern.matches('{').count() > TORU_PARAMS_MAX {
        return Err(format!("`{pattern}` has more than {TORU_PARAMS_MAX} captures"));
    }
    Ok(())
}

const fn with_head(methods: u32) -> u32 {
    if methods & TORU_GET != 0 {
        methods | TORU_HEAD
    } else {
        methods
    }
}

fn names(methods: u32) -> Vec<&'static str> {
    METHODS
        .iter()
        .filter(|(bit, _)| methods & bit != 0)
        .map(|(_, name)| *name)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Captures, check_pattern};

    #[test]
    fn patterns_that_no_request_reaches_are_refused() {
        for pattern in [
            "",
            "x",
            "/a/../b",
            "/a b",
            "/a?b",
            "/enable",
            "/disable/x",
            "/bundle.js",
            "/-/x",
            "/ä",
            "/a\\b",
        ] {
            assert!(check_pattern(pattern).is_err(), "{pattern:?}");
        }
        for pattern in ["/", "/a", "/{a}/b.{c}", "/enabled", "/a/enable", "/{*rest}"] {
            assert!(check_pattern(pattern).is_ok(), "{pattern:?}");
        }
    }

    #[test]
    fn only_a_capture_that_stands_alone_at_the_end_is_the_rest() {
        for (pattern, start) in [("/small/{id}", 7), ("/{*rest}", 1), ("/file.{kind}", 6)] {
            assert_eq!(Captures::of(pattern), Captures::Rest(start), "{pattern}");
        }
        for pattern in [
            "/small",
            "/{a}/{b}",
            "/{a}/b",
            "/{name}.txt",
            "/{{a}}",
            "/{{a}}/{b}",
            "/a}}b/{c}",
            "/a/{b}}}",
        ] {
            assert_eq!(Captures::of(pattern), Captures::Any, "{pattern}");
        }
    }
}
