//! What is put is read back, from the table where it belongs, until it is removed.

use super::*;
use crate::clock::Moment;
use crate::contact::{Change, Digest, Field, UserId};

fn pass(id: u64, started: i64) -> PassRecord {
    PassRecord {
        id: PassId(id),
        checkpoint: CP,
        started: Moment(started),
        finished: Some(Moment(started + 5)),
        outcome: "ok".to_owned(),
        added: 3,
        updated: 2,
        deleted: 1,
        failed: 4,
    }
}

fn entry(pass: u64, at: i64) -> HistoryEntry {
    HistoryEntry {
        checkpoint: CP,
        pass: PassId(pass),
        at: Moment(at),
        side: Side::Pipedrive,
        link: LinkId(3),
        contact: Some("a.vcf".into()),
        person: Some(PersonId(7)),
        change: Change::Delete { id: PersonId(7).into() },
        before: Some(contact("Anna")),
        raw: Some("{\"id\":7}".to_owned()),
        reason: "the contact was deleted".to_owned(),
        losers: vec!["phone +33 1".to_owned()],
    }
}

fn yes(digest: u64, at: i64) -> Confirmation {
    Confirmation { digest: Digest(digest), steps: vec![Digest(u64::MAX), Digest(0)], at: Moment(at) }
}

async fn view_after(store: &Store, ops: Vec<Op>) -> View {
    store.write(ops).await.expect("written");
    store.view().expect("open")
}

#[tokio::test]
async fn checkpoints() {
    let full = Checkpoint {
        cursor: Some("sync-1".into()),
        first_pass_done: true,
        hold: Some(AccountHold {
            code: "guard".to_owned(),
            message: "30 of 100 would be deleted".to_owned(),
            digest: Digest(u64::MAX),
            shown: vec![Digest(1)],
            at: Moment(5),
        }),
        totals: Counts { added: 1, updated: 2, deleted: 3 },
        last_pass: Some(pass(8, 1)),
        last_change: Some(pass(7, 0)),
        links_window: vec![(Moment(1), 100), (Moment(2), 101)],
        group_id: Some("contactGroups/1".to_owned()),
        visibility_accepted: true,
        other_visibility: 3,
        last_success: Some(Moment(-1)),
        homes: Some([(Field::Ims, "im".to_owned())].into_iter().collect()),
        ..Checkpoint::new(scope("/cards"))
    };
    let store = store_with(vec![]).await;
    let view = view_after(&store, vec![Op::PutCheckpoint(CP, Box::new(full.clone()))]).await;
    assert_eq!(view.checkpoint_of(&account("alice")).expect("read"), Some((CP, full.clone())));
    assert_eq!(view.checkpoint_of(&account("bob")).expect("read"), None);

    // A renamed account finds the orphan.
    let view = view_after(&store, vec![Op::Unname(account("alice"))]).await;
    assert_eq!((view.names().expect("read"), view.checkpoints().expect("read")), (vec![], vec![(CP, full)]));
    assert!(!view.is_named(CP).expect("read"));
}

#[tokio::test]
async fn work_to_do() {
    let todo = |key, attempts| Todo {
        key,
        reason: "HTTP 500".to_owned(),
        code: "failed".to_owned(),
        since: Moment(1),
        tried: Moment(2),
        attempts,
        revision: Some("r1".into()),
    };
    let (card, person) = (TodoKey::Contact("7".into()), TodoKey::Person(PersonId(7)));
    let (first, other) = (todo(card.clone(), 1), todo(person.clone(), 1));
    let store = store_with(vec![Op::PutTodo(CP, first), Op::PutTodo(CP, other.clone())]).await;
    let again = todo(card.clone(), 2);
    let view =
        view_after(&store, vec![Op::PutTodo(CP, again.clone()), Op::PutTodo(CheckpointId(2), again.clone())]).await;
    assert_eq!(view.todos(CP).expect("read"), [again, other.clone()]);
    let view = view_after(&store, vec![Op::RemoveTodo(CP, card)]).await;
    assert_eq!(view.todos(CP).expect("read"), [other]);
}

