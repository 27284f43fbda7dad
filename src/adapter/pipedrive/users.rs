//! The company's users: who we are, who owns what, and whether we see everything of theirs.

use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::Api;
use super::company::Company;
use super::{endpoint, fields, person};
use crate::account::{Visibility, VisibilityLevels};
use crate::adapter::{Error, Kind};
use crate::clock::Moment;
use crate::contact::UserId;

/// The list of users (20 tokens) is read again for an unknown name, but not more often than this.
const REFRESH: Duration = Duration::from_mins(10);

/// The user of our credential, and the company.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Me {
    pub(super) id: UserId,
    /// An administrator of the sales app, who sees every person of the company.
    pub(super) admin: bool,
    pub(super) company_id: u64,
    pub(super) domain: String,
}

impl Me {
    pub(super) async fn fetch(api: &Api, cancel: &CancellationToken) -> Result<Self, Error> {
        let answer = api.send(api.to(&endpoint::ME), cancel).await?;
        Self::read(&answer.data)
            .ok_or_else(|| Api::malformed(&endpoint::ME, "the answer lacks id, company_id or company_domain"))
    }

    fn read(data: &Value) -> Option<Self> {
        let admin = data.get("access").and_then(Value::as_array).into_iter().flatten().any(|access| {
            access.get("app").and_then(Value::as_str) == Some("sales")
                && access.get("admin").and_then(Value::as_bool) == Some(true)
        });
        Some(Self {
            id: UserId(person::id(data, "id")?),
            admin,
            company_id: person::id(data, "company_id")?,
            domain: data.get("company_domain")?.as_str().filter(|d| !d.is_empty())?.to_owned(),
        })
    }
}

/// The list of users, when it was read.
#[derive(Debug, Default)]
pub(super) struct Users {
    read_at: Option<Moment>,
    users: Vec<User>,
}

#[derive(Debug)]
struct User {
    id: UserId,
    email: String,
    active: bool,
}

impl Users {
    pub(super) async fn fetch(api: &Api, cancel: &CancellationToken) -> Result<Self, Error> {
        let answer = api.send(api.to(&endpoint::USERS), cancel).await?;
        let list = answer.data.as_array().ok_or_else(|| Api::malformed(&endpoint::USERS, "`data` is no list"))?;
        let user = |user: &Value| {
            let active = user.get("active_flag").and_then(Value::as_bool).unwrap_or(true);
            let email = user.get("email")?.as_str()?.trim().to_owned();
            Some(User { id: UserId(person::id(user, "id")?), email, active })
        };
        Ok(Self { read_at: Some(api.clock.now()), users: list.iter().filter_map(user).collect() })
    }

    /// The user with this address; `Ok(None)` where it is unknown.
    fn find(&self, email: &str) -> Option<&User> {
        self.users.iter().find(|user| user.email.eq_ignore_ascii_case(email.trim()))
    }
}

impl Company {
    /// The user with this login address. Unknown or deactivated is an error that names it and the nearest known.
    pub async fn owner(&self, email: &str, cancel: &CancellationToken) -> Result<UserId, Error> {
        let mut users = self.users().lock().await;
        let now = self.api().clock.now();
        let fresh = users.read_at.is_some_and(|at| now.since(at) < REFRESH);
        if users.find(email).is_none_or(|user| !user.active) && !fresh {
            *users = Users::fetch(self.api(), cancel).await?;
        }
        match users.find(email) {
            Some(user) if user.active => Ok(user.id),
            Some(_) => Err(Error::new(
                Kind::Invalid,
                format!(
                    "owner = {email:?}: this Pipedrive user is deactivated; name an active user, or activate it again"
                ),
            )),
            None => Err(unknown(email, &users.users)),
        }
    }

    /// Whether a 404 proves that a person of this owner and visibility is gone, because our user would see it: an
    /// administrator sees all, everybody their own, and everybody what the whole company may see. In doubt: no.
    ///
    /// No source tells whether a deleted person answers 404 or `is_deleted`. Once the service was seen to do the latter, a
    /// 404 is more likely something hidden, and proves nothing.
    pub async fn sees_everything(
        &self,
        owner: UserId,
        visible_to: u8,
        cancel: &CancellationToken,
    ) -> Result<bool, Error> {
        if self.tells_deletions() {
            return Ok(false);
        }
        let me = self.me(cancel).await?;
        if me.admin || me.id == owner {
            return Ok(true);
        }
        let widest = |levels: VisibilityLevels| Visibility::Company.visible_to(levels);
        // Seven is the company wherever it exists; three is only where four levels are ruled out.
        Ok(match visible_to {
            7 => true,
            3 => self.levels(cancel).await.is_ok_and(|levels| widest(levels) == Some(3)),
            _ => false,
        })
    }
}

fn unknown(email: &str, users: &[User]) -> Error {
    let known: Vec<&str> = users.iter().filter(|user| user.active).map(|user| user.email.as_str()).collect();
    let near = fields::nearest(email, &known).map(|near| format!(" (did you mean {near:?}?)")).unwrap_or_default();
    let text = format!(
        "owner = {email:?}: no such user among the {} active ones of this Pipedrive company{near}; expected the login \
         address of a Pipedrive user, or ask an administrator to invite this one",
        known.len()
    );
    Error::new(Kind::Invalid, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn only_an_administrator_of_sales_sees_every_person() {
        let me = |app: &str, admin: bool| {
            let data =
                json!({"id": 1, "company_id": 2, "company_domain": "acme", "access": [{"app": app, "admin": admin}]});
            Me::read(&data).expect("complete").admin
        };
        assert!(me("sales", true));
        assert!(!me("sales", false));
        assert!(!me("account_settings", true));
    }

    #[test]
    fn an_unknown_owner_is_told_the_nearest() {
        let user = |email: &str, active| User { id: UserId(1), email: email.to_owned(), active };
        let users =
            [user("alice@acme.example", true), user("alicia@acme.example", false), user("bob@acme.example", true)];
        assert_eq!(
            unknown("alise@acme.example", &users).message,
            "owner = \"alise@acme.example\": no such user among the 2 active ones of this Pipedrive company (did you mean \
             \"alice@acme.example\"?); expected the login address of a Pipedrive user, or ask an administrator to invite this one"
        );
    }
}
