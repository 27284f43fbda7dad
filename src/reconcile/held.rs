//! Why an account waits whole, and what human beings have allowed.

use std::collections::BTreeSet;

use super::ledger::LAPSE;
use super::pass::{Pass, Stop};
use crate::account::{Scope, ScopeChange};
use crate::contact::Digest;
use crate::plan::{Plan, Refusal, Step};
use crate::store::{AccountHold, Checkpoint, CheckpointId, Confirmation, View};

impl Pass<'_> {
    /// What human beings have allowed less than a day ago.
    pub(super) fn confirmed(&self, view: &View, checkpoint: CheckpointId) -> Result<BTreeSet<Digest>, Stop> {
        let now = self.shared.clock.now();
        let all = view.confirmations(checkpoint)?;
        let fresh = all.into_iter().filter(|c: &Confirmation| now.since(c.at) < LAPSE);
        Ok(fresh.flat_map(|c| c.steps.into_iter().chain([c.digest])).collect())
    }

    /// A plan that refused itself, as it is kept and shown.
    pub(super) fn hold(&self, plan: &Plan) -> AccountHold {
        let refusals: Vec<String> = plan.refusals.iter().map(ToString::to_string).collect();
        let digest = plan.digest();
        AccountHold {
            code: plan.refusals.first().map_or("refused", Refusal::code).to_owned(),
            message: refusals.join("; "),
            digest,
            shown: plan.steps.iter().filter(|s| s.writes()).map(Step::digest).chain(plan.allows()).collect(),
            at: self.shared.clock.now(),
        }
    }

    /// Another company, provider or book under the same name.
    pub(super) fn foreign(&self, view: &View, id: CheckpointId, stored: &Checkpoint) -> Result<Box<AccountHold>, Stop> {
        let declared = self.member.scope(&self.shared.company);
        debug_assert_eq!(stored.scope.change(&declared), ScopeChange::Foreign);
        let links = view.counts(id)?.active;
        let what = |scope: &Scope| {
            format!("{} {} with Pipedrive company {}", scope.provider.as_str(), scope.book, scope.company)
        };
        let message = format!(
            "scope changed: the {links} links kept for this account describe {}, but the configuration now says {}; nothing was \
             written. Put the old value back, or confirm to start afresh (the old links are kept)",
            what(&stored.scope),
            what(&declared)
        );
        let digest = Digest::of(["scope", &message]);
        let at = self.shared.clock.now();
        Ok(Box::new(AccountHold { code: "scope-changed".into(), message, digest, shown: Vec::new(), at }))
    }
}
