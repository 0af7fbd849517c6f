//! Errors of other crates as the plugin's own.

use std::error::Error;

use crate::error::{BodyError, PluginError};

type BoxError = Box<dyn Error + Send + Sync>;

/// The error of a service or of a body. One of this crate stays what it is, also where it is the cause of another.
pub(crate) fn of_service(error: impl Into<BoxError>) -> PluginError {
    match error.into().downcast::<PluginError>() {
        Ok(own) => *own,
        Err(other) => cause(&*other).map_or_else(|| PluginError::Other(other), PluginError::Body),
    }
}

fn cause(error: &(dyn Error + 'static)) -> Option<BodyError> {
    let mut next = Some(error);
    while let Some(error) = next {
        // What an `io::Error` wraps is not its source.
        let wrapped = error.downcast_ref().and_then(std::io::Error::get_ref);
        let error = wrapped.map_or(error, |wrapped| wrapped as &(dyn Error + 'static));
        if let Some(body) = error.downcast_ref() {
            return Some(*body);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::{BodyError, PluginError, of_service};

    #[derive(Debug)]
    struct Around(BodyError);

    impl std::fmt::Display for Around {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("around")
        }
    }

    impl std::error::Error for Around {
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
        let other = of_service("a text");
        assert_eq!((other.status(), other.to_string().as_str()), (500, "a text"));
    }
}
