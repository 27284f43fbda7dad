//! One pass: observe, plan, guard, apply, record, for one account.
//!
//! # Expected flow
//!
//! The feed keeps the mirror of Pipedrive's persons for the whole company and notes, per account, which persons were
//! touched. A pass lists what changed in the provider's book, joins it with the touched persons to rows, lets
//! [`crate::plan`] decide, has deletions witnessed, and applies what is left: every write is journalled as intended before it
//! is sent and as done after.
//!
//! # Guarantees
//!
//! - A cursor moves, and touched persons are cleared, only in the transaction that also stores what the pass did with them.
//! - After a crash nothing is replayed: recovery looks for what may have been written, and the next pass plans anew.
//! - One bad contact never stops the others.
//!
//! | file | what is there |
//! |---|---|
//! | `pass`, `scope`, `deciding`, `held`, `record`, `outcome`, `schedule` | the pass itself: where it starts, how it plans, why it is held, what it stores, when the next is due |
//! | `feed`, `mirror`, `homes`, `organizations` | Pipedrive's side, shared by the company |
//! | `observe`, `remind`, `heads`, `identity`, `look`, `rows`, `stock`, `finder` | the provider's side, and both joined to rows |
//! | `directory`, `peers`, `ledger`, `company_ledger`, `witness` | what a plan asks beside its rows |
//! | `desk`, `handover`, `shelf`, `inherit` | several accounts: of one company, of one book, of former times |
//! | `apply`, `step`, `settle`, `leftover`, `recover` | writing, what a side then holds, what is left, what may have been written |
//! | `others` | persons with another visibility or owner than declared, for the status |
//! | `names` | what the contacts of a plan are called, for commands |
//! | `member` | what a pass works with |
//!
//! Never here: sockets, signals, HTML, and decisions about contacts. When passes run: [`crate::daemon`].

mod apply;
mod company_ledger;
mod deciding;
mod desk;
mod directory;
mod feed;
mod finder;
mod handover;
mod heads;
mod held;
mod homes;
mod identity;
mod inherit;
mod ledger;
mod leftover;
mod look;
mod member;
mod mirror;
mod names;
mod observe;
mod organizations;
mod others;
mod outcome;
mod pass;
mod peers;
mod record;
mod recover;
mod remind;
mod rows;
mod schedule;
mod scope;
mod settle;
mod shelf;
mod step;
mod stock;
mod witness;

pub use feed::{Feed, Polled};
pub use member::{Member, Seat, Shared};
pub use mirror::Mirror;
pub use outcome::{Ended, Live, Outcome, Progress, Wish};
pub use pass::{Intended, intend, run};
pub use schedule::next_pass;
pub use shelf::Shelf;
