//! Who may sign in.

use std::fmt;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior};

use crate::auth::token;

/// Longest name, in characters.
const NAME_MAX: usize = 32;

/// The name of a user: letters of `a` to `z`, digits, `.`, `_` and `-`, at most 32. Capitals mean the same.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Name(String);

impl Name {
    /// Reads a name. `None` for what nobody can be called.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let may = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
        // Plugins are told that name of whoever knows the token.
        let is_free = !text.eq_ignore_ascii_case(token::NAME);
        let starts_well = text
            .bytes()
            .next()
            .is_some_and(|byte| byte.is_ascii_alphanumeric());
        (is_free && starts_well && text.len() <= NAME_MAX && text.bytes().all(may))
            .then(|| Self(text.to_ascii_lowercase()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Role {
    /// Use plugins, and turn them on and off.
    Admin,
    /// Use plugins.
    User,
}

impl Role {
    /// The role's name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::User => "user",
        }
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(self.as_str().into())
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        match value.as_str()? {
            "admin" => Ok(Self::Admin),
            "user" => Ok(Self::User),
            _ => Err(FromSqlError::InvalidType),
        }
    }
}

/// What a sign-in is held against.
#[derive(Clone)]
pub struct Credential {
    /// The user's number, which nobody else gets.
    pub user: i64,
    /// Which password of theirs it is.
    pub version: i64,
    /// What they may do.
    pub role: Role,
    /// The password's hash.
    pub password: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("user", &self.user)
            .finish_non_exhaustive()
    }
}

/// What became of a removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Removal {
    /// They are gone, and their sessions with them.
    Removed,
    /// There is nobody of that name.
    Unknown,
    /// Nobody else could manage plugins or users then.
    LastAdmin,
}

/// Adds a user; `false` if the name is taken.
///
/// # Errors
///
/// When the database cannot be written.
pub fn add(connection: &Connection, name: &Name, role: Role, password_hash: &str) -> rusqlite::Result<bool> {
    let sql = "INSERT INTO users (name, role, password) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
    Ok(connection.execute(sql, (name.as_str(), role, password_hash))? == 1)
}

/// Whether anybody may manage plugins.
///
/// # Errors
///
/// When the database cannot be read.
pub fn has_admin(connection: &Connection) -> rusqlite::Result<bool> {
    let sql = "SELECT EXISTS (SELECT 1 FROM users WHERE role = 'admin')";
    connection.query_row(sql, [], |row| row.get(0))
}

/// All users, by name.
///
/// # Errors
///
/// When the database cannot be read.
pub fn list(connection: &Connection) -> rusqlite::Result<Vec<(String, Role)>> {
    let mut users = connection.prepare("SELECT name, role FROM users ORDER BY name")?;
    let users = users.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
    users.collect()
}

/// What the user of that name signs in with.
///
/// # Errors
///
/// When the database cannot be read.
pub fn credential(connection: &Connection, name: &Name) -> rusqlite::Result<Option<Credential>> {
    let sql = "SELECT id, version, role, password FROM users WHERE name = ?1";
    let mut users = connection.prepare_cached(sql)?;
    let found = users.query_row([name.as_str()], |row| {
        Ok(Credential {
            user: row.get(0)?,
            version: row.get(1)?,
            role: row.get(2)?,
            password: row.get(3)?,
        })
    });
    found.optional()
}

/// Gives a user another password and ends their sessions; `false` if there is nobody of that name.
///
/// # Errors
///
/// When the database cannot be written.
pub fn set_password(connection: &mut Connection, name: &Name, hash: &str) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "UPDATE users SET password = ?2, version = version + 1 WHERE name = ?1";
    let is_known = transaction.execute(sql, [name.as_str(), hash])? == 1;
    let sql = "DELETE FROM sessions WHERE user = (SELECT id FROM users WHERE name = ?1)";
    transaction.execute(sql, [name.as_str()])?;
    transaction.commit()?;
    Ok(is_known)
}

/// Removes a user and their sessions, unless nobody else is an administrator.
///
/// # Errors
///
/// When the database cannot be written.
pub fn remove(connection: &mut Connection, name: &Name) -> rusqlite::Result<Removal> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let removed = transaction.execute("DELETE FROM users WHERE name = ?1", [name.as_str()])?;
    if removed == 0 {
        return Ok(Removal::Unknown);
    }
    if !has_admin(&transaction)? {
        return Ok(Removal::LastAdmin);
    }
    transaction.commit()?;
    Ok(Removal::Removed)
}

#[cfg(test)]
mod tests {
    use super::{Name, Removal, Role, add, list, remove};
    use crate::database::Database;

    #[test]
    fn names_are_short_and_plain_and_capitals_mean_the_same() {
        assert_eq!(Name::parse("Ada.L-1_x"), Name::parse("ada.l-1_x"));
        for text in ["", ".a", "-a", "a b", "a/b", "ä", "a\n", "Token", &"a".repeat(33)] {
            assert_eq!(Name::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn the_last_administrator_stays() {
        let folder = tempfile::tempdir().unwrap();
        let database = Database::open(folder.path()).unwrap();
        let name = |text| Name::parse(text).unwrap();
        database
            .with(|it| {
                assert!(add(it, &name("a"), Role::Admin, "")?);
                assert!(!add(it, &name("A"), Role::User, "")?, "taken");
                assert!(add(it, &name("b"), Role::User, "")?);
                assert_eq!(remove(it, &name("a"))?, Removal::LastAdmin);
                assert_eq!(remove(it, &name("c"))?, Removal::Unknown);
                assert_eq!(remove(it, &name("b"))?, Removal::Removed);
                assert_eq!(list(it)?, [("a".to_owned(), Role::Admin)]);
                Ok(())
            })
            .unwrap();
    }
}
