//! The guard: a plan's own "no", with its numbers. It judges before witnesses are read.

use std::collections::BTreeMap;
use std::fmt;

use super::input::{Input, Rescoped};
use super::step::{Plan, Refusal, Side, Step, Then};
use crate::account::{AccountName, Share};
use crate::contact::{Change, Digest, ElementChange, Field, FieldChange};
use crate::link::Link;

/// So few deletions, or emptied fields, are never too many.
const FEW: u64 = 3;
/// More creations in the provider's book than this, and more than [`CREATIONS_SHARE`] of the group, are too many.
const CREATIONS: u64 = 100;
/// In percent.
const CREATIONS_SHARE: u64 = 25;

/// Judges a plan: it gets the refusals that nobody has allowed.
pub(super) fn judged(input: &Input<'_>, mut plan: Plan) -> Plan {
    let mut refusals = deletions(input, &plan);
    refusals.extend(empties(input, &plan));
    refusals.extend(creations(input, &plan));
    refusals.extend(emptied(input));
    refusals.extend(wider(input, &plan));
    refusals.extend(scope_changed(input, &plan));
    plan.refusals = refusals;
    if input.confirmed.contains(&plan.digest()) {
        plan.refusals.clear();
    }
    let Plan { steps, refusals } = &mut plan;
    refusals.retain(|refusal| !allowed(input, steps, refusal));
    plan
}

/// Whether every step for whose sake it refuses was allowed, and there is one; of a change of scope, that very change, and
/// no step that was not.
fn allowed(input: &Input<'_>, steps: &[Step], refusal: &Refusal) -> bool {
    let mut about = steps.iter().filter(|step| refusal.is_about(step)).peekable();
    let meant = match refusal {
        Refusal::ScopeChanged { change, .. } => input.confirmed.contains(&change.digest()),
        _ => about.peek().is_some(),
    };
    meant && about.all(|step| input.confirmed.contains(&step.digest()))
}

fn deletions(input: &Input<'_>, plan: &Plan) -> Vec<Refusal> {
    let (policy, ledger) = (input.policy, &input.ledger);
    let planned = count(plan, Step::deletes);
    let judge = |done: u64, links: u64, company: bool| {
        let all = planned.saturating_add(done);
        let share = all > FEW && policy.max_delete.is_exceeded_by(all, links);
        let too_many = planned > 0 && (share || all > policy.max_delete_count);
        let (max, max_count) = (policy.max_delete, policy.max_delete_count);
        too_many.then_some(Refusal::Deletions { planned, done, links, max, max_count, company })
    };
    let own = judge(ledger.deleted, ledger.links, false);
    let company = judge(ledger.company_deleted, ledger.company_links, true);
    // With one account both say the same.
    let alone = (ledger.deleted, ledger.links) == (ledger.company_deleted, ledger.company_links);
    own.into_iter().chain(company.filter(|_| !alone)).collect()
}

fn empties(input: &Input<'_>, plan: &Plan) -> Vec<Refusal> {
    let (max, links) = (input.policy.max_delete, input.ledger.links);
    let mut counts: BTreeMap<Field, u64> = BTreeMap::new();
    for step in &plan.steps {
        for field in step.empties() {
            *counts.entry(field).or_default() += 1;
        }
    }
    let too_many = |&(_, count): &(Field, u64)| count > FEW && max.is_exceeded_by(count, links);
    counts.into_iter().filter(too_many).map(|(field, count)| Refusal::Empties { field, count, links, max }).collect()
}

fn creations(input: &Input<'_>, plan: &Plan) -> Option<Refusal> {
    let (count, group) = (count(plan, Step::creates_contact), input.ledger.group);
    let share = count.saturating_mul(100) > group.saturating_mul(CREATIONS_SHARE);
    (count > CREATIONS && share).then_some(Refusal::Creations { count, group })
}

fn emptied(input: &Input<'_>) -> Vec<Refusal> {
    let sides = [(input.ledger.provider_emptied, Side::Provider), (input.ledger.pipedrive_emptied, Side::Pipedrive)];
    let links = input.ledger.links;
    sides.into_iter().filter(|&(is, _)| is).map(|(_, side)| Refusal::Emptied { side, links }).collect()
}

fn wider(input: &Input<'_>, plan: &Plan) -> Option<Refusal> {
    let count = count(plan, |step| step.wider);
    (count > 0 && !input.ledger.wider_accepted).then_some(Refusal::Wider { count })
}

fn scope_changed(input: &Input<'_>, plan: &Plan) -> Option<Refusal> {
    let (writes, change) = (count(plan, Step::writes), input.ledger.scope_changed.as_ref()?);
    // Where nothing was ever linked there is nothing that a slip could take apart: it is a first pass like any other.
    (change.links() > 0).then(|| Refusal::ScopeChanged { change: Box::new(change.clone()), writes })
}

fn count(plan: &Plan, is: impl Fn(&Step) -> bool) -> u64 {
    plan.steps.iter().filter(|step| is(step)).count() as u64
}

impl Step {
    fn creates_contact(&self) -> bool {
        self.writes.iter().any(|w| w.side == Side::Provider && matches!(w.change, Change::Create { .. }))
    }