#[tokio::test]
async fn the_mirror() {
    let anna = Person {
        id: PersonId(7),
        owner: UserId(2),
        visible_to: 3,
        organization: Some(5),
        update_time: None,
        add_time: Some(Moment(1)),
        picture: true,
        open_deals: Some(0),
        contact: contact("Anna"),
    };
    let acme = Organization { id: 5, name: "ACME".to_owned(), owner: UserId(2), visible_to: 3, gone: true };
    let watcher = Watcher {
        company: "acme".to_owned(),
        since: Some(Moment(9)),
        swept_at: None,
        highest_person: Some(PersonId(7)),
        highest_organization: Some(5),
        tells_deletions: true,
        homes: Some([(Field::Birthday, "ab12".to_owned())].into_iter().collect()),
    };
    let store = store_with(vec![
        Op::PutPerson(Box::new(anna.clone())),
        Op::PutOrganization(acme.clone()),
        Op::RememberOrganization("acme".to_owned(), 5),
        Op::RememberOrganization("acme inc".to_owned(), 6),
        Op::PutWatcher(Box::new(watcher.clone())),
        Op::Touch(CP, PersonId(7)),
        Op::PutUsed { at: Moment(8), tokens: 40 },
        Op::PutUsed { at: Moment(9), tokens: 50 },
    ])
    .await;
    let view = store.view().expect("open");
    assert_eq!(view.used().expect("read"), Some((Moment(9), 50)));
    assert_eq!(view.person(PersonId(7)).expect("read"), Some(anna.clone()));
    assert_eq!(view.persons().expect("read").collect::<Result<Vec<_>, _>>().expect("read"), [anna]);
    assert_eq!(view.organization(5).expect("read"), Some(acme));
    assert_eq!(view.organizations().expect("read").count(), 1);
    assert_eq!(view.organization_named("acme").expect("read"), Some(5));
    assert_eq!(view.watcher().expect("read"), Some(watcher));
    assert_eq!(view.touched(CP).expect("read"), [PersonId(7)]);

    let view = view_after(&store, vec![Op::RemoveOrganization(5)]).await;
    assert_eq!(view.organization_named("acme").expect("read"), None, "its name may now find another");
    assert_eq!(view.organization_named("acme inc").expect("read"), Some(6));

    let view = view_after(&store, vec![Op::ForgetMirror]).await;
    assert_eq!((view.person(PersonId(7)).expect("read"), view.watcher().expect("read")), (None, None));
    assert_eq!(view.used().expect("read"), None, "another company has another budget");
    assert_eq!((view.organization_named("acme inc").expect("read"), view.touched(CP).expect("read")), (None, vec![]));
    assert!(view.checkpoint(CP).expect("read").is_some(), "checkpoints are no part of the mirror");
}

#[tokio::test]
async fn the_journal() {
    let intent = |what| Intent {
        checkpoint: CP,
        pass: PassId(1),
        link: Some(LinkId(3)),
        side: Side::Provider,
        what,
        highest: Some(99),
        at: Moment(4),
        reason: "new".to_owned(),
        contact: link("a", 1).contact,
    };
    let create = intent(IntentKind::Contact(Change::Create { contact: Box::new(contact("Anna")), chosen: None }));
    let organization = IntentKind::Organization { name: "ACME".to_owned(), owner: UserId(2), visible_to: 7 };
    let organization = intent(organization);
    let noted = |id, what: &Intent| Op::Intend(IntentId(id), Box::new(what.clone()));
    let store = store_with(vec![noted(2, &organization), noted(1, &create)]).await;
    let view = store.view().expect("open");
    assert_eq!(view.intents().expect("read"), [(IntentId(1), create), (IntentId(2), organization.clone())]);
    let view = view_after(&store, vec![Op::Done(IntentId(1))]).await;
    assert_eq!(view.intents().expect("read"), [(IntentId(2), organization)]);
}

