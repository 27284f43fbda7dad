use super::super::{redact, redirect};
use super::*;
use crate::http::retry::{Backoff, Ending, Verdict, retry_after};

const NOW: Moment = Moment(1_763_982_000_000);

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
}

fn url(text: &str) -> Url {
    text.parse().unwrap()
}

#[test]
fn the_schedule_of_a_service_that_is_gone() {
    let mut backoff = Backoff::new(fastrand::Rng::with_seed(1));
    let schedule: Vec<Verdict> =
        (1..=5).map(|attempt| backoff.judge(attempt, Ending::NotSent, Safety::OnlyIfUnsent, NOW)).collect();
    let again = |ms| Verdict::Again(Duration::from_millis(ms));
    assert_eq!(schedule, [again(329), again(535), again(479), again(3116), Verdict::GiveUp]);
}

#[test]
fn waits_lie_between_nothing_and_a_cap_that_doubles() {
    for seed in 0..200 {
        let mut backoff = Backoff::new(fastrand::Rng::with_seed(seed));
        for (attempt, cap) in [(1, 500), (2, 1000), (3, 2000), (4, 4000)] {
            match backoff.judge(attempt, Ending::Lost, Safety::Idempotent, NOW) {
                Verdict::Again(wait) => assert!(wait <= Duration::from_millis(cap), "seed {seed}: {wait:?}"),
                other => panic!("seed {seed}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_time_that_is_too_far_away_is_given_back_even_after_the_last_attempt() {
    let mut backoff = Backoff::new(fastrand::Rng::with_seed(1));
    let ending = |seconds| Ending::Answer { status: 429, retry_after: Some(Duration::from_secs(seconds)) };
    for attempt in [1, 5] {
        let verdict = backoff.judge(attempt, ending(31), Safety::Idempotent, NOW);
        assert_eq!(verdict, Verdict::Later(NOW.after(Duration::from_secs(31))));
    }
    assert_eq!(backoff.judge(5, ending(1), Safety::Idempotent, NOW), Verdict::GiveUp);
}

#[test]
fn retry_after_is_read_in_both_forms() {
    let read = |pairs: &[(&'static str, &str)]| retry_after(&headers(pairs), NOW).map(|d| d.as_secs());
    assert_eq!(read(&[("retry-after", " 17 ")]), Some(17));
    assert_eq!(read(&[("retry-after", "18446744073709551615")]), Some(7 * 24 * 3600));
    assert_eq!(read(&[("retry-after", "Mon, 24 Nov 2025 11:00:05 GMT")]), Some(5));
    // The service's clock is an hour ahead: what counts is the distance it meant.
    let ahead = [("date", "Mon, 24 Nov 2025 12:00:00 GMT"), ("retry-after", "Mon, 24 Nov 2025 12:00:05 GMT")];
    assert_eq!(read(&ahead), Some(5));
    assert_eq!(read(&[("retry-after", "Mon, 24 Nov 2025 10:00:00 GMT")]), Some(0), "already over");
    for unreadable in ["soon", "-1", "1.5", ""] {
        assert_eq!(read(&[("retry-after", unreadable)]), None, "{unreadable:?}");
    }
}

#[test]
fn redirects_lead_only_where_secrets_and_contacts_are_safe() {
    let follow = |from: &str, to: &str| redirect::next(&url(from), 302, &headers(&[("location", to)])).unwrap();
    assert_eq!(follow("https://a.example/x/y", "../z").unwrap().as_str(), "https://a.example/z");
    assert_eq!(follow("https://a.example/", "https://u:p@b.example/").unwrap().as_str(), "https://b.example/");
    assert_eq!(follow("http://127.0.0.1:1/", "http://[::1]:2/").unwrap().as_str(), "http://[::1]:2/");
    for (from, to) in [
        ("https://a.example/", "http://a.example/"),
        ("https://a.example/", "http://127.0.0.1/"),
        ("https://a.example/", "file:///etc/passwd"),
        ("http://127.0.0.1/", "http://b.example/"),
        ("https://a.example/", "https://"),
    ] {
        assert!(follow(from, to).is_err(), "{from} to {to}");
    }
    assert!(redirect::next(&url("https://a.example/"), 304, &headers(&[("location", "/")])).is_none());
}

#[test]
fn only_this_machine_is_loopback() {
    for here in
        ["http://localhost:1/", "http://LOCALHOST/", "http://127.8.9.1/", "http://[::1]/", "http://[::ffff:127.0.0.1]/"]
    {
        assert!(is_loopback(&url(here)), "{here}");
    }
    for there in ["http://localhost.example/", "http://a.localhost/", "http://10.0.0.1/", "http://[fe80::1]/", "data:x"]
    {
        assert!(!is_loopback(&url(there)), "{there}");
    }
}

#[test]
fn what_is_shown_of_a_request_has_names_and_no_values() {
    let request = get(url("https://u:pw@a.example/users/ada@a.example/people/17?token=s3cret&q=Ada"));
    assert_eq!(request.call().to_string(), "test: GET https://a.example/users/…/people/17?token&q");
    assert_eq!(request.route("/users/{who}").call().route, "/users/{who}");
}

#[test]
fn what_is_shown_of_a_body_has_names_and_no_values() {
    let shown = |body: &str| redact::excerpt(body.as_bytes());
    let body = r#"{"data": [{"id": 1712, "name": "Ada \"L\" Lovelace", "ok": true}], "x": "#;
    assert_eq!(shown(body), r#"{"data":[{"id":#,"name":"…","ok":#}],"x":"#);
    assert_eq!(shown(r#"{"ada lovelace"#), r#"{"…""#);
    assert_eq!(
        shown("<!DOCTYPE html><html><TITLE> Just a moment </TITLE><p>Ada"),
        "(a page with the title \"Just a moment\")"
    );
    assert_eq!(shown("<d:multistatus><d:response>Ada"), "(30 bytes of HTML or XML)");
    assert_eq!(shown("Ada Lovelace"), "(12 bytes of text)");
    assert_eq!(shown("  "), "(nothing)");
    assert_eq!(redact::excerpt(&[0xff, 0xfe]), "(2 bytes that are no text)");
    let long = format!("[{}]", vec!["\"Ada\""; 500].join(","));
    assert!(shown(&long).chars().count() <= 170 && !shown(&long).contains("Ada"));
}

#[test]
fn a_problem_with_json_does_not_show_what_was_found() {
    #[derive(Debug, serde::Deserialize)]
    #[expect(dead_code, reason = "only its reading matters")]
    struct Person {
        id: u64,
        kind: Kind,
    }
    #[derive(Debug, serde::Deserialize)]
    enum Kind {
        #[serde(rename = "lead")]
        Lead,
    }
    let problem = |text: &str| redact::serde(&serde_json::from_str::<Person>(text).unwrap_err());
    assert_eq!(problem(r#"{"id":"Ada \"L\""}"#), "invalid type: string \"…\", expected u64 at line 1 column 17");
    assert_eq!(problem(r#"{"id":-447700900000}"#), "invalid value: integer `…`, expected u64 at line 1 column 19");
    assert_eq!(problem(r#"{"kind":"Ada"}"#), "unknown variant `…`, expected `lead` at line 1 column 13");
    assert_eq!(problem("{}"), "missing field `id` at line 1 column 2");
}
