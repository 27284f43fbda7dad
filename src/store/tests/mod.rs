//! Shared values of the store's tests.

mod commit;
mod links;
mod open;
mod round_trip;
mod rows;

use super::*;
use crate::account::{AccountName, Direction, Group, Provider, Scope};
use crate::contact::{Contact, ContactId, Element, Name, PersonId};
use crate::link::{ContactHalf, Link, PersonHalf, State};

const CP: CheckpointId = CheckpointId(1);

fn scope(book: &str) -> Scope {
    Scope {
        company: "acme".to_owned(),
        provider: Provider::Folder,
        book: book.to_owned(),
        owner: "anna@acme.example".to_owned(),
        group: Group::Whole,
        direction: Direction::TwoWay,
    }
}

fn account(name: &str) -> AccountName {
    AccountName::new(name).expect("a valid name")
}

fn contact(name: &str) -> Contact {
    let email = format!("{name}@acme.example").to_lowercase();
    Contact { name: Name::display(name), emails: Element::email(&email).into_iter().collect(), ..Contact::default() }
}

/// An active link between a contact and a person.
fn link(id: &str, person: u64) -> Link {
    let half = ContactHalf {
        id: ContactId::from(id),
        stable: Some(format!("uid-{id}")),
        revision: "r1".into(),
        seen: contact(id).into(),
        joined: true,
    };
    let person = PersonHalf { id: PersonId(person), seen: contact(id).into() };
    Link { base: contact(id).into(), ..Link::half(State::Active, Some(half), Some(person)) }
}

fn put(checkpoint: CheckpointId, id: u64, link: Link) -> Op {
    Op::PutLink { checkpoint, id: LinkId(id), link: Box::new(link) }
}

/// What makes checkpoint 1 of an account `alice` with the book `/cards`.
fn alice() -> Vec<Op> {
    vec![Op::PutCheckpoint(CP, Box::new(Checkpoint::new(scope("/cards")))), Op::Name(account("alice"), CP)]
}

async fn store_with(ops: Vec<Op>) -> Store {
    let store = Store::in_memory();
    store.write(alice()).await.expect("written");
    store.write(ops).await.expect("written");
    store
}
