//! The server against an operator that answers from a script: every route and every refusal.

pub(crate) mod fake;
mod golden;
mod login;
mod remote;
mod routes;
