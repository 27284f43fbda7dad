//! carnetd keeps the address books of a whole company in step with its Pipedrive CRM.
//!
//! Five ideas: a **contact** is a value; a **plan** is a pure function of what was last agreed, of both sides and of a
//! policy; an **adapter** reads and writes one kind of book and tells the truth about what it can hold; a **pass**
//! joins them; the **daemon** decides when passes run. Data flows down one stair, and nothing on a lower floor knows a
//! higher one (`tests/house` checks that):
//!
//! | floor | modules | what is there |
//! |---|---|---|
//! | 1 words | [`contact`], [`account`], [`link`], [`vcard`] | plain values; no I/O, no serde, no time, no chance |
//! | 2 decisions | [`plan`] | the decision table, merge, guard: pure functions without `Result` |
//! | 3 instruments | [`clock`], [`watch`], [`http`], [`auth`], [`config`], [`store`] | one outside thing each, nothing of a provider |
//! | 4 adapters | [`adapter`] | one folder per kind of book |
//! | 5 one pass | [`reconcile`] | observe, plan, guard, apply, record |
//! | 6 service | [`daemon`], [`status`], [`cli`] | when passes run, and what people see of them |
//! | beside | `sandbox` | stand-ins for the cloud services |
//!
//! On disk: the configuration (`carnetd.toml` and `accounts.d/*.toml`), the state directory (`state.redb`, `key`,
//! `carnetd.sock`, and `sandbox.log` where the sandbox is embedded). Nothing else is written.

pub mod account;
pub mod adapter;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod contact;
pub mod daemon;
pub mod http;
pub mod link;
pub mod plan;
pub mod reconcile;
#[cfg(feature = "sandbox")]
pub mod sandbox;
pub mod status;
pub mod store;
pub mod vcard;
pub mod watch;
