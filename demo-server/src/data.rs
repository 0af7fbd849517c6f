//! What belongs to this installation: its token, in a file of the data folder. The plugins' data lies beside it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

/// Shortest token that is accepted.
const TOKEN_MIN: usize = 16;

/// A token, and whether it was made up just now.
#[derive(Clone, Debug)]
pub struct Token {
    /// The token.
    pub value: String,
    /// Whether nobody has seen it yet.
    pub is_new: bool,
}

/// Makes the data folder, readable by its owner alone.
///
/// # Errors
///
/// When it can be neither made nor found.
pub fn prepare(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("the data folder {} cannot be made", folder.display()))
}

/// The API token: the given one, else the one in the data folder, else a new one.
///
/// # Errors
///
/// When the file cannot be read or written, or the token is shorter than 16 characters.
pub fn token(given: Option<&str>, folder: &Path) -> Result<Token> {
    let (value, is_new) = match given {
        Some(given) => (given.to_owned(), false),
        None => read_or_create(&folder.join("token"), || {
            // Two random UUIDs: 244 bits of the system's randomness.
            format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple())
        })?,
    };
    let value = value.trim().to_owned();
    ensure!(
        value.len() >= TOKEN_MIN,
        "the token has fewer than {TOKEN_MIN} characters; choose a longer one"
    );
    Ok(Token { value, is_new })
}

/// The content of a file, which is written first if there is none. Only its owner may read it.
fn read_or_create(path: &Path, content: impl FnOnce() -> String) -> Result<(String, bool)> {
    let problem = || format!("{} cannot be used", path.display());
    match std::fs::read_to_string(path) {
        Ok(found) => return Ok((found, false)),
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(problem),
    }
    // Written beside it and given its name when it is whole: a process that dies here leaves no half of it.
    let content = content();
    let beside = path.with_extension(format!("{}.new", std::process::id()));
    let _ = std::fs::remove_file(&beside);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&beside)
        .with_context(problem)?;
    file.write_all(content.as_bytes()).with_context(problem)?;
    file.sync_all().with_context(problem)?;
    let named = std::fs::hard_link(&beside, path);
    let _ = std::fs::remove_file(&beside);
    match named {
        Ok(()) => {
            if let Some(folder) = path.parent() {
                File::open(folder)
                    .and_then(|folder| folder.sync_all())
                    .with_context(problem)?;
            }
            Ok((content, true))
        }
        // Another process was faster.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok((std::fs::read_to_string(path).with_context(problem)?, false))
        }
        Err(error) => Err(error).with_context(problem),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::token;

    #[test]
    fn a_token_is_made_up_once_and_kept_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = token(None, folder.path()).unwrap();
        let second = token(None, folder.path()).unwrap();
        assert!(first.is_new && !second.is_new);
        assert_eq!(first.value, second.value);
        let mode = std::fs::metadata(folder.path().join("token"))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_short_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(token(Some("short"), folder.path()).is_err());
    }
}
