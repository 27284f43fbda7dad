use std::io::Write;

use super::server::{Server, answer, cut};
use super::*;

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn secret(url: Url) -> Request {
    Request::new("test", Method::POST, url)
        .query(&[("q", "s3cret-query")])
        .secret_header("authorization", "s3cret-header".into())
        .form(&[("refresh_token", "s3cret-form")])
}

#[tokio::test]
async fn secrets_are_in_no_debug_text_error_or_log() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || writer.clone())
        .finish();
    let guard = tracing::subscriber::set_default(subscriber);

    let answered = answer(200, "x-request-id: r-1\r\nset-cookie: s3cret-cookie", br#"{"access_token":"s3cret-body"}"#);
    let server = Server::start(vec![cut(), answered]).await;
    let client = client(&JumpClock::default());
    let lost = send(&client, secret(server.at("token"))).await.unwrap_err();
    let response = send(&client, secret(server.at("token"))).await.unwrap();
    let undecodable = response.json::<Vec<u8>>().unwrap_err();
    let unsendable = secret(server.at("token")).secret_header("x-api-token", "s3cret\n".into());
    let request = format!("{unsendable:?}");
    let unsendable = send(&client, unsendable).await.unwrap_err();
    drop(guard);

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    let texts = [
        format!("{lost} {lost:?}"),
        format!("{response:?}"),
        format!("{undecodable} {undecodable:?}"),
        format!("{unsendable} {unsendable:?}"),
        format!("{request} {client:?}"),
        log.clone(),
    ];
    for text in &texts {
        assert!(!text.contains("s3cret"), "{text}");
    }
    assert!(unsendable.to_string().contains("the value of header x-api-token has a character that cannot be sent"));
    let expected = "test: POST http://127.0.0.1";
    assert!(undecodable.to_string().starts_with(expected), "{undecodable}");
    assert!(undecodable.to_string().ends_with(r#"it starts: {"access_token":"…"} (request r-1)"#), "{undecodable}");
    for field in [
        "service=\"test\"",
        "method=POST",
        "route=\"/token?q\"",
        "attempt=1",
        "elapsed_ms=",
        "request_id=\"r-1\"",
        "status=200",
    ] {
        assert!(log.contains(field), "{field} is missing in {log}");
    }
}
