//! What people may ask about logins.

use std::sync::Arc;

use url::Url;

use crate::account::AccountName;
use crate::daemon::connect::refused;
use crate::daemon::engine::Engine;
use crate::status::{LoggedIn, LoginLink, LoginStarted, Refused, RefusedKind, Who};

impl Engine {
    /// Starts a login in a browser, whose answer comes back to `redirect`.
    pub(in crate::daemon) fn start_login(&self, who: &Who, redirect: &Url) -> Result<LoginStarted, Refused> {
        let client = self.client().map_err(|error| refused(&error))?;
        self.logins.start(&self.config(), who, redirect, &client)
    }

    /// Ends a login. Once it is begun it is done, whether or not somebody still waits for it: its code is good once.
    pub(in crate::daemon) async fn finish_login(
        self: &Arc<Self>,
        state: &str,
        code: &str,
    ) -> Result<(Who, LoggedIn), Refused> {
        let (engine, state, code) = (Arc::clone(self), state.to_owned(), code.to_owned());
        let finishing = tokio::spawn(async move {
            let client = engine.client().map_err(|error| refused(&error))?;
            let finished = engine.logins.finish(&engine.config(), (&state, &code), &client).await;
            finished.inspect(|(_, login)| tracing::info!("{} has a new login", login.what))
        });
        finishing.await.unwrap_or_else(|error| Err(Refused::new(RefusedKind::Failed, error.to_string())))
    }

    /// Makes a link that can be mailed.
    pub(in crate::daemon) async fn link_login(&self, account: &AccountName) -> Result<LoginLink, Refused> {
        self.logins.link(&self.config(), account).await
    }

    /// Starts the login that a link is for.
    pub(in crate::daemon) async fn follow_link(&self, secret: &str) -> Result<LoginStarted, Refused> {
        let client = self.client().map_err(|error| refused(&error))?;
        self.logins.follow(&self.config(), secret, &client).await
    }
}
