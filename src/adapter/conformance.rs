//! One suite that every adapter passes: what [`Book`] promises, tried from outside.
//!
//! An adapter's tests give a [`Fixture`], a new book for each check with a way to change it behind the adapter's back,
//! and call [`run`] with what the book cannot do and why. A skip without a reason does not compile.

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{Book, Entry, Error, Found, Kind, Page, Seen, Wanted, Written};
use crate::contact::{Birthday, Change, Contact, ContactId, Cursor, Element, ElementChange, Field, FieldChange, Name};

/// A book that starts empty, and what happens to it behind the adapter's back.
#[async_trait]
pub(crate) trait Fixture: Send + Sync + Sized + 'static {
    /// A new, empty book whose group exists.
    async fn new() -> Self;

    /// The adapter under test. Always the same instance.
    fn book(&self) -> &dyn Book;

    /// The adapter of another account or process on the same book, whose group has this name.
    fn other(&self, group: &str) -> Box<dyn Book>;

    /// The name of the group.
    fn group(&self) -> String;

    /// Somebody makes a contact, in or outside the group.
    async fn put(&self, contact: &Contact, in_group: bool) -> ContactId;

    /// Somebody changes the job title.
    async fn retitle(&self, id: &ContactId, title: &str);

    /// Somebody deletes a contact.
    async fn remove(&self, id: &ContactId);

    /// A contact gets another id but stays itself.
    async fn rename(&self, id: &ContactId) -> ContactId;

    /// A contact can no longer be read.
    async fn spoil(&self, id: &ContactId);

    /// A picture is given to a contact; answers its bytes.
    async fn picture(&self, id: &ContactId) -> Vec<u8>;

    /// An id for a creation, where the client chooses it; another one each time.
    fn choose(&self) -> Option<ContactId>;

    /// One more contact than fits a page.
    const MORE_THAN_A_PAGE: usize;
}

/// What is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Check {
    /// An empty book is listed completely.
    Empty,
    /// A walk lists every contact, and only its last page says so.
    Pages,
    /// Without a change nothing is listed.
    Idle,
    /// A change is listed until a later cursor acknowledges it.
    Again,
    /// A deleted contact is told, and not found.
    Removed,
    /// A contact that cannot be read is listed as that, and not written.
    Unreadable,
    /// Answers come in the order of the questions.
    Order,
    /// A contact with another id is found by its stable identity.
    Renamed,
    /// A created contact holds what it was given, is in the group and is listed.
    Create,
    /// A creation that is sent again makes no second contact.
    CreateAgain,
    /// Every kind of change does what it foretold and nothing else.
    Patch,
    /// A patch for a contact that changed meanwhile is refused.
    Stale,
    /// A deletion deletes, and what is gone is deleted.
    Delete,
    /// A contact that changed since it was read is not deleted.
    DeleteStale,
    /// One refused change does not stop the others.
    OneBadChange,
    /// Nothing is done once it is cancelled.
    Cancelled,
    /// Another process's cursor expires, and never says that something is gone.
    Cursor,
    /// The group is among the groups; one that is not there is an error.
    Groups,
    /// A contact outside the group joins it.
    Join,
    /// What the book cannot hold is unsaid.
    Unsaid,
    /// The picture is the one whose hash the contact names.
    Photo,
}

impl Check {
    const ALL: [Self; 21] = [
        Self::Empty,
        Self::Pages,
        Self::Idle,
        Self::Again,
        Self::Removed,
        Self::Unreadable,
        Self::Order,
        Self::Renamed,
        Self::Create,
        Self::CreateAgain,
        Self::Patch,
        Self::Stale,
        Self::Delete,
        Self::DeleteStale,
        Self::OneBadChange,
        Self::Cancelled,
        Self::Cursor,
        Self::Groups,
        Self::Join,
        Self::Unsaid,
        Self::Photo,
    ];
}

