//! What a pass decides: pure functions of the base, both sides and a policy.
//!
//! No `Result` here: what is not to be done is a value ([`Refusal`], [`Reason::Held`]). No I/O, no clock, no chance. Who
//! observes and who writes: [`crate::reconcile`].

mod input;
mod step;

pub use input::{
    ContactNow, ContactSight, ContactWitness, Directory, Input, Ledger, PersonNow, PersonSight, PersonWitness, Row,
    Taken, Witness,
};
pub use step::{Plan, Reason, Refusal, Side, Step, Then, Write, book_name};
