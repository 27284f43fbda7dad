//! The online half of `check`: whether what was declared is there, asked of the services now.

use super::engine::Engine;
use crate::account::{AccountName, Group};
use crate::adapter::{Error, Kind};
use crate::reconcile::{Member, Shared};
use crate::status::Finding;

impl Engine {
    /// Logins, groups, owners, visibility. What a running daemon remembers is no answer: everything is asked anew.
    pub(super) async fn check(&self) -> Vec<Finding> {
        let shared = match self.shared().await {
            Ok(shared) => shared,
            Err(error) => return vec![finding(None, Err(error))],
        };
        let mut findings = Vec::new();
        match shared.company.ask(&self.cancel).await {
            Ok(()) => findings.push(finding(None, Ok(format!("Pipedrive company {}", shared.company.domain())))),
            Err(error) => {
                self.keep_used(&shared).await;
                return vec![finding(None, Err(error))];
            }
        }
        for name in self.meant(None).unwrap_or_default() {
            let member = self.state().accounts.get(&name).map(|standing| standing.member.clone());
            let result = match member {
                Some(Ok(member)) => self.check_account(&shared, &member).await,
                Some(Err(error)) => Err(error),
                None => continue,
            };
            findings.push(finding(Some(&name), result));
        }
        self.keep_used(&shared).await;
        findings
    }

    async fn check_account(&self, shared: &Shared, member: &Member) -> Result<String, Error> {
        let (name, owner, group) = (&member.name, &member.declared.owner, &member.declared.group);
        shared.company.owner(owner, &self.cancel).await?;
        let seat = member.seat(shared, &self.cancel).await?;
        let groups = member.provider.groups(&self.cancel).await?;
        if let Group::Named(wanted) = group
            && !groups.contains(wanted)
        {
            let message = format!("the group \"{wanted}\" is not there; `carnetd groups {name}` lists what is");
            return Err(Error::new(Kind::Group, message));
        }
        let proof = if shared.company.sees_everything(seat.owner, seat.visible_to, &self.cancel).await? {
            ""
        } else {
            "; the token does not see everything of this owner, so persons that are not found are held as \"gone or hidden\""
        };
        Ok(format!("owner {owner}, group {}{proof}", group.as_str()))
    }
}

fn finding(account: Option<&AccountName>, result: Result<String, Error>) -> Finding {
    Finding {
        account: account.map(ToString::to_string),
        ok: result.is_ok(),
        message: result.unwrap_or_else(|error| error.message),
        help: None,
    }
}