/// Runs every check on a new book, but for those that the book's kind cannot pass; each skip says why.
pub(crate) async fn run<F: Fixture>(skips: &[(Check, &str)]) {
    let mut failed = Vec::new();
    for check in Check::ALL {
        if let Some((_, reason)) = skips.iter().find(|(skipped, _)| *skipped == check) {
            assert!(!reason.is_empty(), "{check:?} is skipped without a reason");
            eprintln!("skipped: {check:?}: {reason}");
            continue;
        }
        // Apart, so that one failure does not hide the others.
        if tokio::spawn(one::<F>(check)).await.is_err() {
            failed.push(check);
        }
    }
    assert!(failed.is_empty(), "does not conform: {failed:?}; what failed is said above");
}

async fn one<F: Fixture>(check: Check) {
    let fixture = Tried(F::new().await);
    match check {
        Check::Empty => fixture.empty().await,
        Check::Pages => fixture.pages().await,
        Check::Idle => fixture.idle().await,
        Check::Again => fixture.again().await,
        Check::Removed => fixture.removed().await,
        Check::Unreadable => fixture.unreadable().await,
        Check::Order => fixture.order().await,
        Check::Renamed => fixture.renamed().await,
        Check::Create => fixture.create().await,
        Check::CreateAgain => fixture.create_again().await,
        Check::Patch => fixture.patch().await,
        Check::Stale => fixture.stale().await,
        Check::Delete => fixture.delete().await,
        Check::DeleteStale => fixture.delete_stale().await,
        Check::OneBadChange => fixture.one_bad_change().await,
        Check::Cancelled => fixture.cancelled().await,
        Check::Cursor => fixture.cursor().await,
        Check::Groups => fixture.groups().await,
        Check::Join => fixture.join().await,
        Check::Unsaid => fixture.unsaid().await,
        Check::Photo => fixture.photo().await,
    }
}

/// A contact that says something in every field but the photo.
pub(crate) fn ada() -> Contact {
    Contact {
        name: Name { display: Some("Ada Byron".into()), given: Some("Ada".into()), family: Some("Byron".into()) },
        emails: ["ada@analytical.example", "ada@byron.example"].into_iter().filter_map(Element::email).collect(),
        phones: Element::phone("+44 20 7946 0001", None).into_iter().collect(),
        addresses: Vec::new(),
        ims: Element::im(Some("xmpp"), "ada@im.example").into_iter().collect(),
        organization: Some("Analytical Engines".into()),
        notes: Some("First line\nsecond line".into()),
        birthday: Birthday::new(Some(1985), 12, 10),
        job_title: Some("Programmer".into()),
        photo: None,
        unsaid: crate::contact::Fields::default(),
    }
}

/// A contact with a name and an address of its own.
pub(crate) fn nth(n: usize) -> Contact {
    let emails = Element::email(&format!("nth{n}@example.org")).into_iter().collect();
    Contact { name: Name::display(&format!("Contact {n}")), emails, ..Contact::default() }
}

/// Everything that a listing said.
#[derive(Debug, Default)]
struct Listed {
    entries: Vec<Entry>,
    pages: usize,
    complete: bool,
    cursor: Option<Cursor>,
}

impl Listed {
    /// What it says of a contact at last: later entries stand for earlier ones.
    fn of(&self, id: &ContactId) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| match entry {
            Entry::Live(seen) => seen.id == *id,
            Entry::Gone(gone) => gone == id,
            Entry::Unreadable { id: unreadable, .. } => unreadable == id,
        })
    }

    fn live(&self, id: &ContactId) -> &Seen {
        match self.of(id) {
            Some(Entry::Live(seen)) => seen,
            other => panic!("{id} should be live, is {other:?}"),
        }
    }
}

fn stay() -> CancellationToken {
    CancellationToken::new()
}

fn title(before: Option<&str>, after: Option<&str>) -> FieldChange {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    FieldChange::Text { field: Field::JobTitle, before: owned(before), after: owned(after) }
}

fn patch(id: &ContactId, change: FieldChange) -> Change {
    Change::Patch { id: id.clone(), fields: vec![change] }
}

