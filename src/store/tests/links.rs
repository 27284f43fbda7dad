//! Indexes and counts always agree with the links.

use super::*;
use crate::link::{Cause, Hold, HoldCause};

fn by_contact(store: &Store, id: &str) -> Option<u64> {
    let found = store.view().expect("open").link_by_contact(CP, &ContactId::from(id)).expect("read");
    found.map(|(id, _)| id.0)
}

fn by_person(store: &Store, person: u64) -> Vec<u64> {
    let found = store.view().expect("open").link_by_person(PersonId(person)).expect("read");
    found.into_iter().map(|(_, id)| id.0).collect()
}

#[tokio::test]
async fn a_link_whose_ids_change_is_found_under_the_new_ones_only() {
    let store = store_with(vec![put(CP, 1, link("a.vcf", 7))]).await;
    assert_eq!((by_contact(&store, "a.vcf"), by_person(&store, 7)), (Some(1), vec![1]));

    store.write(vec![put(CP, 1, link("b.vcf", 8))]).await.expect("written");
    assert_eq!((by_contact(&store, "a.vcf"), by_person(&store, 7)), (None, vec![]));
    assert_eq!((by_contact(&store, "b.vcf"), by_person(&store, 8)), (Some(1), vec![1]));

    store.write(vec![Op::RemoveLink { checkpoint: CP, id: LinkId(1) }]).await.expect("written");
    assert_eq!((by_contact(&store, "b.vcf"), by_person(&store, 8)), (None, vec![]));
    assert_eq!(store.view().expect("open").link_heads(CP).expect("read").count(), 0);
}

#[tokio::test]
async fn two_links_may_exchange_their_contacts_in_any_order() {
    let store = store_with(vec![put(CP, 1, link("a.vcf", 7)), put(CP, 2, link("b.vcf", 8))]).await;
    store.write(vec![put(CP, 1, link("b.vcf", 7)), put(CP, 2, link("a.vcf", 8))]).await.expect("written");
    assert_eq!((by_contact(&store, "a.vcf"), by_contact(&store, "b.vcf")), (Some(2), Some(1)));

    // Half of an exchange: both are found where both are said to be.
    store.write(vec![put(CP, 1, link("a.vcf", 7))]).await.expect("written");
    let found = store.view().expect("open").links_by_contact(CP, &ContactId::from("a.vcf")).expect("read");
    assert_eq!(found, [(LinkId(1), link("a.vcf", 7)), (LinkId(2), link("a.vcf", 8))]);
    assert_eq!(by_contact(&store, "b.vcf"), None);
}

#[tokio::test]
async fn counts_follow_the_states() {
    let dormant = |id| Link { state: State::Dormant(Cause::LeftGroup), ..link(id, 9) };
    let store = store_with(vec![put(CP, 1, link("a", 1)), put(CP, 2, link("b", 2)), put(CP, 3, dormant("c"))]).await;
    let counts = || store.view().expect("open").counts(CP).expect("read");
    assert_eq!(counts(), LinkCounts { active: 2, dormant: 1, held: 0 });
    store
        .write(vec![put(CP, 1, dormant("a")), Op::RemoveLink { checkpoint: CP, id: LinkId(2) }])
        .await
        .expect("written");
    // Removing what is not there counts nothing.
    store.write(vec![Op::RemoveLink { checkpoint: CP, id: LinkId(2) }]).await.expect("written");
    assert_eq!(counts(), LinkCounts { active: 0, dormant: 2, held: 0 });
}

#[tokio::test]
async fn the_candidates_of_a_hold_are_found_by_person() {
    let several = Hold { cause: HoldCause::SeveralMatches, persons: vec![PersonId(5), PersonId(6)], contacts: vec![] };
    let mut held = link("a", 1);
    held.person = None;
    held.state = State::Held(several);
    let store = store_with(vec![put(CP, 1, held.clone())]).await;
    assert_eq!((by_person(&store, 5), by_person(&store, 6), by_person(&store, 1)), (vec![1], vec![1], vec![]));
    assert_eq!(store.view().expect("open").held(CP).expect("read"), [(LinkId(1), held)]);

    store.write(vec![put(CP, 1, link("a", 6))]).await.expect("written");
    assert_eq!((by_person(&store, 5), by_person(&store, 6)), (vec![], vec![1]));
}

#[tokio::test]
async fn heads_say_what_the_links_say() {
    let half = Link::half(State::Dormant(Cause::ContactDeleted), None, link("x", 4).person);
    let store = store_with(vec![put(CP, 1, link("a", 3)), put(CP, 2, half)]).await;
    let view = store.view().expect("open");
    let heads: Vec<Head> = view.link_heads(CP).expect("read").collect::<Result<_, _>>().expect("read");
    let head = |id, contact: Option<&str>, person, state| Head {
        id: LinkId(id),
        contact: contact.map(ContactId::from),
        revision: contact.map(|_| "r1".into()),
        person: Some(PersonId(person)),
        state,
    };
    assert_eq!(heads, [head(1, Some("a"), 3, HeadState::Active), head(2, None, 4, HeadState::Dormant)]);
}

#[tokio::test]
async fn a_contact_is_unique_in_its_book_over_all_accounts() {
    let other = CheckpointId(2);
    let store = store_with(vec![
        Op::PutCheckpoint(other, Box::new(Checkpoint::new(scope("/cards")))),
        Op::Name(account("bob"), other),
        put(other, 1, link("a.vcf", 7)),
    ])
    .await;
    let elsewhere = |book: &str| {
        let view = store.view().expect("open");
        view.contact_elsewhere(book, &ContactId::from("a.vcf")).expect("read")
    };
    assert_eq!(elsewhere("/cards"), Some((other, LinkId(1))));
    assert_eq!(elsewhere("/other"), None);

    // A checkpoint without an account is kept, but binds nobody.
    store.write(vec![Op::Unname(account("bob"))]).await.expect("written");
    assert_eq!(elsewhere("/cards"), None);
    assert_eq!(by_person(&store, 7), [] as [u64; 0]);
    store.write(vec![Op::Name(account("robert"), other)]).await.expect("written");
    assert_eq!(elsewhere("/cards"), Some((other, LinkId(1))));

    // Its book is the one its scope says now.
    store.write(vec![Op::PutCheckpoint(other, Box::new(Checkpoint::new(scope("/other"))))]).await.expect("written");
    assert_eq!((elsewhere("/cards"), elsewhere("/other")), (None, Some((other, LinkId(1)))));
}
