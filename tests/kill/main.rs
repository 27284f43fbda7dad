//! `kill -9` of the real program at random moments of a first import: in the end everybody is there once.
//!
//! The cards hold pairs of identical twins, which only a link or an intent in the journal tells apart, and share
//! organizations. The stand-in lives on in this process, as Pipedrive would; the program is started anew after each kill.
//! A moment is a number of calls or of writes that the stand-in has seen, not a time.
//!
//! | variable | means | default |
//! |---|---|---|
//! | `CARNETD_CARDS` | cards to import, one pair of twins and ten organizations per hundred | 60 |
//! | `CARNETD_KILLS` | how often the program is killed on the way | 5 |
//! | `CARNETD_KILL_SEED` | draws the moments | drawn, and printed |
//!
//! `.ci/run` kills an import of 1 000 cards 50 times.

#![expect(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up has failed")]

mod scene;

use scene::Scene;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_random_moments_an_import_makes_everybody_once() {
    let mut scene = Scene::new("answered").await;
    scene.import(json!({})).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn and_where_a_fifth_of_the_answers_is_lost_after_the_work_was_done() {
    let mut scene = Scene::new("lost").await;
    scene.import(json!({"lost": 0.2})).await;
}
