//! Who may do what: administrators and whoever knows the token everything, users all but managing plugins.

use std::sync::Arc;

use anyhow::Result;
use axum::http::request::Parts;
use toru_axum::{Access, Authorization, Authorizer, Identity, Refusal};
use tower_sessions::session::{self as tower_session, Id};
use tower_sessions::{Session, SessionStore, session_store};

use self::cookie::SessionCookie;
use self::token::Token;
use crate::database::sessions::{MEMBER, Member, OUTDATED, PROOF, Proof, Sessions};
use crate::database::users::Role;

pub mod cookie;
mod origin;
pub mod passwords;
pub mod peer;
pub mod queue;
pub mod session;
pub mod sign_in;
pub mod streams;
pub mod throttle;
pub mod token;

/// Finds out who a request is from: by the token, or by the cookie of a session.
#[derive(Clone, Debug)]
pub struct Gatekeeper {
    token: Token,
    cookie: SessionCookie,
    sessions: Arc<Sessions>,
}

/// Who a request is from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Visitor {
    /// Whoever knows the token.
    Token,
    /// Somebody who is signed in.
    Member(Member),
}

impl Gatekeeper {
    /// Lets those in who know `token` or have a session.
    #[must_use]
    pub fn new(token: Token, cookie: SessionCookie, sessions: Sessions) -> Self {
        Self {
            token,
            cookie,
            sessions: Arc::new(sessions),
        }
    }

    /// Where it is kept who is signed in.
    #[must_use]
    pub fn sessions(&self) -> &Sessions {
        &self.sessions
    }

    /// Whether a request carries the token.
    #[must_use]
    pub fn has_token(&self, head: &Parts) -> bool {
        self.token.is_in(head)
    }

    /// Who a request is from; `None` for nobody who is known.
    ///
    /// # Errors
    ///
    /// When the sessions cannot be read.
    pub async fn visitor(&self, head: &Parts) -> Result<Option<Visitor>> {
        if self.token.is_in(head) {
            return Ok(Some(Visitor::Token));
        }
        let Some(id) = self.cookie.id(head) else {
            return Ok(None);
        };
        Ok(self.member(id).await?.map(Visitor::Member))
    }

    /// Starts a session. Its id is new, whatever the request came with; the session of before has ended. `None` when the user
    /// is gone or has another password by now: that ends nothing.
    ///
    /// # Errors
    ///
    /// When the sessions cannot be written.
    async fn start(&self, head: &Parts, proof: Proof) -> Result<Option<Session>> {
        let session = Session::new(None, Arc::clone(&self.sessions), None);
        session.insert(PROOF, proof).await?;
        match session.save().await {
            Err(tower_session::Error::Store(session_store::Error::Backend(reason))) if reason == OUTDATED => {
                return Ok(None);
            }
            saved => saved?,
        }
        self.end(head).await?;
        Ok(Some(session))
    }

    /// Ends the session that a request came with, if there is one; of several, all.
    async fn end(&self, head: &Parts) -> Result<()> {
        for id in self.cookie.ids(head) {
            self.sessions.delete(&id).await?;
        }
        Ok(())
    }
}

impl Authorizer for Gatekeeper {
    fn authorize(&self, head: &Parts, access: Access<'_>) -> Authorization {
        if self.token.is_in(head) {
            return Authorization::allow(self.token.identity());
        }
        let Some(id) = self.cookie.id(head) else {
            return Authorization::refuse(Refusal::Unauthenticated);
        };
        let gatekeeper = self.clone();
        // Whatever else there will be is for administrators as well.
        let is_for_all = matches!(access, Access::Read | Access::Use { .. });
        let managed = (!is_for_all).then(|| format!("{} {}", head.method, head.uri.path()));
        Authorization::decide(async move { gatekeeper.decide(id, managed).await })
    }
}

impl Gatekeeper {
    /// `managed` is what is to be managed, if anything.
    async fn decide(&self, id: Id, managed: Option<String>) -> Result<Identity, Refusal> {
        let member = match self.member(id).await {
            Ok(member) => member.ok_or(Refusal::Unauthenticated)?,
            Err(error) => {
                tracing::error!("sessions cannot be read: {error:#}");
                return Err(Refusal::Unauthenticated);
            }
        };
        if let Some(managed) = managed {
            if member.role != Role::Admin.as_str() {
                return Err(Refusal::Forbidden);
            }
            tracing::info!(user = member.name, managed, "an administrator is at work");
        }
        // No explicit credential: browsers send cookies by themselves.
        Ok(Identity::user(&member.name).with_role(&member.role))
    }

    async fn member(&self, id: Id) -> Result<Option<Member>> {
        let session = Session::new(Some(id), Arc::clone(&self.sessions), None);
        Ok(session.get(MEMBER).await?)
    }
}
