//! The whole machine against the stand-in: a real folder of cards, a real state database, real sockets.
//!
//! Only the clock of a pass is the machine's; nothing sleeps and nothing leaves the loopback interface.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod accounts;
mod asked;
mod at_once;
mod cards;
mod crash;
mod daemon;
mod dangers;
mod faults;
mod google_idle;
mod google_lag;
mod google_random;
mod google_table;
mod google_trouble;
mod google_world;
mod homes;
mod identity;
mod idle;
mod live;
mod login;
mod one_way;
mod pace;
mod stopping;
mod table;
mod tee;
mod trouble;
mod two_way;
mod world;
