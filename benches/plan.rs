//! What a pass costs beside its changes: nothing may grow with the number of links.
//!
//! A state database of as many links and persons as the group says, and a book that reports 100 contacts as changed, or
//! as new. Measured is observing and planning ([`carnetd::reconcile::intend`]); nothing is written. Compare the figures of
//! 100 000 links with those of 1 000 in the same run. How to read them: `docs/measurements.md`.

#![expect(clippy::expect_used, reason = "a measurement that cannot be set up has failed")]
#![allow(missing_docs, reason = "criterion's macros write undocumented items")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use async_trait::async_trait;
use carnetd::account::Share;
use carnetd::adapter::pipedrive::{Company, Credential, Settings};
use carnetd::adapter::{Book, Entry, Error, Found, Page, Seen, SharedBook, Wanted, Written};
use carnetd::clock::{Moment, RealClock, SharedClock};
use carnetd::config::{self, Environment};
use carnetd::contact::{
    Capability, Change, Contact, ContactId, Cursor, Element, Fields, Name, PersonId, Revision, UserId,
};
use carnetd::http::{self, Client, Url};
use carnetd::link::{Chosen, ContactHalf, Link, LinkId, PersonHalf, State};
use carnetd::reconcile::{Member, Shared, Shelf, Wish, intend};
use carnetd::sandbox::{Options, Sandbox, serve};
use carnetd::store::{Checkpoint, CheckpointId, Op, Person, Store};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

const OWNER: &str = "alice@acme.example";
const CHANGES: u64 = 100;

fn passes(criterion: &mut Criterion) {
    let runtime = Runtime::new().expect("a runtime");
    for news in [News::Changed, News::New] {
        let mut group = criterion.benchmark_group(format!("{CHANGES} {news:?} contacts among links"));
        for links in [1_000, 100_000] {
            let office = runtime.block_on(Office::new(links, news));
            // The first look of a process walks the whole book; the others ask for what changed.
            assert_eq!(runtime.block_on(office.plan()), CHANGES, "every change is a step");
            group.bench_function(BenchmarkId::from_parameter(links), |bencher| {
                bencher.iter(|| runtime.block_on(office.plan()));
            });
        }
        group.finish();
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(30);
    targets = passes
}
criterion_main!(benches);

/// What the book reports.
#[derive(Debug, Clone, Copy)]
enum News {
    /// Linked contacts with another job title.
    Changed,
    /// Contacts that nobody knows: each is compared with every person and contact of its addresses.
    New,
}

/// An account with its links, ready for a pass.
struct Office {
    shared: Shared,
    member: Member,
    _directory: TempDir,
}

impl Office {
    async fn new(links: u64, news: News) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let clock: SharedClock = Arc::new(RealClock);
        let company = company(&clock).await;
        let owner = company.owner(OWNER, &CancellationToken::new()).await.expect("the token's user");
        let account = account(&directory);
        let provider: SharedBook = Arc::new(Delta { links, news });
        let shelf = Shelf::default();
        shelf.declare(BTreeSet::from([account.name.clone()]));
        let member = Member::new(account, provider, Arc::new(shelf));

        let store = Store::open_or_create(&directory.path().join("state.redb")).expect("a state");
        let id = CheckpointId(1);
        let checkpoint = Checkpoint {
            cursor: Some(Cursor::from("since then")),
            first_pass_done: true,
            links_window: vec![(Moment(0), links)],
            ..Checkpoint::new(member.scope(&company))
        };
        let start = vec![Op::PutCheckpoint(id, Box::new(checkpoint)), Op::Name(member.name.clone(), id)];
        store.write(start).await.expect("written");
        for from in (0..links).step_by(5_000) {
            let batch = (from..links.min(from + 5_000)).flat_map(|n| {
                let link = Op::PutLink { checkpoint: id, id: LinkId(n), link: Box::new(link(n)) };
                [Op::PutPerson(Box::new(person(n, owner))), link]
            });
            store.write(batch.collect()).await.expect("written");
        }
        let shared = Shared::open(store, clock, company, Arc::default()).await.expect("a company");
        Self { shared, member, _directory: directory }
    }

    /// Observes and plans; how many contacts would be written.
    async fn plan(&self) -> u64 {
        let intended = intend(&self.shared, &self.member, Wish::default(), &CancellationToken::new()).await;
        let plan = intended.expect("a plan").plan;
        assert!(plan.refusals.is_empty(), "{:?}", plan.refusals);
        plan.steps.iter().filter(|step| step.writes()).count() as u64
    }
}

