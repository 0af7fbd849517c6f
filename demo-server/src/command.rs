//! `demo-server user`: who may sign in, changed from the command line.

use std::io::{BufRead, IsTerminal, Write};

use anyhow::{Context, Result, bail};

use crate::auth::passwords::Password;
use crate::database::Database;
use crate::database::users::{self, Name, Removal, Role};
use crate::options::UserCommand;

/// A password, and whether it was made up just now.
#[derive(Clone, Debug)]
pub struct NewPassword {
    /// The password.
    pub password: Password,
    /// Whether nobody has seen it yet.
    pub is_new: bool,
}

/// Does what was asked for, and tells `output` about it.
///
/// # Errors
///
/// When that cannot be done, with the reason.
pub fn run(database: &Database, command: &UserCommand, output: &mut impl Write) -> Result<()> {
    match command {
        UserCommand::Add { name, role } => {
            let name = parse(name)?;
            let taken = || {
                format!(
                    "there is a user `{name}` already; `user password {name}` gives them another password"
                )
            };
            if database.with(|it| users::credential(it, &name))?.is_some() {
                bail!(taken());
            }
            let new = ask()?;
            let hash = new.password.hash()?;
            if !database.with(|it| users::add(it, &name, *role, &hash))? {
                bail!(taken());
            }
            writeln!(output, "added {name} ({})", role.as_str())?;
            new.tell(output)
        }
        UserCommand::List => {
            for (name, role) in database.with(|it| users::list(it))? {
                writeln!(output, "{name:<32} {}", role.as_str())?;
            }
            Ok(())
        }
        UserCommand::Password { name } => {
            let name = parse(name)?;
            if database.with(|it| users::credential(it, &name))?.is_none() {
                bail!(unknown(&name));
            }
            let new = ask()?;
            let hash = new.password.hash()?;
            if !database.with(|it| users::set_password(it, &name, &hash))? {
                bail!(unknown(&name));
            }
            writeln!(
                output,
                "changed the password of {name}, who is signed out everywhere"
            )?;
            new.tell(output)
        }
        UserCommand::Remove { name } => {
            let name = parse(name)?;
            match database.with(|it| users::remove(it, &name))? {
                Removal::Removed => writeln!(output, "removed {name}, who is signed out everywhere")?,
                Removal::Unknown => bail!(unknown(&name)),
                Removal::LastAdmin => {
                    bail!(
                        "{name} is the last administrator; add another one first: `user add NAME --role admin`"
                    )
                }
            }
            Ok(())
        }
    }
}

/// Makes the user `admin` with this password, else with one that is made up, unless somebody may manage plugins already.
/// `None` then.
///
/// # Errors
///
/// When the password is too short or the name is taken.
pub fn first_admin(database: &Database, given: Option<&str>) -> Result<Option<NewPassword>> {
    if database.with(|it| users::has_admin(it))? {
        return Ok(None);
    }
    let new = match given {
        Some(given) => NewPassword::given(given.to_owned()).context("TORU_DEMO_ADMIN_PASSWORD")?,
        None => NewPassword::generated()?,
    };
    let name = parse("admin")?;
    let hash = new.password.hash()?;
    if database.with(|it| users::add(it, &name, Role::Admin, &hash))? {
        return Ok(Some(new));
    }
    // Another server may have been faster.
    if database.with(|it| users::has_admin(it))? {
        return Ok(None);
    }
    bail!(
        "nobody may manage plugins, and `admin` is an ordinary user; add one: `demo-server user add NAME --role admin`"
    )
}

impl NewPassword {
    fn given(text: String) -> Result<Self> {
        let password = Password::chosen(text)?;
        Ok(Self {
            password,
            is_new: false,
        })
    }

    fn generated() -> Result<Self> {
        let password = Password::generate()?;
        Ok(Self {
            password,
            is_new: true,
        })
    }

    fn tell(&self, output: &mut impl Write) -> Result<()> {
        if self.is_new {
            writeln!(output, "password: {}  (shown this once)", self.password.reveal())?;
        }
        Ok(())
    }
}

fn parse(name: &str) -> Result<Name> {
    let reason = "a name has letters of a to z, digits, `.`, `_` and `-`, at most 32, begins with one of the first two, and is \
                  not `token`";
    Name::parse(name).context(reason)
}

fn unknown(name: &Name) -> String {
    format!("there is no user `{name}`; `user list` shows who there is")
}

/// Asks whoever sits there, else reads a line. One that is empty means that a password is to be made up.
fn ask() -> Result<NewPassword> {
    let input = std::io::stdin();
    let text = if input.is_terminal() {
        let text = rpassword::prompt_password("password (empty: one is made up): ")?;
        if !text.is_empty() && rpassword::prompt_password("again: ")? != text {
            bail!("that was not the same twice; nothing was changed");
        }
        text
    } else {
        let mut line = String::new();
        input.lock().read_line(&mut line)?;
        let end = line.trim_end_matches(['\r', '\n']).len();
        line.truncate(end);
        line
    };
    if text.is_empty() {
        NewPassword::generated()
    } else {
        NewPassword::given(text)
    }
}
