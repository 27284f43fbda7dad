//! Plans and held things in the words of the commands.

use crate::account::{AccountName, Direction};
use crate::contact::{Change, Contact};
use crate::link::{Link, LinkId, State};
use crate::plan::{self, Plan, Step};
use crate::reconcile::{Ended, Intended};
use crate::status::{AccountPlan, FieldLine, HeldItem, Outcome, PlanCounts, PlanStep};
use crate::store::AccountHold;

/// A plan as `carnetd plan` shows it.
pub(super) fn account_plan(account: &AccountName, intended: Result<Intended, Ended>) -> AccountPlan {
    match intended {
        Ok(Intended { plan, names, unreadable }) => {
            let held = !plan.refusals.is_empty();
            let message = (!unreadable.is_empty())
                .then(|| unreadable.iter().map(|(_, why)| why.clone()).collect::<Vec<_>>().join("\n"));
            AccountPlan {
                account: account.to_string(),
                outcome: if held { Outcome::Held } else { Outcome::Ok },
                message,
                refusals: plan.refusals.iter().map(ToString::to_string).collect(),
                digest: plan.digest().to_string(),
                counts: counts(&plan),
                steps: plan
                    .steps
                    .iter()
                    .zip(names)
                    .filter(|(s, _)| is_shown(s))
                    .map(|(s, name)| step(s, name))
                    .collect(),
            }
        }
        Err(ended) => AccountPlan {
            account: account.to_string(),
            outcome: outcome(&ended),
            message: message(&ended),
            refusals: Vec::new(),
            digest: if let Ended::Held(hold) = &ended { hold.digest.to_string() } else { String::new() },
            steps: Vec::new(),
            counts: PlanCounts::default(),
        },
    }
}

/// Steps that only renew what was last seen interest nobody.
fn is_shown(step: &Step) -> bool {
    step.writes() || !matches!(step.reason, plan::Reason::Seen)
}

fn counts(plan: &Plan) -> PlanCounts {
    let mut counts = PlanCounts::default();
    for step in &plan.steps {
        match action(step) {
            "create" => counts.added += 1,
            "update" => counts.updated += 1,
            "delete" => counts.deleted += 1,
            "hold" => counts.held += 1,
            "link" => counts.linked += 1,
            _ => {}
        }
    }
    counts
}

fn action(step: &Step) -> &'static str {
    let has = |is: fn(&Change) -> bool| step.writes.iter().any(|w| is(&w.change));
    if has(|c| matches!(c, Change::Delete { .. })) {
        "delete"
    } else if has(|c| matches!(c, Change::Create { .. })) {
        "create"
    } else if step.writes() {
        "update"
    } else {
        match step.reason {
            plan::Reason::Held(_) => "hold",
            plan::Reason::Dormant(_) => "sleep",
            plan::Reason::Matched => "link",
            _ => "note",
        }
    }
}

fn step(step: &Step, known: Option<String>) -> PlanStep {
    let side = step.writes.first().map(|write| match write.side {
        plan::Side::Provider => "provider".to_owned(),
        plan::Side::Pipedrive => "pipedrive".to_owned(),
    });
    let name = name(step).filter(|name| !name.is_empty()).or(known);
    let fields = step.lines().into_iter().map(|line| FieldLine {
        // Of what is deleted the name says more than that it is there.
        before: name.clone().filter(|_| is_deletion(&line)).or(Some(line.before)).filter(|text| !text.is_empty()),
        after: Some(line.after).filter(|text| !text.is_empty()),
        field: line.field,
    });
    PlanStep {
        action: action(step).to_owned(),
        side,
        reason: match &step.reason {
            plan::Reason::LinkedElsewhere(account) => format!("linked by account {account}: skipped"),
            plan::Reason::BeingLinked(account) => format!("account {account} is linking it now: left for later"),
            reason => reason.as_str().to_owned(),
        },
        fields: fields.collect(),
        contact: name.or_else(|| step.contact.as_ref().map(ToString::to_string)).unwrap_or_default(),
        person: step.person.map(|person| person.0),
        said: step.said.iter().map(|said| (*said).to_owned()).collect(),
        digest: step.digest().to_string(),
    }
}

/// What the link that is kept calls the contact.
fn name(step: &Step) -> Option<String> {
    if let plan::Then::Keep(link) = &step.then { linked_name(link) } else { None }
}

fn is_deletion(line: &plan::Line) -> bool {
    line.field == "contact" || line.field == "person"
}

/// An account that is held whole.
pub(super) fn held_account(account: &AccountName, hold: &AccountHold) -> HeldItem {
    HeldItem {
        account: account.to_string(),
        digest: hold.digest.to_string(),
        code: hold.code.clone(),
        what: hold.message.clone(),
        candidates: Vec::new(),
        confirming: confirming(hold).to_owned(),
        lines: Vec::new(),
        since: Some(hold.at.into()),
    }
}

