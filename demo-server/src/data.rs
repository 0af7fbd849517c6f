//! What belongs to this installation: its token, in a file of the data folder. The plugins' data lies beside it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use uuid::Uuid;

use crate::private;

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

impl Token {
    /// What the person who starts the server is told of a new token. It shows itself on a terminal alone: what else output
    /// is, such as a journal, is often read by others and kept for long.
    #[must_use]
    pub fn notice(&self, folder: &Path, is_terminal: bool) -> Option<String> {
        let file = folder.join("token");
        self.is_new.then(|| match is_terminal {
            true => format!("{}  (also in {})", self.value, file.display()),
            false => format!("in {}", file.display()),
        })
    }
}

/// Makes the data folder, readable by its owner alone.
///
/// # Errors
///
/// When it can be neither made nor found, or others can get into the one that is there.
pub fn prepare(folder: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.with_context(|| format!("the data folder {} cannot be made", folder.display()))?;
    private::check_folder(folder)
}

/// The API token: the given one, else the one in the data folder, else a new one.
///
/// # Errors
///
/// When the file cannot be read or written, others could read it, or the token is shorter than 16 characters.
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
    if let Some(found) = read(path).with_context(problem)? {
        return Ok((found, false));
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
            let found = read(path).with_context(problem)?;
            Ok((found.with_context(problem)?, false))
        }
        Err(error) => Err(error).with_context(problem),
    }
}

/// The content of a file that is its owner's alone. `None` if there is none.
fn read(path: &Path) -> Result<Option<String>> {
    // What others may have read is a secret no more, whatever its permissions are from now on.
    let remedy = "remove it, and the next start makes another one";
    let Some(mut file) = private::open(path, remedy)? else {
        return Ok(None);
    };
    let mut content = String::new();
    file.read_to_string(&mut content)?;
    Ok(Some(content))
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::{prepare, token};

    #[test]
    fn a_token_that_others_could_read_is_to_be_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let first = token(None, folder.path()).unwrap();
        let file = folder.path().join("token");
        std::fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
        let error = format!("{:#}", token(None, folder.path()).unwrap_err());
        assert!(error.contains("remove it"), "{error}");
        std::fs::remove_file(&file).unwrap();
        assert_ne!(token(None, folder.path()).unwrap().value, first.value);
    }

    #[test]
    fn a_folder_that_others_get_into_is_not_used() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("data");
        for _ in 0..2 {
            prepare(&folder).unwrap();
        }
        std::fs::set_permissions(&folder, Permissions::from_mode(0o755)).unwrap();
        assert!(prepare(&folder).is_err());
    }

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
    fn a_new_token_is_shown_on_a_terminal_alone() {
        let folder = tempfile::tempdir().unwrap();
        let new = token(None, folder.path()).unwrap();
        for is_terminal in [true, false] {
            let told = new.notice(folder.path(), is_terminal).unwrap();
            assert!(told.contains(&folder.path().join("token").display().to_string()));
            assert_eq!(told.contains(&new.value), is_terminal);
        }
        let known = token(None, folder.path()).unwrap();
        assert_eq!(known.notice(folder.path(), true), None);
    }

    #[test]
    fn a_short_token_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert!(token(Some("short"), folder.path()).is_err());
    }
}