#[tokio::test]
async fn history_is_read_by_pass_and_pruned_by_time() {
    let add = |pass, at| Op::History(Box::new(entry(pass, at)));
    let put = |id, started| Op::PutPass(Box::new(pass(id, started)));
    let store = store_with(vec![put(1, 10), add(1, 10), add(1, 11), put(2, 20), add(2, 20), put(3, 30)]).await;
    let view = store.view().expect("open");
    assert_eq!(view.history_of(CP, PassId(1)).expect("read"), [entry(1, 10), entry(1, 11)]);
    let newest = view.history(CP, PassId(0)).expect("read").next_back().expect("there").expect("read");
    assert_eq!(newest, entry(2, 20));
    assert_eq!(view.history(CP, PassId(2)).expect("read").count(), 1);
    assert_eq!(view.pass(CP, PassId(2)).expect("read"), Some(pass(2, 20)));

    let view = view_after(&store, vec![Op::PruneHistory { before: Moment(20) }]).await;
    assert_eq!(view.history_of(CP, PassId(1)).expect("read"), []);
    assert_eq!(view.history_of(CP, PassId(2)).expect("read"), [entry(2, 20)]);
    let passes: Vec<PassRecord> = view.passes(CP).expect("read").collect::<Result<_, _>>().expect("read");
    assert_eq!(passes, [pass(2, 20), pass(3, 30)]);
}

#[tokio::test]
async fn deletions_are_counted_per_account_and_over_the_company() {
    let count = |checkpoint, at| Op::CountDeletion { checkpoint: CheckpointId(checkpoint), at: Moment(at) };
    let store = store_with(vec![count(1, 10), count(1, 10), count(1, 20), count(2, 15), count(2, 30)]).await;
    let since = |view: &View, at| {
        let of = |id| view.deletions_since(CheckpointId(id), Moment(at)).expect("read");
        (of(1), of(2), view.deletions_by_checkpoint(Moment(at)).expect("read").values().sum::<u64>())
    };
    let view = store.view().expect("open");
    assert_eq!((since(&view, 10), since(&view, 11), since(&view, 31)), ((3, 2, 5), (1, 2, 3), (0, 0, 0)));
    let view = view_after(&store, vec![Op::PruneDeletions { before: Moment(15) }]).await;
    assert_eq!(since(&view, 0), (1, 2, 3));
}

#[tokio::test]
async fn confirmations() {
    let store = store_with(vec![Op::PutConfirmation(CP, yes(9, 1)), Op::PutConfirmation(CP, yes(4, 2))]).await;
    let view = store.view().expect("open");
    assert_eq!(view.confirmation(CP).expect("read"), Some(yes(4, 2)));
    assert_eq!(view.confirmations(CP).expect("read"), [yes(4, 2), yes(9, 1)]);
    let view = view_after(&store, vec![Op::RemoveConfirmation(CP, Digest(4))]).await;
    assert_eq!(view.confirmation(CP).expect("read"), Some(yes(9, 1)));
    assert_eq!(view.confirmation(CheckpointId(2)).expect("read"), None);
}

#[tokio::test]
async fn logins_are_kept_sealed_until_they_lapse() {
    let sealed = |byte, until: Option<i64>| SealedLogin { bytes: vec![byte; 3], until: until.map(Moment) };
    let put = |key: &str, login: &SealedLogin| Op::PutLogin(key.to_owned(), login.clone());
    let (alice, link) = (sealed(1, None), sealed(2, Some(10)));
    let store = store_with(vec![put("account/alice", &sealed(0, None)), put("link/a", &link)]).await;
    let view = view_after(&store, vec![put("account/alice", &alice), Op::PruneLogins { before: Moment(10) }]).await;
    assert_eq!(view.login("account/alice").expect("read"), Some(alice.clone()));
    assert_eq!(view.login("link/a").expect("read"), Some(link));
    assert_eq!(view.login("account/alic").expect("read"), None);
    let view = view_after(&store, vec![Op::PruneLogins { before: Moment(11) }]).await;
    assert_eq!(
        (view.login("link/a").expect("read"), view.login("account/alice").expect("read").is_some()),
        (None, true)
    );
    let view = view_after(&store, vec![Op::RemoveLogin("account/alice".to_owned())]).await;
    assert_eq!(view.login("account/alice").expect("read"), None);
    assert!(!format!("{alice:?}").contains('1'), "not even sealed bytes are shown");
}