fn now(written: Result<Written, Error>) -> Seen {
    match written {
        Ok(Written::Now(seen)) => *seen,
        other => panic!("should be written, is {other:?}"),
    }
}

fn kind<T: std::fmt::Debug>(result: Result<T, Error>) -> Kind {
    let error = result.expect_err("an error");
    assert!(error.message.len() > 10, "an error says what and what to do: {error:?}");
    error.kind
}

struct Tried<F>(F);

impl<F: Fixture> Tried<F> {
    async fn page(&self, from: Option<&Cursor>) -> Page {
        self.0.book().changes(from, &stay()).await.expect("a page")
    }

    /// A whole walk, or all pages from a cursor.
    async fn list(&self, from: Option<&Cursor>) -> Listed {
        let mut listed = Listed::default();
        let mut next = from.cloned();
        loop {
            let page = self.page(next.as_ref()).await;
            listed.entries.extend(page.entries);
            listed.pages += 1;
            if page.next.is_none() {
                (listed.complete, listed.cursor) = (page.complete, page.cursor);
                return listed;
            }
            assert!(!page.complete, "only the last page can be complete");
            assert!(page.cursor.is_none(), "only the last page ends at a cursor");
            next = page.next;
        }
    }

    /// What changed since a listing: by its cursor, else by another walk.
    async fn since(&self, before: &Listed) -> Listed {
        self.list(before.cursor.as_ref()).await
    }

    async fn read(&self, id: &ContactId, stable: Option<&str>) -> Found {
        let wanted = Wanted { id: id.clone(), stable: stable.map(str::to_owned) };
        let mut found = self.0.book().read(&[wanted], &stay()).await.expect("read");
        assert_eq!(found.len(), 1);
        found.remove(0)
    }

    async fn seen(&self, id: &ContactId) -> Seen {
        match self.read(id, None).await {
            Found::Live { seen, .. } => *seen,
            other => panic!("{id} should be there, is {other:?}"),
        }
    }

    async fn write(&self, change: Change) -> Result<Written, Error> {
        let mut written = self.0.book().write(&[change], &stay()).await;
        assert_eq!(written.len(), 1);
        written.remove(0)
    }

    async fn put(&self, contact: &Contact) -> ContactId {
        self.0.put(contact, true).await
    }

    fn creation(&self, contact: &Contact) -> Change {
        let contact = self.0.book().capability().project(contact, &Contact::default());
        Change::Create { contact: contact.into(), chosen: self.0.choose() }
    }

    async fn empty(&self) {
        let listed = self.list(None).await;
        assert_eq!(listed.entries, []);
        assert!(listed.complete);
    }

    async fn pages(&self) {
        let mut ids = Vec::new();
        for n in 0..F::MORE_THAN_A_PAGE {
            ids.push(self.put(&nth(n)).await);
        }
        let listed = self.list(None).await;
        assert!(listed.pages > 1 && listed.complete, "{} pages", listed.pages);
        assert_eq!(listed.entries.len(), ids.len());
        for (n, id) in ids.iter().enumerate() {
            assert!(listed.live(id).contact.same(&nth(n)), "{id}");
        }
    }

    async fn idle(&self) {
        let id = self.put(&ada()).await;
        let walk = self.list(None).await;
        for _ in 0..2 {
            let later = self.since(&walk).await;
            if later.cursor.is_some() && !later.complete {
                assert_eq!(later.entries, []);
            } else {
                assert_eq!(later.live(&id), walk.live(&id));
            }
        }
    }

    async fn again(&self) {
        let id = self.put(&ada()).await;
        let walk = self.list(None).await;
        self.0.retitle(&id, "Countess").await;
        let first = self.since(&walk).await;
        let second = self.since(&walk).await;
        for listed in [&first, &second] {
            assert_eq!(listed.live(&id).contact.job_title.as_deref(), Some("Countess"));
            assert_ne!(listed.live(&id).revision, walk.live(&id).revision);
        }
        let third = self.since(&second).await;
        assert!(third.complete || third.entries.is_empty(), "{third:?}");
    }

