//! What all accounts share: identity, owners, levels, fields, listings.

use super::*;
use crate::account::VisibilityLevels;
use crate::adapter::pipedrive::{PersonFound, PersonsQuery};
use crate::config::StandIn;
use crate::contact::Field;

#[tokio::test]
async fn a_company_is_known_by_domain_and_id() {
    let world = World::new().await;
    let company = world.company().await;
    assert_eq!(company.domain(), "sandbox");
    let other = World::new().await.company().await;
    assert_ne!(company.identity(), other.identity(), "two sandboxes are two companies");
    assert!(company.identity().starts_with("sandbox#"));
}

#[tokio::test]
async fn levels_are_proven_by_the_field_or_configured() {
    let world = World::new().await;
    let levels = |company: Arc<Company>| async move { company.levels(&CancellationToken::new()).await };
    assert_eq!(levels(world.company().await).await, Ok(VisibilityLevels::Two));
    world.set(json!({"visibility_levels": 4})).await;
    assert_eq!(levels(world.company().await).await, Ok(VisibilityLevels::Four));
    let configured = Settings { levels: Some(VisibilityLevels::Two), ..world.settings() };
    let refused = world.connect(configured).await.expect_err("it contradicts the field");
    assert!(refused.message.contains("levels 1, 3, 5 and 7") && refused.message.ends_with("set it to 4"), "{refused}");
}

#[tokio::test]
async fn an_owner_is_found_by_address_and_an_unknown_one_is_asked_for_seldom() {
    let world = World::new().await;
    world.set(json!({"users": ["alice@acme.example", "left@acme.example"], "inactive": ["left@acme.example"]})).await;
    let company = world.company().await;
    let alice = company.owner("alice@acme.example", &world.cancel).await.expect("a user");
    assert_eq!(company.owner("ALICE@acme.example", &world.cancel).await, Ok(alice));
    let unknown = company.owner("alise@acme.example", &world.cancel).await.expect_err("unknown");
    assert!(unknown.message.contains("did you mean \"alice@acme.example\""), "{unknown}");
    let left = company.owner("left@acme.example", &world.cancel).await.expect_err("deactivated");
    assert!(left.message.contains("deactivated"), "{left}");
    let calls = world.own(Method::GET, "/_calls", Value::Null).await;
    let listed = calls.to_string().matches("/v1/users\"").count();
    assert!(listed <= 1, "one route, asked once: {calls}");
    assert!(company.budget().used < 40, "the list of users was read once: {:?}", company.budget());
}

#[tokio::test]
async fn missing_fields_are_told_and_stand_ins_take_their_place() {
    let world = World::new().await;
    world.set(json!({"contact_sync": false})).await;
    let field = json!({"field_name": "Function", "field_type": "varchar"});
    world.colleague(Method::POST, "v2/personFields", field).await;
    let company = world.company().await;
    assert!(!company.capability().fields.contains(Field::JobTitle));
    let note = company.unsaid_fields_note().expect("five are missing");
    assert!(note.contains("address, messenger, notes, birthday, job title"), "{note}");
    let fields = BTreeMap::from([(StandIn::JobTitle, "Function".to_owned())]);
    let company = world.connect(Settings { fields, ..world.settings() }).await.expect("it is there");
    let book = company.book(UserId(1), 3, None);
    let anna =
        Contact { job_title: Some("CEO".to_owned()), notes: Some("x".to_owned()), ..contact("Anna", "a@x.example") };
    let seen = now(write(&book, create(anna)).await);
    assert_eq!(seen.contact.job_title.as_deref(), Some("CEO"));
    assert!(!seen.contact.says(Field::Notes), "it is neither written nor said");
    world.set(json!({"contact_sync": true})).await;
    company.refresh_fields(&world.cancel).await.expect("fine");
    assert_eq!(company.unsaid_fields_note(), None);
}

#[tokio::test]
async fn a_full_company_has_nothing_to_tell() {
    let company = World::new().await.company().await;
    assert_eq!(company.unsaid_fields_note(), None);
    assert_eq!(company.capability().addresses, 1);
    assert!(!company.capability().birthday_without_year);
}

