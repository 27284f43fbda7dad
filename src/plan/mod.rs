//! What a pass decides: pure functions of the base, both sides and a policy.
//!
//! No `Result` here: what is not to be done is a value ([`Refusal`], [`Reason::Held`]). No I/O, no clock, no chance. Who
//! observes and who writes: [`crate::reconcile`].
//!
//! A pass plans twice. The first [`plan`] sees no witnesses: what it would delete, or concludes from an absence, is in
//! it, so that the guard can count it, but [`Step::needs_witness`] says what has to be read first. With that in
//! [`Row::witness`] the pass plans the same rows again, and that plan is carried out: what could not be read is not in it
//! and stays for later. It may refuse itself as well, where a witness revealed more than the first plan could count. A
//! step that still needs a witness is never carried out.
//!
//! [`Input::confirmed`] holds what a human being allowed: digests of steps ([`Plan::allows`]), of a whole plan
//! ([`Plan::digest`]), and of what waits or sleeps ([`hold_digest`]). A refusal is waived where all steps for whose sake
//! it refuses are allowed. What waits goes on as [`confirm_sentence`] says: alike but different is created apart, merged
//! or hidden counts as deleted, open deals do not hold a deletion up; somebody else's person is never deleted.
//!
//! | file | what is there |
//! |---|---|
//! | `input`, `step` | what goes in, what comes out |
//! | `sight`, `case` | what a row comes to; what the rows of a pass claim from each other |
//! | `decide`, `fresh` | the decision table: pairs, and what has no other half yet |
//! | `matching` | evidence that something new is somebody known |
//! | `join` | the steps that bring two halves together |
//! | `merge`, `element`, `name`, `address` | field by field |
//! | `guard`, `hold`, `show` | refusals, waits, and how people read them |

mod address;
mod case;
mod decide;
mod element;
mod fresh;
mod guard;
mod hold;
mod input;
mod join;
mod matching;
mod merge;
mod name;
mod show;
mod sight;
mod step;
#[cfg(test)]
mod tests;

pub use address::follow;
pub use hold::{confirm_sentence, hold_digest, hold_sentence, wake_sentence};
pub use input::{
    ContactNow, ContactSight, ContactWitness, Directory, Input, Ledger, PersonNow, PersonSight, PersonWitness,
    Rescoped, Row, Taken, Witness,
};
pub use matching::is_same_human;
pub use show::Line;
pub use step::{Counts, Plan, Reason, Refusal, Side, SideCounts, Step, Then, WitnessNeeded, Write};

use case::{Case, Claims};

/// Decides every row, and judges the whole.
///
/// Costs time by the rows and what the directory answers about them, never by the number of links.
pub fn plan(input: &Input<'_>) -> Plan {
    let claims = Claims::of(input);
    let decide = |row| Case { input, claims: &claims, row }.decide();
    let mut steps: Vec<Step> = input.rows.iter().filter_map(decide).collect();
    steps.sort_by(|a, b| {
        let order = |step: &Step| (step.deletes(), step.contact.is_none());
        order(a).cmp(&order(b)).then_with(|| (&a.contact, a.person, a.link).cmp(&(&b.contact, b.person, b.link)))
    });
    guard::judged(input, Plan { steps, refusals: Vec::new() })
}