    async fn removed(&self) {
        let (id, kept) = (self.put(&ada()).await, self.put(&nth(1)).await);
        let walk = self.list(None).await;
        self.0.remove(&id).await;
        for _ in 0..2 {
            let later = self.since(&walk).await;
            let told = if later.complete { None } else { Some(&Entry::Gone(id.clone())) };
            assert_eq!(later.of(&id), told);
            assert!(!matches!(later.of(&kept), Some(Entry::Gone(_))));
        }
        assert_eq!(self.read(&id, walk.live(&id).stable.as_deref()).await, Found::Gone);
        let walk = self.list(None).await;
        assert!(walk.complete);
        assert_eq!((walk.of(&id), walk.entries.len()), (None, 1));
    }

    async fn unreadable(&self) {
        let (id, good) = (self.put(&ada()).await, self.put(&nth(1)).await);
        let before = self.list(None).await;
        self.0.spoil(&id).await;
        for listed in [self.since(&before).await, self.list(None).await] {
            let Some(Entry::Unreadable { reason, .. }) = listed.of(&id) else { panic!("{:?}", listed.of(&id)) };
            assert!(!reason.contains("Ada") && reason.len() > 10, "{reason}");
        }
        let walk = self.list(None).await;
        assert!(walk.complete);
        assert!(walk.live(&good).contact.same(&nth(1)));
        assert!(matches!(self.read(&id, None).await, Found::Unreadable(_)));
        let refused = self.write(patch(&id, title(Some("Programmer"), Some("Countess")))).await;
        assert_eq!(kind(refused), Kind::Invalid);
        let refused = self.write(Change::Delete { id: id.clone() }).await;
        assert!(refused.is_err(), "what cannot be read is not deleted");
        assert!(matches!(self.read(&id, None).await, Found::Unreadable(_)), "it is as it was");
    }

    async fn order(&self) {
        let ids = [self.put(&nth(0)).await, self.put(&nth(1)).await, self.put(&nth(2)).await];
        self.0.remove(&ids[1]).await;
        let asked: Vec<Wanted> =
            [2, 1, 0, 2].iter().map(|&n: &usize| Wanted { id: ids[n].clone(), stable: None }).collect();
        let found = self.0.book().read(&asked, &stay()).await.expect("read");
        let ids_found: Vec<Option<&ContactId>> = found
            .iter()
            .map(|found| match found {
                Found::Live { seen, .. } => Some(&seen.id),
                _ => None,
            })
            .collect();
        assert_eq!(ids_found, [Some(&ids[2]), None, Some(&ids[0]), Some(&ids[2])]);
        assert_eq!(self.0.book().read(&[], &stay()).await, Ok(vec![]));
        assert_eq!(self.0.book().write(&[], &stay()).await, []);
    }

    async fn renamed(&self) {
        let id = self.put(&ada()).await;
        let walk = self.list(None).await;
        let stable = walk.live(&id).stable.clone().expect("a stable identity");
        let new = self.0.rename(&id).await;
        assert_ne!(new, id);
        let Found::Live { seen, .. } = self.read(&id, Some(&stable)).await else { panic!("it is still there") };
        assert_eq!((&seen.id, &seen.stable), (&new, &Some(stable)));
        assert_eq!(self.read(&id, None).await, Found::Gone, "without its identity it cannot be found");
        assert_eq!(self.since(&walk).await.live(&new).contact, seen.contact);
    }

    async fn create(&self) {
        self.list(None).await;
        let creation = self.creation(&ada());
        let Change::Create { contact: wanted, chosen } = creation.clone() else { unreachable!() };
        let seen = now(self.write(creation).await);
        assert!(seen.contact.same(&wanted), "{:?}", seen.contact);
        assert!(seen.in_group);
        if let Some(chosen) = chosen {
            let Found::Live { seen: found, .. } = self.read(&chosen, Some(chosen.as_str())).await else {
                panic!("a contact is found by the id that was chosen for it")
            };
            assert_eq!(found.id, seen.id);
        }
        let walk = self.list(None).await;
        assert_eq!(*walk.live(&seen.id), seen);
        assert_eq!(walk.entries.len(), 1);
    }