/// What a yes to it does.
fn confirming(hold: &AccountHold) -> &'static str {
    match (hold.code.as_str(), hold.shown.is_empty()) {
        ("scope-changed", true) => "starts afresh with what is declared now; the old links are kept, and not used",
        ("scope-changed", false) => {
            "uses the owner, group and direction that are declared now, with the links and exactly the planned steps, or \
             fewer; anything beyond is refused anew"
        }
        _ => "lets exactly this plan through, or less; anything beyond it is refused anew",
    }
}

/// One contact or person that waits; `None` for a link that does not.
pub(super) fn held_link(account: &AccountName, id: LinkId, link: &Link) -> Option<HeldItem> {
    let State::Held(hold) = &link.state else { return None };
    let persons = hold.persons.iter().map(|person| format!("person {person}"));
    let contacts = hold.contacts.iter().map(|contact| format!("contact {contact}"));
    Some(HeldItem {
        account: account.to_string(),
        digest: plan::hold_digest(link)?.to_string(),
        code: hold.cause.as_str().to_owned(),
        what: format!("{}: {}", who(id, link), plan::hold_sentence(hold.cause)),
        candidates: persons.chain(contacts).collect(),
        confirming: what_it_does(plan::confirm_sentence(hold.cause)),
        lines: Vec::new(),
        since: None,
    })
}

/// A pair that sleeps, and what a yes would do; `None` for one that wakes only by itself.
pub(super) fn sleeping_link(account: &AccountName, id: LinkId, link: &Link, direction: Direction) -> Option<HeldItem> {
    let State::Dormant(cause) = link.state else { return None };
    Some(HeldItem {
        account: account.to_string(),
        digest: plan::hold_digest(link)?.to_string(),
        code: cause.as_str().to_owned(),
        what: format!("{}: it sleeps", who(id, link)),
        candidates: Vec::new(),
        confirming: what_it_does(plan::wake_sentence(cause, direction)?),
        lines: Vec::new(),
        since: None,
    })
}

/// Whoever shows it says before it that it is about confirming.
fn what_it_does(sentence: &str) -> String {
    sentence.trim_start_matches("confirm: ").to_owned()
}

fn who(id: LinkId, link: &Link) -> String {
    let name = |contact: &Contact| contact.shown_name().unwrap_or_else(|| format!("link {id}"));
    match (&link.contact, &link.person) {
        (Some(half), _) => format!("{} ({})", name(&half.seen), half.id),
        (None, Some(half)) => format!("{} (person {})", name(&half.seen), half.id),
        (None, None) => format!("link {id}"),
    }
}

/// What a link calls its contact, if it knows a name.
pub(super) fn linked_name(link: &Link) -> Option<String> {
    let contact = link.contact.as_ref().and_then(|half| half.seen.shown_name());
    contact.or_else(|| link.person.as_ref().and_then(|half| half.seen.shown_name()))
}

/// How a pass ended, in the commands' word.
pub(super) fn outcome(ended: &Ended) -> Outcome {
    match ended {
        Ended::Ok => Outcome::Ok,
        Ended::Held(_) => Outcome::Held,
        Ended::NeedsLogin(_) => Outcome::NeedsLogin,
        Ended::Later(..) | Ended::Cancelled => Outcome::Later,
        Ended::Unreachable(_) => Outcome::Unreachable,
        Ended::Failed(_) => Outcome::Failed,
    }
}

/// Why, where there is something to say.
pub(super) fn message(ended: &Ended) -> Option<String> {
    match ended {
        Ended::Ok => None,
        Ended::Held(hold) => Some(hold.message.clone()),
        Ended::NeedsLogin(message)
        | Ended::Later(message, _)
        | Ended::Unreachable(message)
        | Ended::Failed(message) => Some(message.clone()),
        Ended::Cancelled => Some("carnetd is stopping".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Moment;
    use crate::contact::{ContactId, Digest, Revision};
    use crate::link::{ContactHalf, Hold, HoldCause};

    #[test]
    fn what_is_held_says_each_thing_once() {
        let alice = AccountName::new("alice").expect("a name");
        let message = "5 deletions planned: 50.0 % of 10".to_owned();
        let hold = AccountHold {
            code: "deletions".into(),
            message,
            digest: Digest::of(["x"]),
            shown: Vec::new(),
            at: Moment(0),
        };
        let item = held_account(&alice, &hold);
        assert_eq!((item.what.as_str(), item.lines.len()), ("5 deletions planned: 50.0 % of 10", 0));
        let hold = Hold { cause: HoldCause::NameAlone, persons: Vec::new(), contacts: Vec::new() };
        let id = ContactId("a.vcf".into());
        let (revision, seen) = (Revision("1".into()), Contact::default());
        let half = ContactHalf { id, stable: None, revision, seen: seen.into(), joined: true };
        let item = held_link(&alice, LinkId(1), &Link::half(State::Held(hold), Some(half), None)).expect("it waits");
        assert_eq!(item.confirming, "they are different; it is created on the other side");
    }
}
