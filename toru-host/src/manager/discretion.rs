//! What the API tells of this machine: names of files, and not where they lie.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

/// Takes the host's own folders out of texts that were written for its administrator.
#[derive(Clone, Debug)]
pub(crate) struct Discretion(Arc<[(String, String)]>);

impl Discretion {
    /// For texts that may name these folders or something in them.
    pub(super) fn about(folders: &[&Path]) -> Self {
        let mut hidden = Vec::new();
        for folder in folders {
            let name = folder.file_name().map(|name| name.to_string_lossy().into_owned());
            let name = name.unwrap_or_default();
            let resolved = folder.canonicalize().ok();
            for folder in std::iter::once(*folder).chain(resolved.as_deref()) {
                // As a path is written for people, and as it is written in quotes.
                let plain = folder.display().to_string();
                let quoted = format!("{folder:?}").trim_matches('"').to_owned();
                hidden.extend([plain, quoted].map(|folder| (folder, name.clone())));
            }
        }
        hidden.retain(|(folder, _)| folder.len() > 1);
        // What lies in another one comes first: its path begins with the other one's.
        hidden.sort_unstable_by(|(one, _), (other, _)| other.len().cmp(&one.len()).then(one.cmp(other)));
        hidden.dedup();
        Self(hidden.into())
    }

    /// The text with what lies in the folders named by itself, and the folders named by their last part.
    pub(crate) fn tell<'a>(&self, text: &'a str) -> Cow<'a, str> {
        let mut told = Cow::Borrowed(text);
        for (folder, name) in &*self.0 {
            if told.contains(folder) {
                let inside = told.replace(&format!("{folder}/"), "");
                told = Cow::Owned(inside.replace(folder, name));
            }
        }
        told
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Discretion;

    #[test]
    fn folders_are_hidden_and_files_keep_their_names() {
        let folders = ["/srv/app/plugins", "/srv/app/plugins/.metadata", "/srv/we\"ird"].map(Path::new);
        let discretion = Discretion::about(&folders);
        for (text, told) in [
            ("nothing to hide", "nothing to hide"),
            (
                "both \"/srv/app/plugins/a.so\" and \"/srv/app/plugins/b.so\"",
                "both \"a.so\" and \"b.so\"",
            ),
            ("/srv/app/plugins is open to all", "plugins is open to all"),
            ("/srv/app/plugins/.metadata/config.json", "config.json"),
            ("\"/srv/app/plugins/.metadata\" is", "\".metadata\" is"),
            ("/srv/we\"ird/a", "a"),
            ("\"/srv/we\\\"ird/a\"", "\"a\""),
        ] {
            assert_eq!(discretion.tell(text), told);
        }
    }

    #[test]
    fn a_root_folder_hides_nothing() {
        assert_eq!(Discretion::about(&[Path::new("/")]).tell("/etc/x"), "/etc/x");
    }
}