    async fn create_again(&self) {
        let creation = self.creation(&ada());
        let first = now(self.write(creation.clone()).await);
        self.0.retitle(&first.id, "Countess").await;
        let second = now(self.write(creation).await);
        assert_eq!(second.id, first.id);
        assert_eq!(second.contact.job_title.as_deref(), Some("Countess"), "it is left as it is");
        assert_eq!(self.list(None).await.entries.len(), 1);
    }

    async fn patch(&self) {
        let id = self.put(&ada()).await;
        self.list(None).await;
        let phone = Element::phone("+44 20 7946 0002", None).expect("a phone");
        let mail = |text: &str| Element::email(text).expect("an address");
        let element = |field, change| FieldChange::Element { field, change };
        let (old, new) = (mail("ada@byron.example"), mail("ada@lovelace.example"));
        let renamed = Name { family: Some("Lovelace".into()), display: Some("Ada Lovelace".into()), ..ada().name };
        let changes = [
            title(Some("Programmer"), Some("Countess")),
            title(Some("Countess"), None),
            FieldChange::Text { field: Field::Notes, before: ada().notes, after: Some("One; two, three\\".into()) },
            FieldChange::Text { field: Field::Organization, before: ada().organization, after: Some("Ünion".into()) },
            FieldChange::Birthday { before: ada().birthday, after: Birthday::new(Some(1986), 1, 2) },
            FieldChange::Name { before: ada().name, after: renamed },
            element(Field::Phones, ElementChange::Add(phone.clone())),
            element(Field::Phones, ElementChange::Remove(phone)),
            element(Field::Emails, ElementChange::Replace { before: old, after: new.clone() }),
            element(Field::Emails, ElementChange::Remove(new)),
        ];
        let capability = self.0.book().capability();
        for change in changes {
            if change.field().is_some_and(|field| !capability.fields.contains(field)) {
                continue;
            }
            let before = self.seen(&id).await.contact;
            let change = patch(&id, change);
            let wanted = capability.project(&change.applied_to(&before).expect("not deleted"), &before);
            let written = now(self.write(change.clone()).await);
            assert!(written.contact.same(&wanted), "{change:?}: {:?}, wanted {wanted:?}", written.contact);
            assert_eq!(self.seen(&id).await, written, "the answer is what is there");
            let again = now(self.write(change).await);
            assert_eq!(again.contact, written.contact, "the same patch again changes nothing");
        }
    }

    async fn stale(&self) {
        let id = self.put(&ada()).await;
        self.list(None).await;
        self.0.retitle(&id, "Countess").await;
        let stale = self.write(patch(&id, title(Some("Programmer"), Some("Engineer")))).await;
        assert_eq!(kind(stale), Kind::Stale);
        assert_eq!(self.seen(&id).await.contact.job_title.as_deref(), Some("Countess"));
    }

    async fn delete(&self) {
        let (id, kept) = (self.put(&ada()).await, self.put(&nth(1)).await);
        let walk = self.list(None).await;
        for _ in 0..2 {
            assert_eq!(self.write(Change::Delete { id: id.clone() }).await, Ok(Written::Deleted));
        }
        assert_eq!(self.read(&id, walk.live(&id).stable.as_deref()).await, Found::Gone);
        assert_eq!(self.seen(&kept).await, *walk.live(&kept));
        let gone = self.write(patch(&id, title(Some("Programmer"), None))).await;
        assert!(matches!(kind(gone), Kind::Stale | Kind::NotFound));
    }

    async fn delete_stale(&self) {
        let id = self.put(&ada()).await;
        self.list(None).await;
        self.0.retitle(&id, "Countess of Lovelace").await;
        assert_eq!(kind(self.write(Change::Delete { id: id.clone() }).await), Kind::Stale);
        assert_eq!(self.seen(&id).await.contact.job_title.as_deref(), Some("Countess of Lovelace"));
        assert_eq!(self.write(Change::Delete { id }).await, Ok(Written::Deleted), "now that it was read again");
    }

