//! What an idle hour of many accounts under one service account costs.
//!
//! `GOOGLE_ACCOUNTS=1000 cargo test --release --test e2e google_idle` measures it with more of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use carnetd::http::Method;

use super::google_world::{connection, google_account, key_file, somebody};
use super::idle::{Idle, user};
use super::world::ROOT;

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_hour_costs_one_call_for_each_account_and_pass() {
    let asked = std::env::var("GOOGLE_ACCOUNTS").ok().and_then(|number| number.parse().ok());
    let accounts: usize = asked.unwrap_or(20);
    let idle = Idle::empty().await;
    key_file(&idle.path("google.json"));
    let mut text = connection().replace(ROOT, idle.root().as_str());
    for n in 0..accounts {
        let _ = write!(text, "{}", google_account(&format!("user-{n}"), "*", "two-way", ""));
        for name in ["Anna", "Bob"] {
            let contact = Some(somebody(&format!("{name} N{n}")));
            idle.call_as(&user(n), Method::POST, "google/v1/people:createContact", contact).await;
        }
    }
    idle.declare(&text, accounts).await;
    let (calls, passes) = idle.hour_of_passes().await;
    eprintln!("{accounts} accounts, {passes} passes in an idle hour: {calls:#?}");
    let accounts = accounts as u64;
    // Every five minutes, give or take, so that not all come at once.
    assert!((12 * accounts..=14 * accounts).contains(&passes), "{passes}");
    let polls = calls["GET /pipedrive/api/v2/persons"];
    let expected = BTreeMap::from([
        ("GET /google/v1/people/{id}/connections".to_owned(), passes),
        ("GET /pipedrive/api/v2/persons".to_owned(), polls),
        // A token lives for an hour, and is renewed a little before its end.
        ("POST /google/token".to_owned(), accounts),
    ]);
    assert_eq!(calls, expected);
    assert!(polls <= 12 + accounts / 25, "the persons are asked for once for all accounts: {polls}");
}
