//! Who is let in, what they see, and the doors: OAuth, the page, unknown paths.

use axum::body::{Body, Bytes};
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};

use super::{Got, World, refused};

#[tokio::test]
async fn a_token_of_the_sandbox_makes_its_user() {
    let world = World::new();
    let me = world.get("v1/users/me").await;
    assert_eq!(me.body["data"]["email"], "alice@acme.example");
    assert_eq!(me.body["data"]["company_domain"], "sandbox");
    assert!(me.body["data"]["access"].as_array().unwrap().iter().all(|app| app["admin"] == true));
    let other = Request::get("/pipedrive/v1/users/me").header("authorization", "Bearer sandbox:Bob@acme.example");
    assert_eq!(world.send(other.body(Body::empty()).unwrap()).await.body["data"]["email"], "bob@acme.example");
    assert_eq!(world.get("v1/users").await.ids(), [1, 2]);
    assert_eq!(world.get("v1/users/find?term=bob@acme.example&search_by_email=1").await.ids(), [2]);
}

#[tokio::test]
async fn anybody_else_is_not_let_in() {
    let world = World::new();
    for token in ["", "sandbox:", "sandbox:alice", "0123456789"] {
        let request = Request::get("/pipedrive/api/v2/persons").header("x-api-token", token);
        let got = world.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(got.status, 401, "{token}");
        assert_eq!(got.body["errorCode"], 401);
    }
    assert_eq!(world.get("v1/users").await.ids(), [1], "a refused token makes no user but the caller");
}

#[tokio::test]
async fn every_state_is_a_company_of_its_own() {
    let (one, other) = (World::new(), World::new());
    let id = |got: Got| got.body["data"]["company_id"].as_u64().unwrap();
    assert_ne!(id(one.get("v1/users/me").await), id(other.get("v1/users/me").await));
}

#[tokio::test]
async fn hidden_persons_are_not_there_for_that_user() {
    let mut world = World::new();
    world.person(json!({"name": "Ada"})).await;
    world.person(json!({"name": "Own", "visible_to": 1})).await;
    world.set(json!({"hidden": {"bob@acme.example": [1]}})).await;
    world.token = "sandbox:bob@acme.example".to_owned();
    assert_eq!(world.get("v2/persons").await.ids(), [2]);
    assert_eq!(world.get("v2/persons/1").await.status, 404);
    assert_eq!(world.patch(1, json!({"name": "Eve"})).await.status, 404);
    world.set(json!({"regular": ["bob@acme.example"]})).await;
    assert_eq!(world.get("v2/persons").await.ids(), [0; 0], "nor is the owner's alone for who is no administrator");
}

async fn token(world: &World, form: &str) -> Got {
    let request = Request::post("/pipedrive/oauth/token/")
        .header("host", "box.example")
        .header("authorization", "Basic YXBwOnNlY3JldA==")
        .header("content-type", "application/x-www-form-urlencoded");
    world.send(request.body(Body::from(form.to_owned())).unwrap()).await
}

async fn as_bearer(world: &World, token: &str) -> u16 {
    let request = Request::get("/pipedrive/api/v1/users/me").header("authorization", format!("Bearer {token}"));
    world.send(request.body(Body::empty()).unwrap()).await.status
}

#[tokio::test]
async fn a_user_lets_an_app_in_and_out_again() {
    let world = World::new();
    let authorize = "/pipedrive/oauth/authorize?client_id=app&redirect_uri=http://localhost:1/cb&state=s";
    assert!(world.call("GET", authorize, Value::Null).await.text.contains("<form"));
    let back = world.call("GET", &format!("{authorize}&user=alice@acme.example"), Value::Null).await;
    let location = back.headers["location"].to_str().unwrap().to_owned();
    let code = location.strip_prefix("http://localhost:1/cb?state=s&code=").unwrap();
    let exchange = format!("grant_type=authorization_code&code={code}&redirect_uri=http://localhost:1/cb");
    let got = token(&world, &exchange).await;
    assert_eq!(got.body["api_domain"], "http://box.example/pipedrive");
    assert_eq!(token(&world, &exchange).await.status, 400, "a code is good once");
    let access = got.body["access_token"].as_str().unwrap();
    assert_eq!(as_bearer(&world, access).await, 200);
    world.pass(3599);
    assert_eq!(as_bearer(&world, access).await, 401);
    let refresh = got.body["refresh_token"].as_str().unwrap();
    let again = token(&world, &format!("grant_type=refresh_token&refresh_token={refresh}")).await;
    assert_eq!(again.body["refresh_token"], refresh, "the same refresh token comes back");
    let access = again.body["access_token"].as_str().unwrap();
    assert_eq!(as_bearer(&world, access).await, 200);
    let revoke = Request::post("/pipedrive/oauth/revoke").header("authorization", "Basic YXBwOnNlY3JldA==");
    let got = world.send(revoke.body(Body::from(format!("token={refresh}"))).unwrap()).await;
    assert_eq!(got.status, 200);
    assert_eq!(as_bearer(&world, access).await, 401);
    assert_eq!(token(&world, &format!("grant_type=refresh_token&refresh_token={refresh}")).await.status, 400);
}

#[tokio::test]
async fn the_page_shows_who_is_there() {
    let world = World::new();
    world.person(json!({"name": "Zoë <b>", "emails": [{"value": "zoe@acme.example"}]})).await;
    let page = world.call("GET", "/pipedrive/", Value::Null).await.text;
    assert!(
        page.contains("Zoë &lt;b&gt;") && page.contains("zoe@acme.example") && page.contains("http-equiv=\"refresh\"")
    );
}

#[tokio::test]
async fn unknown_paths_and_methods_answer_in_shape() {
    let world = World::new();
    assert_eq!(world.get("v2/people").await.status, StatusCode::NOT_FOUND.as_u16());
    let got = world.call("PUT", "/pipedrive/api/v2/persons/1", json!({})).await;
    assert_eq!((got.status, &got.body["success"]), (405, &json!(false)));
    let broken = Request::post("/pipedrive/api/v2/persons").header("x-api-token", &world.token);
    refused(&world.send(broken.body(Body::from(Bytes::from_static(b"{\"name\":"))).unwrap()).await);
}

#[tokio::test]
async fn a_deactivated_user_neither_calls_nor_owns() {
    let mut world = World::new();
    world.set(json!({"users": ["alice@acme.example", "Bob@acme.example"], "inactive": ["bob@acme.example"]})).await;
    let users = world.get("v1/users").await;
    assert_eq!(users.body["data"][1]["email"], "bob@acme.example");
    assert_eq!(users.body["data"][1]["active_flag"], false);
    refused(&world.call("POST", "/pipedrive/api/v2/persons", json!({"name": "Ada", "owner_id": 2})).await);
    world.token = "sandbox:bob@acme.example".to_owned();
    assert_eq!(world.get("v1/users/me").await.status, 401);
}