#[tokio::test]
async fn persons_are_listed_both_ways_and_read_one_by_one() {
    let world = World::new().await;
    world.set(json!({"open_deals": {"2": 3}})).await;
    let company = world.company().await;
    let book = company.book(UserId(1), 3, None);
    for name in ["Anna", "Bob", "Carl"] {
        now(write(&book, create(contact(name, "a@x.example"))).await);
    }
    let up = company.persons(&PersonsQuery::default(), &world.cancel).await.expect("a page");
    let down = company.persons_descending(None, &world.cancel).await.expect("a page");
    let ids = |page: &crate::adapter::pipedrive::PersonsPage| page.persons.iter().map(|p| p.id.0).collect::<Vec<_>>();
    assert_eq!((ids(&up), ids(&down)), (vec![1, 2, 3], vec![3, 2, 1]));
    assert!(up.server_date.is_some() && up.next.is_none());
    assert_eq!(up.persons[0].update_time, None, "null right after the create");
    match company.person(PersonId(2), &world.cancel).await.expect("readable") {
        PersonFound::Live { record, raw } => {
            assert_eq!(record.open_deals, Some(3));
            assert!(raw.contains("\"Bob\""));
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(company.person(PersonId(99), &world.cancel).await, Ok(PersonFound::NotFound));
    world.colleague(Method::DELETE, "v2/persons/1", Value::Null).await;
    assert!(company.sees_everything(UserId(2), 1, &world.cancel).await.expect("known"), "an administrator");
    let deleted = company.person(PersonId(1), &world.cancel).await.expect("readable");
    assert!(matches!(deleted, PersonFound::Deleted { .. }), "{deleted:?}");
    let proof = company.sees_everything(UserId(2), 1, &world.cancel).await;
    assert_eq!(proof, Ok(false), "where deletions are told, a 404 is something hidden");
}

#[tokio::test]
async fn a_regular_user_sees_their_own_and_what_the_company_sees() {
    let world = World::new().await;
    world.set(json!({"regular": [ME]})).await;
    let company = world.company().await;
    let me = company.owner(ME, &world.cancel).await.expect("a user");
    let sees = |owner, level| {
        let company = Arc::clone(&company);
        async move { company.sees_everything(owner, level, &CancellationToken::new()).await.expect("known") }
    };
    assert!(sees(me, 1).await);
    assert!(sees(UserId(77), 3).await, "two levels: three is everybody");
    assert!(!sees(UserId(77), 1).await);
    world.set(json!({"visibility_levels": 4, "regular": [ME]})).await;
    let company = world.company().await;
    assert!(!company.sees_everything(UserId(77), 3, &world.cancel).await.expect("known"));
}

#[tokio::test]
async fn organizations_are_listed_and_phones_read_in_the_accounts_country() {
    let world = World::new().await;
    let company = world.company().await;
    company.create_organization("Acme", UserId(1), 3, &world.cancel).await.expect("created");
    let page = company.organizations(&PersonsQuery::default(), &world.cancel).await.expect("a page");
    assert_eq!(page.organizations.iter().map(|o| o.name.as_str()).collect::<Vec<_>>(), ["Acme"]);
    let book = company.book(UserId(1), 3, Country::new("FR"));
    let phone = Element::phone("01 99 00 12 34", None).into_iter().collect();
    let seen = now(write(&book, create(Contact { phones: phone, ..contact("Anna", "a@x.example") })).await);
    assert_eq!(seen.contact.phones[0].key, "+33199001234");
}

#[tokio::test]
async fn an_expired_cursor_is_told_apart() {
    let world = World::new().await;
    let company = world.company().await;
    let query = PersonsQuery { cursor: Some("bm9uc2Vuc2U".to_owned()), ..PersonsQuery::default() };
    let error = company.persons(&query, &world.cancel).await.expect_err("no such cursor");
    assert_eq!(error.kind, Kind::CursorExpired);
}