    async fn one_bad_change(&self) {
        let ids = [self.put(&nth(0)).await, self.put(&nth(1)).await, self.put(&nth(2)).await];
        self.list(None).await;
        self.0.remove(&ids[1]).await;
        let changes: Vec<Change> = ids.iter().map(|id| patch(id, title(None, Some("Boss")))).collect();
        let written = self.0.book().write(&changes, &stay()).await;
        let done: Vec<Option<&ContactId>> = written
            .iter()
            .map(|written| match written {
                Ok(Written::Now(seen)) => Some(&seen.id),
                _ => None,
            })
            .collect();
        assert_eq!(done, [Some(&ids[0]), None, Some(&ids[2])]);
    }

    async fn cancelled(&self) {
        let id = self.put(&ada()).await;
        self.list(None).await;
        let book = self.0.book();
        let stop = CancellationToken::new();
        stop.cancel();
        assert_eq!(kind(book.changes(None, &stop).await), Kind::Cancelled);
        let wanted = [Wanted { id: id.clone(), stable: None }];
        assert_eq!(kind(book.read(&wanted, &stop).await), Kind::Cancelled);
        let changes = [patch(&id, title(Some("Programmer"), None)), Change::Delete { id: id.clone() }];
        for written in book.write(&changes, &stop).await {
            assert_eq!(kind(written), Kind::Cancelled);
        }
        assert_eq!(self.seen(&id).await.contact.job_title.as_deref(), Some("Programmer"));
    }

    async fn cursor(&self) {
        self.put(&ada()).await;
        let walk = self.list(None).await;
        let other = self.0.other(&self.0.group());
        for cursor in [walk.cursor.expect("a cursor"), Cursor::from("not a cursor")] {
            match other.changes(Some(&cursor), &stay()).await {
                Ok(page) => assert!(!page.complete && !page.entries.iter().any(|e| matches!(e, Entry::Gone(_)))),
                Err(error) => assert_eq!(error.kind, Kind::CursorExpired),
            }
        }
    }

    async fn groups(&self) {
        self.put(&ada()).await;
        self.0.put(&nth(1), false).await;
        let groups = self.0.book().groups(&stay()).await.expect("groups");
        assert!(groups.contains(&self.0.group()), "{groups:?}");
        let missing = format!("{}s", self.0.group());
        let other = self.0.other(&missing);
        let error = other.changes(None, &stay()).await.expect_err("no such group");
        assert_eq!(error.kind, Kind::Group);
        assert!(error.message.contains(&missing) && error.message.contains(&self.0.group()), "{error}");
    }

    async fn join(&self) {
        let inside = self.put(&nth(1)).await;
        let id = self.0.put(&ada(), false).await;
        let walk = self.list(None).await;
        assert!(!walk.live(&id).in_group && walk.live(&inside).in_group);
        let joined = now(self.write(patch(&id, FieldChange::JoinGroup)).await);
        assert!(joined.in_group);
        assert!(joined.contact.same(&walk.live(&id).contact));
        let later = self.list(None).await;
        assert!(later.live(&joined.id).in_group);
    }

    async fn unsaid(&self) {
        let capability = self.0.book().capability();
        let id = self.put(&ada()).await;
        let contact = self.list(None).await.live(&id).contact.clone();
        for field in capability.fields.complement().iter() {
            assert!(!contact.says(field), "{field:?} cannot be held");
        }
        assert!(contact.same(&capability.project(&ada(), &Contact::default())), "{contact:?}");
    }

    async fn photo(&self) {
        let id = self.put(&ada()).await;
        assert_eq!(self.0.book().photo(&id, &stay()).await, Ok(None));
        let bytes = self.0.picture(&id).await;
        let seen = self.list(None).await.live(&id).clone();
        assert!(seen.contact.photo.is_some_and(|photo| photo.may_be(&bytes)), "it has this picture");
        assert_eq!(self.0.book().photo(&id, &stay()).await, Ok(Some(bytes)));
    }
}
