//! Who calls: `sandbox:EMAIL` as an API or bearer token, or an access token of the OAuth server.

use axum::http::{HeaderMap, header};

use super::company::{Company, Record};
use super::limit::Credential;
use super::refusal::Refusal;
use super::users::User;
use crate::clock::Moment;

/// The caller of a request; a user who was never seen before springs into being. 401 for anybody else.
pub(super) fn identify(company: &mut Company, headers: &HeaderMap, now: Moment) -> Result<Credential, Refusal> {
    let text = |name| headers.get(name).and_then(|value: &axum::http::HeaderValue| value.to_str().ok());
    let bearer = text(header::AUTHORIZATION.as_str()).and_then(|value| {
        let (scheme, token) = value.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then_some(token.trim())
    });
    let token = text("x-api-token").or(bearer).ok_or_else(|| Refusal::of_status(401))?;
    let who = match token.strip_prefix("sandbox:") {
        Some(email) => Credential { user: company.user(email, now)?, oauth: false },
        None => granted(company, token, now)?,
    };
    if company.is_active(who.user) { Ok(who) } else { Err(Refusal::of_status(401)) }
}

fn granted(company: &Company, token: &str, now: Moment) -> Result<Credential, Refusal> {
    let user = company.grants.values().find_map(|grant| grant.allows(token, now).then_some(grant.user));
    user.map(|user| Credential { user, oauth: true }).ok_or_else(|| Refusal::of_status(401))
}

impl Company {
    /// The user with this e-mail address, who springs into being where there is none. 401 where it is no address.
    pub(super) fn user(&mut self, email: &str, now: Moment) -> Result<u64, Refusal> {
        let email = email.trim().to_lowercase();
        if let Some(id) = self.user_id(&email) {
            return Ok(id);
        }
        if !email.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty()) {
            return Err(Refusal::of_status(401));
        }
        let id = self.users.last_key_value().map_or(1, |(id, _)| id + 1);
        self.commit(vec![Record::User(User { id, email, created: now.0.div_euclid(1000) })])?;
        Ok(id)
    }
}