    /// The fields of which it takes the last value.
    fn empties(&self) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for write in &self.writes {
            let Change::Patch { fields: changes, .. } = &write.change else { continue };
            let takes = |change: &FieldChange| match change {
                FieldChange::Text { field, after: None, .. } => Some(*field),
                FieldChange::Birthday { after: None, .. } => Some(Field::Birthday),
                FieldChange::Address { after: None, .. } => Some(Field::Addresses),
                FieldChange::Element { field, change: ElementChange::Remove(_) } => {
                    let kept = self.kept_elements(write.side, *field, changes);
                    (!kept).then_some(*field)
                }
                _ => None,
            };
            fields.extend(changes.iter().filter_map(takes));
        }
        fields.sort_unstable();
        fields.dedup();
        fields
    }

    /// Whether a list that loses elements keeps, or gets, any.
    fn kept_elements(&self, side: Side, field: Field, changes: &[FieldChange]) -> bool {
        let Then::Keep(link) = &self.then else { return false };
        let seen = |link: &Link| match side {
            Side::Provider => link.contact.as_ref().map(|h| (*h.seen).clone()),
            Side::Pipedrive => link.person.as_ref().map(|h| (*h.seen).clone()),
        };
        seen(link).is_some_and(|mut contact| {
            changes.iter().filter(|c| c.field() == Some(field)).for_each(|c| c.apply(&mut contact));
            !contact.is_empty(field)
        })
    }
}

impl Refusal {
    /// Whether a step is one for whose sake the plan refuses itself.
    pub(super) fn is_about(&self, step: &Step) -> bool {
        match self {
            Self::Deletions { .. } => step.deletes(),
            Self::Empties { field, .. } => step.empties().contains(field),
            Self::Creations { .. } => step.creates_contact(),
            Self::Emptied { .. } => step.absence || step.deletes(),
            Self::Wider { .. } => step.wider,
            Self::ScopeChanged { .. } => step.writes(),
        }
    }
}

impl Refusal {
    /// A fixed word for JSON, logs and metrics.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Deletions { company: false, .. } => "deletions",
            Self::Deletions { company: true, .. } => "deletions-company",
            Self::Empties { .. } => "empties",
            Self::Creations { .. } => "creations",
            Self::Emptied { .. } => "emptied",
            Self::Wider { .. } => "wider-visibility",
            Self::ScopeChanged { .. } => "scope-changed",
        }
    }
}

impl fmt::Display for Refusal {
    /// The numbers and what they were held against. What to do about it: [`Plan::advice`].
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Deletions { planned, done, links, max, max_count, company } => {
                let all = planned.saturating_add(*done);
                let whose = if *company { "the whole company's links" } else { "the account's links" };
                write!(f, "{planned} deletions planned")?;
                if *done > 0 {
                    let done_by = if *company { "done or under way" } else { "done" };
                    write!(f, " and {done} {done_by} in the last 24 hours")?;
                }
                let percent = percent(all, *links);
                write!(f, ": {percent} of {links} ({whose}); allowed: {} or {max_count} in 24 hours", share(*max))
            }
            Self::Empties { field, count, links, max } => {
                let (percent, max) = (percent(*count, *links), share(*max));
                write!(
                    f,
                    "the field \"{field}\" would be emptied on {count} of {links} links: {percent}; allowed: {max}"
                )
            }
            Self::Creations { count, group } => write!(
                f,
                "{count} contacts would be created in a group of {group}: {}; allowed: {CREATIONS_SHARE} % or {CREATIONS}",
                percent(*count, *group)
            ),
            Self::Emptied { side: Side::Provider, links } => {
                write!(f, "the provider's group shows no contact any more, but {links} are linked")
            }
            Self::Emptied { side: Side::Pipedrive, links } => {
                write!(f, "Pipedrive shows no person any more, but {links} are linked")
            }
            Self::Wider { count } => {
                write!(f, "{count} existing persons that would be written are visible to more people than declared")
            }
            Self::ScopeChanged { change, writes } => write!(f, "{change}, and {writes} steps would write"),
        }
    }
}

impl Rescoped {
    /// Links that are kept.
    fn links(&self) -> u64 {
        self.active.saturating_add(self.dormant).saturating_add(self.held)
    }

    /// A name for exactly this change, whatever its numbers.
    pub fn digest(&self) -> Digest {
        Digest::of(["scope", &format!("{:?} {:?} {:?}", self.was, self.now, self.since)])
    }
}

impl fmt::Display for Rescoped {
    /// `group changed from "Clients" to "*": 5 links are kept (2 of them asleep)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (was, now) = (&self.was, &self.now);
        let changes = [
            ("owner", was.owner.as_str(), now.owner.as_str()),
            ("group", was.group.as_str(), now.group.as_str()),
            ("direction", was.direction.as_str(), now.direction.as_str()),
        ];
        let changes = changes.iter().filter(|(_, was, now)| was != now);
        let changes = changes.map(|(what, was, now)| format!("{what} changed from \"{was}\" to \"{now}\""));
        write!(f, "{}: {} links are kept", changes.collect::<Vec<_>>().join(", "), self.links())?;
        let apart = [(self.dormant, "asleep"), (self.held, "held")];
        let apart: Vec<String> =
            apart.iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} of them {what}")).collect();
        if apart.is_empty() { Ok(()) } else { write!(f, " ({})", apart.join(", ")) }
    }
}

impl Plan {
    /// Why it refuses itself and what to do, for a human being; `None` where it does not refuse.
    pub fn advice(&self, account: &AccountName) -> Option<String> {
        let reasons: Vec<String> = self.refusals.iter().map(ToString::to_string).collect();
        (!reasons.is_empty()).then(|| {
            format!(
                "nothing was written: {}. Look at it with `carnetd plan {account}`; if it is meant, allow it with \
                 `carnetd confirm {account} {}`",
                reasons.join("; "),
                self.digest()
            )
        })
    }
}

fn percent(part: u64, whole: u64) -> String {
    match (u128::from(part) * 1000).checked_div(u128::from(whole)) {
        Some(tenths) => format!("{}.{} %", tenths / 10, tenths % 10),
        None => "all".into(),
    }
}

fn share(share: Share) -> String {
    format!("{} %", share.as_percent())
}
