//! Errors of other crates as the plugin's own.

use std::error::Error;

use crate::error::PluginError;

type BoxError = Box<dyn Error + Send + Sync>;

/// The error of a service or of a body. One of this crate stays what it is, also where it is the cause of another.
pub(crate) fn of_service(error: impl Into<BoxError>) -> PluginError {
    match error.into().downcast::<PluginError>() {
        Ok(own) => *own,
        Err(other) => cause(&*other).unwrap_or(PluginError::Other(other)),
    }
}

/// What of this crate is behind an error; a [`PluginError`], which cannot be taken out of it, by its status and its words.
fn cause(error: &(dyn Error + 'static)) -> Option<PluginError> {
    let mut next = Some(error);
    while let Some(error) = next {
        // What an `io::Error` wraps is not its source.
        let wrapped = error.downcast_ref().and_then(std::io::Error::get_ref);
        let error = wrapped.map_or(error, |wrapped| wrapped as &(dyn Error + 'static));
        if let Some(body) = error.downcast_ref() {
            return Some(PluginError::Body(*body));
        }
        if let Some(own) = error.downcast_ref::<PluginError>() {
            return Some(PluginError::Status(own.status(), own.to_string()));
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{PluginError, of_service};
    use crate::error::BodyError;

    #[derive(Debug)]
    struct Around<E>(E);

    impl<E> std::fmt::Display for Around<E> {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("around")
        }
    }

    impl<E: std::error::Error + 'static> std::error::Error for Around<E> {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            Some(&self.0)
        }
    }

    #[test]
    fn an_error_of_this_crate_keeps_its_status() {
        assert_eq!(of_service(PluginError::Conflict("again".into())).status(), 409);
        assert_eq!(of_service(BodyError::TooLarge).status(), 413);
        assert_eq!(of_service(Around(BodyError::TooLarge)).status(), 413);
        assert_eq!(
            of_service(std::io::Error::other(BodyError::TooLarge)).status(),
            413
        );
        let deep = of_service(Around(PluginError::NotFound("no such item".into())));
        assert_eq!((deep.status(), deep.to_string().as_str()), (404, "no such item"));
        let other = of_service("a text");
        assert_eq!((other.status(), other.to_string().as_str()), (500, "a text"));
    }
}