async fn company(clock: &SharedClock) -> Arc<Company> {
    let options = Options { state: None, clock: Arc::clone(clock), seed: 1 };
    let sandbox = Sandbox::open(options).expect("a sandbox");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/pipedrive", listener.local_addr().expect("an address"));
    tokio::spawn(serve(listener, sandbox, std::future::pending()));
    let settings = Settings {
        url: Url::parse(&url).expect("a URL"),
        token: Credential::ApiToken(format!("sandbox:{OWNER}").into()),
        levels: None,
        daily_tokens: None,
        burst: None,
        daily_share: Share::percent(100).expect("at most 100"),
        used: None,
        fields: BTreeMap::new(),
    };
    let client = Client::new(&http::Settings::default(), Arc::clone(clock), 1).expect("a client");
    Company::connect(settings, client, Arc::clone(clock), &CancellationToken::new()).await.expect("a company")
}

fn account(directory: &TempDir) -> config::Account {
    let text = format!(
        "state_dir = \"state\"\n[pipedrive]\nsandbox = true\n[accounts.alice]\nprovider = \"folder\"\npath = \".\"\n\
         owner = \"{OWNER}\"\ngroup = \"*\"\ndirection = \"two-way\"\nvisibility = \"company\"\n"
    );
    let path = directory.path().join("carnetd.toml");
    std::fs::write(&path, text).expect("a configuration");
    let environment = Environment { config_path: path, ..Environment::default() };
    let config = config::load(&environment).expect("a configuration without problems");
    config.accounts.into_values().next().expect("an account")
}

/// Contact and person `n`.
fn contact(n: u64) -> Contact {
    Contact {
        name: Name::display(&format!("Person Number{n}")),
        emails: Element::email(&format!("person-{n}@acme.example")).into_iter().collect(),
        phones: Element::phone(&format!("+1555{n:07}"), None).into_iter().collect(),
        organization: Some(format!("Company {}", n / 10)),
        job_title: Some("Buyer".to_owned()),
        ..Contact::default()
    }
}

fn card(n: u64) -> ContactId {
    ContactId::from(format!("{n}.vcf").as_str())
}

fn link(n: u64) -> Link {
    let half =
        ContactHalf { id: card(n), stable: None, revision: Revision::from("1"), seen: contact(n).into(), joined: true };
    Link {
        state: State::Active,
        base: contact(n).into(),
        contact: Some(half),
        person: Some(PersonHalf { id: PersonId(n + 1), seen: contact(n).into() }),
        chosen: Chosen::NotYet,
        photo: None,
    }
}

fn person(n: u64, owner: UserId) -> Person {
    Person {
        id: PersonId(n + 1),
        owner,
        visible_to: 3,
        organization: Some(n / 10 + 1),
        update_time: None,
        add_time: None,
        picture: false,
        open_deals: Some(0),
        contact: contact(n),
    }
}

/// A book that always reports the same news.
struct Delta {
    links: u64,
    news: News,
}

impl Delta {
    fn seen(n: u64, revision: &str, contact: Contact) -> Entry {
        let (id, revision) = (card(n), Revision::from(revision));
        Entry::Live(Box::new(Seen { id, stable: None, revision, contact, in_group: true, changed_at: None }))
    }

    fn news(&self) -> Vec<Entry> {
        let apart = self.links / CHANGES;
        let changed =
            |n| Self::seen(n * apart, "2", Contact { job_title: Some("Head".to_owned()), ..contact(n * apart) });
        let new = |n| Self::seen(self.links + n, "1", contact(self.links + n));
        match self.news {
            News::Changed => (0..CHANGES).map(changed).collect(),
            News::New => (0..CHANGES).map(new).collect(),
        }
    }
}

#[async_trait]
impl Book for Delta {
    fn capability(&self) -> Capability {
        Capability { fields: Fields::ALL, ..Capability::EVERYTHING }
    }

    async fn changes(&self, from: Option<&Cursor>, _: &CancellationToken) -> Result<Page, Error> {
        let mut entries = Vec::new();
        if from.is_none() {
            entries.extend((0..self.links).map(|n| Self::seen(n, "1", contact(n))));
        }
        entries.extend(self.news());
        Ok(Page { entries, next: None, cursor: Some(Cursor::from("now")), complete: from.is_none() })
    }

    async fn read(&self, wanted: &[Wanted], _: &CancellationToken) -> Result<Vec<Found>, Error> {
        Ok(wanted.iter().map(|_| Found::Gone).collect())
    }

    async fn write(&self, changes: &[Change], _: &CancellationToken) -> Vec<Result<Written, Error>> {
        changes.iter().map(|_| Ok(Written::Deleted)).collect()
    }

    async fn photo(&self, _: &ContactId, _: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        Ok(None)
    }

    async fn groups(&self, _: &CancellationToken) -> Result<Vec<String>, Error> {
        Ok(Vec::new())
    }
}
