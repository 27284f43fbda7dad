//! Single stories: each odd rule once, with what must not happen.

use std::cell::Cell;

use super::kit::{Groups, OWNER, World, address, contact};
use crate::account::{AccountName, Conflict, Direction, Group, Provider, Scope, Share};
use crate::contact::{
    Address, AddressPart, Capability, Change, ContactId, Digest, Element, ElementChange, Field, FieldChange, Fields,
    Name, PersonId, PhotoHash,
};
use crate::link::{Cause, Chosen, HoldCause, LinkId, State};
use crate::plan::{
    ContactNow, ContactSight, Directory, Input, PersonNow, PersonSight, Reason, Refusal, Rescoped, Side, Step, Taken,
    Then, hold_digest, plan,
};

fn one_way() -> World {
    World::new(Direction::OneWay)
}

fn two_way() -> World {
    World::new(Direction::TwoWay)
}

fn patches(step: &Step, side: Side) -> Vec<FieldChange> {
    let fields = step.writes.iter().filter(|w| w.side == side).filter_map(|w| match &w.change {
        Change::Patch { fields, .. } => Some(fields.clone()),
        _ => None,
    });
    fields.flatten().collect()
}

fn lines(step: &Step) -> Vec<String> {
    step.lines().iter().map(ToString::to_string).collect()
}

fn email(value: &str) -> Element {
    Element::email(value).expect("not empty")
}

// Fields.

#[test]
fn what_only_the_person_has_stays_one_way_and_fills_the_provider_two_way() {
    for (mut world, card_notes) in [(one_way(), None), (two_way(), Some("hers"))] {
        let card = world.card(contact("Anna Weber; a@x p@x"));
        let human = world.human(contact("Anna Weber; a@x own@x; +49 30 1; hers"));
        world.settle();
        let person = &world.humans[&human].contact;
        assert_eq!(person.emails.iter().map(|e| e.value.as_str()).collect::<Vec<_>>(), ["a@x", "own@x", "p@x"]);
        assert_eq!(person.notes.as_deref(), Some("hers"));
        assert_eq!(world.cards[&card].contact.notes.as_deref(), card_notes);
        assert_eq!(world.cards[&card].contact.phones.len(), usize::from(card_notes.is_some()));
    }
}

#[test]
fn a_single_value_on_both_sides_of_a_first_link_follows_the_policy_and_names_the_loser() {
    for (direction, conflict, wins, loser) in [
        (Direction::OneWay, Conflict::Pipedrive, "card", "person"),
        (Direction::TwoWay, Conflict::Provider, "card", "person"),
        (Direction::TwoWay, Conflict::Pipedrive, "person", "card"),
    ] {
        let mut world = World::new(direction);
        world.policy.conflict = conflict;
        world.card(contact("Anna; a@x; ; card"));
        let human = world.human(contact("Anna; a@x; ; person"));
        let (done, _) = world.pass(false, |_| true);
        assert_eq!(done[0].losers, [(Field::Notes, loser.to_owned())]);
        assert_eq!(world.humans[&human].contact.notes.as_deref(), Some(wins), "{direction:?} {conflict:?}");
        world.assert_idle(true);
    }
}

#[test]
fn the_later_edit_wins_only_by_more_than_a_minute() {
    for (card_at, human_at, wins) in [
        (Some(0), Some(60_001), "person"),
        (Some(0), Some(60_000), "card"),
        (Some(90_000), Some(0), "card"),
        (None, Some(90_000), "card"),
        (Some(0), None, "card"),
    ] {
        let mut world = two_way();
        world.policy.conflict = Conflict::Newest;
        let (card, human, _) = world.pair(contact("Anna; a@x; ; old"));
        world.edit_card(&card, |c| c.notes = Some("card".into()));
        world.edit_human(human, |c| c.notes = Some("person".into()));
        world.cards.get_mut(&card).expect("it").changed_at = card_at;
        world.humans.get_mut(&human).expect("it").changed_at = human_at;
        world.settle();
        assert_eq!(world.humans[&human].contact.notes.as_deref(), Some(wins), "{card_at:?} {human_at:?}");
        assert_eq!(world.cards[&card].contact.notes.as_deref(), Some(wins));
    }
}

#[test]
fn labels_order_and_primary_are_no_change() {
    let mut world = two_way();
    let (card, human, _) = world.pair(contact("Anna Weber; a@x b@x; +49 30 1"));
    world.edit_card(&card, |c| {
        c.emails.reverse();
        c.emails[0].preferred = true;
        c.phones[0].label = Some("fax".into());
        c.phones[0].value = "+49-30-1".into();
        c.name.display = Some("Weber, Anna".into());
    });
    world.edit_human(human, |c| c.emails[1].label = Some("home".into()));
    let step = world.only_step();
    assert_eq!((step.reason, step.writes), (Reason::Seen, Vec::new()));
}

#[test]
fn an_element_is_edited_in_place() {
    let mut world = two_way();
    let (_, human, _) = world.pair(contact("Anna; a@x b@x"));
    world.edit_human(human, |c| c.emails[1] = email("new@x"));
    let change = ElementChange::Replace { before: email("b@x"), after: email("new@x") };
    assert_eq!(patches(&world.only_step(), Side::Provider), [FieldChange::Element { field: Field::Emails, change }]);
}

#[test]
fn case_and_spacing_of_an_organization_are_no_change() {
    let mut world = two_way();
    let mut anna = contact("Anna; a@x");
    anna.organization = Some("ACME  gmbh".into());
    let (card, human, _) = world.pair(anna);
    world.edit_human(human, |c| c.organization = Some("Acme GmbH".into()));
    assert_eq!(world.only_step().writes, []);
    world.edit_card(&card, |c| c.organization = Some("Other".into()));
    assert_eq!(lines(&world.only_step()), ["Pipedrive: organization: Acme GmbH → Other"]);
}

#[test]
fn notes_that_are_too_long_are_neither_cut_nor_cleared() {
    let mut world = two_way();
    let (card, human, _) = world.pair(contact("Anna; a@x; ; short"));
    world.edit_card(&card, |c| c.notes = Some("long ".repeat(20)));
    let step = world.only_step();
    assert_eq!(step.writes, []);
    assert!(step.said[0].contains("cannot hold"), "{:?}", step.said);
    world.settle();
    world.edit_human(human, |c| c.notes = Some("edited".into()));
    world.settle();
    assert!(world.cards[&card].contact.notes.as_ref().expect("kept").starts_with("long"), "not overwritten");
    world.edit_card(&card, |c| c.notes = Some("fits".into()));
    let step = world.only_step();
    assert_eq!(step.losers, [(Field::Notes, "edited".to_owned())], "an edit that was never agreed on is not lost");
    world.settle();
    assert_eq!(world.humans[&human].contact.notes.as_deref(), Some("fits"));
}

#[test]
fn a_field_that_can_be_said_later_merges_as_on_a_first_link() {
    for (mut world, card_notes) in [(one_way(), None), (two_way(), Some("hers"))] {
        world.pipedrive.fields = Fields::ALL.without(Field::Notes).without(Field::JobTitle);
        let mut anna = contact("Anna; a@x");
        anna.job_title = Some("Smith".into());
        let card = world.card(anna);
        let human = world.human(contact("Anna; a@x"));
        world.settle();
        assert_eq!(world.humans[&human].contact.job_title, None, "never written");
        world.edit_human(human, |c| c.notes = Some("hers".into()));
        world.settle();
        world.pipedrive.fields = Fields::ALL;
        assert_eq!(world.only_step().reason, Reason::NewlySaid);
        world.settle();
        assert_eq!(world.humans[&human].contact.job_title.as_deref(), Some("Smith"));
        assert_eq!(world.cards[&card].contact.notes.as_deref(), card_notes);
        assert_eq!(world.humans[&human].contact.notes.as_deref(), Some("hers"));
    }
}

#[test]
fn what_becomes_unsayable_is_not_cleared() {
    let mut world = two_way();
    let (card, human, _) = world.pair(contact("Anna; a@x; ; kept"));
    world.pipedrive.fields = Fields::ALL.without(Field::Notes);
    world.edit_human(human, |c| c.emails.push(email("b@x")));
    world.settle();
    assert_eq!(world.cards[&card].contact.notes.as_deref(), Some("kept"));
    world.edit_card(&card, |c| c.notes = Some("changed".into()));
    assert_eq!(world.only_step().writes, []);
}

#[test]
fn a_full_book_keeps_what_it_has() {
    let mut world = two_way();
    world.provider = Capability { phones: 1, ..Capability::EVERYTHING };
    let (card, human, _) = world.pair(contact("Anna; a@x; +49 30 1"));
    world.edit_human(human, |c| c.phones.insert(0, contact("; ; +49 30 2").phones.remove(0)));
    world.settle();
    assert_eq!(world.cards[&card].contact.phones[0].key, "+49301");
    assert_eq!(world.humans[&human].contact.phones.len(), 2, "neither lost nor fought over");
    world.edit_card(&card, |c| c.phones.clear());
    world.settle();
    assert_eq!(world.cards[&card].contact.phones[0].key, "+49302", "there is room now");
    assert_eq!(world.humans[&human].contact.phones.len(), 1);
}

// The name.

#[test]
fn a_derived_name_follows_its_source_and_is_never_written_back() {
    let mut world = two_way();
    let card = world.card(contact("; info@x"));
    world.settle();
    let human = *world.humans.keys().next().expect("created");
    assert_eq!(world.humans[&human].contact.name, Name::display("info@x"));
    assert!(world.cards[&card].contact.name.is_empty());
    world.edit_card(&card, |c| c.emails[0] = email("office@x"));
    world.settle();
    assert_eq!(world.humans[&human].contact.name, Name::display("office@x"));
    assert!(world.cards[&card].contact.name.is_empty());
    world.edit_human(human, |c| c.name = Name::display("Anna Weber"));
    world.settle();
    assert_eq!(world.cards[&card].contact.name, Name::display("Anna Weber"), "a name that somebody gave");
}

#[test]
fn a_name_given_to_the_person_outlives_a_change_of_what_it_was_derived_from() {
    let mut world = one_way();
    let card = world.card(contact("; info@x"));
    world.settle();
    let human = *world.humans.keys().next().expect("created");
    world.edit_human(human, |c| c.name = Name::display("Anna Weber"));
    world.settle();
    world.edit_card(&card, |c| c.emails[0] = email("office@x"));
    world.settle();
    assert_eq!(world.humans[&human].contact.name, Name::display("Anna Weber"));
}

#[test]
fn a_name_from_pipedrive_changes_parts_only_where_it_is_clear_which() {
    let mut anna = contact("; a@x");
    anna.name = Name { display: Some("Anna Weber".into()), given: Some("Anna".into()), family: Some("Weber".into()) };
    for (new, given, family, said) in [("Anna Lang", "Anna", "Lang", 0), ("Dr. A. Lang", "Anna", "Weber", 1)] {
        let mut world = two_way();
        let (card, human, _) = world.pair(anna.clone());
        world.edit_human(human, |c| c.name = Name::display(new));
        assert_eq!(world.only_step().said.len(), said, "{new}");
        world.settle();
        let name = &world.cards[&card].contact.name;
        assert_eq!(name.display.as_deref(), Some(new));
        assert_eq!((name.given.as_deref(), name.family.as_deref()), (Some(given), Some(family)));
    }
}

#[test]
fn a_contact_without_anything_to_call_it_by_is_said_not_created() {
    let mut world = one_way();
    world.card(contact("; ; ; only a note"));
    let step = world.only_step();
    assert_eq!((step.reason, step.writes, step.then), (Reason::Nameless, Vec::new(), Then::Nothing));
}

// The address.

fn labelled(city: &str, label: &str) -> Address {
    let mut address = address(city);
    address.label = Some(label.into());
    address
}

#[test]
fn the_chosen_address_stays_chosen_and_its_removal_clears() {
    let mut world = two_way();
    let mut anna = contact("Anna; a@x");
    anna.addresses = vec![labelled("Lyon", "home"), labelled("Paris", "work")];
    let card = world.card(anna);
    world.settle();
    let human = *world.humans.keys().next().expect("created");
    let city = |world: &World| {
        world.humans[&human].contact.addresses.first().and_then(|a| a.part(AddressPart::City).map(str::to_owned))
    };
    assert_eq!(city(&world).as_deref(), Some("Paris"));
    let written = &world.humans[&human].contact.addresses[0];
    assert_eq!(written.text.as_deref(), Some("Paris, France"), "the text that Pipedrive asks for");
    world.edit_card(&card, |c| c.addresses[0].preferred = true);
    world.settle();
    assert_eq!(city(&world).as_deref(), Some("Paris"), "chosen once");
    world.edit_card(&card, |c| c.addresses.truncate(1));
    assert_eq!(lines(&world.only_step()), ["Pipedrive: address: Paris, France → (none)"]);
    world.settle();
    assert_eq!(city(&world), None);
    assert_eq!(world.links.values().next().expect("it").chosen, Chosen::Removed);
    world.edit_card(&card, |c| c.addresses[0].set(AddressPart::City, Some("Nice")));
    world.settle();
    assert_eq!(world.cards[&card].contact.addresses.len(), 1);
}

#[test]
fn an_address_from_pipedrive_changes_only_what_pipedrive_knows() {
    let mut world = two_way();
    let mut anna = contact("Anna; a@x");
    anna.addresses = vec![labelled("Lyon", "home").with(AddressPart::PoBox, "12")];
    let card = world.card(anna);
    world.settle();
    let human = *world.humans.keys().next().expect("created");
    assert_eq!(world.humans[&human].contact.addresses[0].part(AddressPart::PoBox), None, "the model's Pipedrive");
    world.edit_human(human, |c| c.addresses[0].set(AddressPart::City, Some("Nice")));
    world.settle();
    let address = &world.cards[&card].contact.addresses[0];
    assert_eq!(address, &labelled("Nice", "home").with(AddressPart::PoBox, "12"), "France is not rewritten to FRANCE");
    world.edit_human(human, |c| c.addresses = vec![text_only("somewhere else")]);
    let step = world.only_step();
    assert_eq!(patches(&step, Side::Provider), []);
    assert_eq!(step.said.len(), 1, "nobody can say which part it is");
}

fn text_only(text: &str) -> Address {
    let mut address = Address::default();
    address.text = Some(text.into());
    address
}

// The photo.

#[test]
fn a_photo_goes_over_once_one_way_and_only_where_there_is_none() {
    let source = PhotoHash::of(b"me");
    let mut anna = contact("Anna; a@x");
    anna.photo = Some(source.clone());
    let mut world = one_way();
    let card = world.card(anna.clone());
    let step = world.only_step();
    let photo = Change::Patch { id: Step::id_to_come(), fields: vec![FieldChange::Photo { source: source.clone() }] };
    assert_eq!(step.writes.last().map(|w| &w.change), Some(&photo));
    world.settle();
    let human = *world.humans.keys().next().expect("created");
    assert_eq!(world.humans[&human].contact.photo, Some(source));
    world.edit_human(human, |c| c.photo = None);
    world.edit_card(&card, |c| c.notes = Some("new".into()));
    world.settle();
    assert_eq!(world.humans[&human].contact.photo, None, "uploaded at most once");
    world.edit_card(&card, |c| c.photo = Some(PhotoHash::of(b"another")));
    world.settle();
    assert!(world.humans[&human].contact.photo.is_some(), "another source");

    let mut world = two_way();
    world.card(anna);
    world.settle();
    assert!(world.humans.values().all(|h| h.contact.photo.is_none()), "not two-way");
}

// Evidence and claims.

#[test]
fn two_new_contacts_that_claim_one_person_wait_until_one_gives_way() {
    let mut world = one_way();
    world.human(contact("Anna Weber; a@x"));
    let first = world.card(contact("Anna Weber; a@x"));
    world.card(contact("Anna; a@x b@x"));
    world.settle();
    let states: Vec<_> = world.links.values().map(|l| l.state.clone()).collect();
    assert_eq!(states.len(), 2);
    for state in states {
        let State::Held(hold) = state else { panic!("held: {state:?}") };
        assert_eq!((hold.cause, hold.persons.len(), hold.contacts.len()), (HoldCause::ClaimedTwice, 1, 2));
    }
    world.edit_card(&first, |c| c.emails[0] = email("other@x"));
    world.settle();
    assert_eq!(world.links.values().filter(|l| l.is_active()).count(), 2, "{:#?}", world.links);
    assert_eq!(world.humans.len(), 2);
}

#[test]
fn twins_of_a_first_import_are_made_alike_whether_or_not_it_was_cut() {
    for cut in [false, true] {
        let mut world = two_way();
        world.ledger.first_pass = true;
        world.card(contact("Anna Weber; a@x; +49 30 1"));
        world.card(contact("Anna Weber; a@x; +49 30 1"));
        if cut {
            let done = Cell::new(0);
            world.pass(false, |_| done.replace(done.get() + 1) == 0);
            assert_eq!(world.humans.len(), 1);
        }
        world.settle();
        assert_eq!(world.humans.len(), 2);
        assert_eq!(world.links.values().filter(|l| l.is_active()).count(), 2);
    }
}

#[test]
fn of_the_copies_of_a_card_only_the_first_gets_a_person() {
    for (first_pass, cut, known) in
        [(true, false, false), (true, true, false), (false, false, false), (true, false, true)]
    {
        let mut world = two_way();
        world.ledger.first_pass = first_pass;
        if known {
            world.human(contact("Anna Weber; a@x"));
        }
        let first = world.card(contact("Anna Weber; a@x"));
        let copy = world.card(contact("Anna Weber; a@x"));
        let edited = world.card(contact("Anna Maria; other@x"));
        for id in [&copy, &edited] {
            let stable = world.cards[&first].stable.clone();
            world.cards.get_mut(id).expect("a card").stable = stable;
        }
        if cut {
            world.pass(false, |_| false);
        }
        world.settle();
        assert_eq!(world.humans.len(), 1, "{first_pass} {cut} {known}");
        let of = |world: &World, id: &ContactId| {
            world.links.values().find(|link| link.contact_id() == Some(id)).expect("a link").clone()
        };
        assert!(of(&world, &first).is_active());
        for id in [&copy, &edited] {
            let State::Held(hold) = of(&world, id).state else { panic!("held: {:?}", of(&world, id)) };
            assert_eq!((hold.cause, hold.contacts), (HoldCause::SameIdentity, vec![first.clone()]));
        }
        // A yes, or a UID of its own where nothing else speaks against it, makes it somebody else.
        world.confirmed.insert(hold_digest(&of(&world, &copy)).expect("it waits"));
        world.cards.get_mut(&edited).expect("a card").stable = "own".into();
        world.settle();
        assert_eq!(world.humans.len(), 3);
        assert!(of(&world, &copy).is_active() && of(&world, &edited).is_active());
    }
}

#[test]
fn what_was_decided_to_be_new_is_made_beside_its_twin_in_a_later_pass_too() {
    let mut world = two_way();
    let (first, second) =
        (world.card(contact("Anna Weber; a@x; +49 30 1")), world.card(contact("Anna Weber; a@x; +49 30 1")));
    let rows = world.observe(false);
    let steps = world.plan(&rows).steps;
    assert_eq!(steps.len(), 2);
    let of = |id| steps.iter().find(|step| step.contact.as_ref() == Some(id)).expect("it");
    // The intents of both were written, then the first one's person, then nothing.
    let Then::Keep(half) = of(&second).then.clone() else { panic!("kept") };
    assert!(half.is_active() && half.person.is_none());
    world.apply(of(&first));
    let link = LinkId(world.next());
    world.links.insert(link, *half);
    world.pass(true, |_| true);
    world.settle();
    assert_eq!(world.humans.len(), 2, "{:#?}", world.links);
    assert!(world.links.values().all(|link| link.is_active() && link.person.is_some()));
    // Without that decision it would have to wait.
    let third = world.card(contact("Anna Weber; a@x; +49 30 1"));
    world.settle();
    let held = world.links.values().find(|link| link.contact_id() == Some(&third)).expect("it");
    assert!(matches!(&held.state, State::Held(_)), "{held:#?}");
}

#[test]
fn a_contact_that_moved_is_the_same_whatever_the_listing_said() {
    let mut world = one_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    let moved = world.cards.remove(&card).expect("it");
    world.cards.insert(ContactId("elsewhere".into()), moved);
    let step = world.only_step();
    assert_eq!((step.link, &step.reason, step.needs_witness()), (Some(link), &Reason::Moved, None));
    world.settle();
    assert!(world.humans.contains_key(&human));
    assert_eq!(world.links[&link].contact_id(), Some(&ContactId("elsewhere".into())));
}

#[test]
fn a_witness_that_finds_the_contact_outside_the_group_keeps_the_person() {
    let mut world = one_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    world.cards.get_mut(&card).expect("it").in_group = false;
    let mut rows = world.observe(false);
    rows[0].contact = ContactSight::Gone;
    let first = world.plan(&rows);
    assert!(first.steps[0].deletes(), "provisionally");
    rows[0].witness = world.witness(&rows[0], &first.steps[0]);
    let second = world.plan(&rows);
    assert_eq!(second.steps[0].reason, Reason::LeftGroup);
    world.apply(&second.steps[0]);
    assert_eq!(world.links[&link].state, State::Dormant(Cause::LeftGroup));
    assert!(world.humans.contains_key(&human));
}

#[test]
fn a_witness_that_finds_the_person_edited_decides_anew() {
    for (mut world, deleted) in [(one_way(), true), (two_way(), false)] {
        let (card, human, _) = world.pair(contact("Anna; a@x"));
        world.cards.remove(&card);
        let mut rows = world.observe(false);
        let first = world.plan(&rows);
        assert!(first.steps[0].deletes(), "as far as the mirror knows");
        world.edit_human(human, |c| c.notes = Some("a minute ago".into()));
        rows[0].witness = world.witness(&rows[0], &first.steps[0]);
        let second = world.plan(&rows);
        assert_eq!(second.steps[0].deletes(), deleted);
        assert_eq!(second.steps[0].losers.len(), usize::from(deleted), "the edit goes to the history");
        assert_eq!(second.steps[0].reason == Reason::ContactRevived, !deleted);
        assert_eq!(second.steps[0].needs_witness(), None);
    }
}

#[test]
fn a_person_that_the_sweep_missed_is_not_gone() {
    let mut world = two_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    let mut rows = world.observe(true);
    rows[0].person = PersonSight::Gone;
    let first = world.plan(&rows);
    rows[0].witness = world.witness(&rows[0], &first.steps[0]);
    let second = world.plan(&rows);
    assert!(second.steps.iter().all(|s| !s.writes()), "{:#?}", second.steps);
    assert!(world.cards.contains_key(&card) && world.humans.contains_key(&human) && world.links[&link].is_active());
}

#[test]
fn a_restored_person_wakes_its_pair() {
    let mut world = one_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    let was = world.humans.remove(&human).expect("it");
    world.settle();
    world.edit_card(&card, |c| c.notes = Some("new".into()));
    let step = world.only_step();
    assert_eq!((&step.reason, step.writes()), (&Reason::Dormant(Cause::PersonDeleted), false));
    world.settle();
    assert!(world.humans.is_empty(), "it is not brought back");
    world.humans.insert(human, was);
    world.settle();
    assert!(world.links[&link].is_active());
    assert_eq!(world.humans[&human].contact.notes.as_deref(), Some("new"), "what changed meanwhile goes over");
}

#[test]
fn a_pair_is_forgotten_when_both_sides_are_gone() {
    let mut world = one_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    world.humans.remove(&human);
    world.settle();
    world.cards.remove(&card);
    world.settle();
    assert!(!world.links.contains_key(&link));
}

#[test]
fn a_sleeping_pair_wakes_when_the_contact_is_back_and_nothing_of_meanwhile_is_lost() {
    let mut world = two_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    world.edit_card(&card, |_| {});
    world.cards.get_mut(&card).expect("it").in_group = false;
    world.settle();
    assert_eq!(world.links[&link].state, State::Dormant(Cause::LeftGroup));
    world.edit_human(human, |c| c.notes = Some("meanwhile".into()));
    world.edit_card(&card, |c| c.emails.push(email("b@x")));
    world.settle();
    assert_eq!(world.humans[&human].contact.emails.len(), 1, "asleep");
    world.cards.get_mut(&card).expect("it").in_group = true;
    assert_eq!(world.only_step().reason, Reason::Woken);
    world.settle();
    assert!(world.links[&link].is_active());
    assert_eq!(world.humans[&human].contact.emails.len(), 2);
    assert_eq!(world.cards[&card].contact.notes.as_deref(), Some("meanwhile"));
}

#[test]
fn a_created_contact_is_joined_again_once_and_then_waits() {
    for (groups, in_group) in [(Groups::Forgetful, true), (Groups::Stubborn, false)] {
        let mut world = two_way();
        world.groups = groups;
        world.human(contact("Anna; a@x"));
        world.settle();
        let (card, link) = (world.cards.values().next().expect("created"), world.links.values().next().expect("it"));
        assert_eq!(card.in_group, in_group);
        assert_eq!(link.is_active(), in_group, "{:?}", link.state);
        assert_eq!(world.humans.len(), 1, "it has not left the group");
    }
}

// What a human being says.

/// Confirms the only thing that waits or sleeps, and lets passes run.
fn confirm(world: &mut World) {
    let digest = world.links.values().find_map(hold_digest).expect("something waits");
    world.confirmed.insert(digest);
    world.settle();
}

#[test]
fn confirming_what_is_alike_creates_it_apart() {
    for (person, card) in [("Bob Lang; a@x", "Anna; a@x"), ("Anna", "Anna; a@x")] {
        let mut world = two_way();
        let human = world.human(contact(person));
        world.links.clear();
        world.card(contact(card));
        world.settle();
        assert_eq!(world.humans.len(), 1);
        confirm(&mut world);
        assert!(world.humans.len() == 2 && world.humans.contains_key(&human), "created beside it");
    }
}

#[test]
fn confirming_dangers() {
    // A merged contact: the deletion goes on.
    let mut world = one_way();
    let (card, human, _) = world.pair(contact("Anna; a@x"));
    world.cards.remove(&card);
    let other = world.card(contact("Anna W; a@x"));
    world.cards.get_mut(&other).expect("it").in_group = false;
    world.settle();
    assert!(world.humans.contains_key(&human));
    confirm(&mut world);
    assert!(!world.humans.contains_key(&human));

    // Open deals: deleted all the same.
    let mut world = one_way();
    let (card, human, _) = world.pair(contact("Anna; a@x"));
    world.cards.remove(&card);
    world.humans.get_mut(&human).expect("it").deals = 2;
    world.settle();
    assert!(world.humans.contains_key(&human));
    confirm(&mut world);
    assert!(!world.humans.contains_key(&human));

    // Gone or hidden: gone.
    let mut world = two_way();
    let (card, human, _) = world.pair(contact("Anna; a@x"));
    world.humans.get_mut(&human).expect("it").hidden = true;
    world.settle();
    assert!(world.cards.contains_key(&card));
    confirm(&mut world);
    assert!(!world.cards.contains_key(&card));

    // Somebody else's person is never deleted, confirmed or not.
    let mut world = one_way();
    let (card, human, link) = world.pair(contact("Anna; a@x"));
    world.cards.remove(&card);
    world.humans.get_mut(&human).expect("it").owner = super::kit::COLLEAGUE;
    world.settle();
    confirm(&mut world);
    assert!(world.humans.contains_key(&human));
    assert_eq!(world.links[&link].state, State::Dormant(Cause::ContactDeleted));
}

#[test]
fn confirming_what_the_group_does_not_show_lets_it_leave() {
    let mut world = two_way();
    world.groups = Groups::Stubborn;
    world.human(contact("Anna; a@x"));
    world.settle();
    confirm(&mut world);
    assert_eq!(world.links.values().next().expect("it").state, State::Dormant(Cause::LeftGroup));
    assert_eq!(world.humans.len(), 1);
}

#[test]
fn confirming_a_sleeping_pair_brings_the_person_back() {
    let mut world = one_way();
    let (_, human, link) = world.pair(contact("Anna; a@x; ; note"));
    world.humans.remove(&human);
    world.settle();
    assert_eq!(world.links[&link].state, State::Dormant(Cause::PersonDeleted));
    confirm(&mut world);
    let back = world.links[&link].person_id().expect("created again");
    assert_ne!(back, human);
    assert_eq!(world.humans[&back].contact.notes.as_deref(), Some("note"));
}

// The guard.

/// A world with so many pairs, and so many contacts deleted.
fn deleted(pairs: usize, gone: usize) -> World {
    let mut world = one_way();
    let cards: Vec<ContactId> = (0..pairs).map(|n| world.pair(contact(&format!("N{n}; n{n}@x"))).0).collect();
    cards.iter().take(gone).for_each(|id| drop(world.cards.remove(id)));
    let links = pairs as u64;
    world.ledger.links = links;
    world.ledger.company_links = 1000;
    world
}

#[test]
fn more_deletions_than_allowed_refuse_the_plan() {
    for (pairs, gone, done, refused) in
        [(4, 3, 0, false), (4, 4, 0, true), (16, 4, 0, false), (16, 5, 0, true), (16, 4, 1, true), (16, 0, 9, false)]
    {
        let mut world = deleted(pairs, gone);
        world.ledger.deleted = done;
        let plan = world.plan(&world.observe(false));
        assert_eq!(!plan.refusals.is_empty(), refused, "{gone} of {pairs}, {done} done");
        assert_eq!(plan.counts().pipedrive.delete, gone as u64);
    }
    let mut world = deleted(500, 101);
    world.policy.max_delete = Share::percent(100).expect("a share");
    assert_eq!(world.plan(&world.observe(false)).refusals.len(), 2, "by number, the account's and the company's");
    world.ledger.first_pass = true;
    let plan = world.plan(&world.observe(false));
    assert_eq!((plan.refusals, plan.steps), (Vec::new(), Vec::new()), "a first pass never deletes");
}

#[test]
fn a_refusal_says_its_numbers_and_is_waived_by_exactly_its_steps() {
    let mut world = deleted(16, 5);
    world.ledger.deleted = 1;
    let rows = world.observe(false);
    let plan = world.plan(&rows);
    let account = AccountName::new("alice").expect("a name");
    assert_eq!(
        plan.advice(&account).expect("refused"),
        format!(
            "nothing was written: 5 deletions planned and 1 done in the last 24 hours: 37.5 % of 16 (the account's \
             links); allowed: 25 % or 100 in 24 hours. Look at it with `carnetd plan alice`; if it is meant, allow it \
             with `carnetd confirm alice {}`",
            plan.digest()
        )
    );
    let allows = plan.allows();
    assert_eq!(allows.len(), 5);
    world.confirmed.extend(&allows[1..]);
    assert_eq!(world.plan(&rows).refusals.len(), 1, "one step is not allowed");
    world.confirmed.insert(allows[0]);
    assert_eq!(world.plan(&rows).refusals, []);
    let more = world.cards.keys().next().expect("one").clone();
    world.cards.remove(&more);
    assert_eq!(world.plan(&world.observe(false)).refusals.len(), 1, "anything beyond is refused anew");
}

#[test]
fn the_whole_company_has_a_guard_as_well() {
    let mut world = deleted(100, 4);
    world.ledger.company_links = 10;
    world.ledger.company_deleted = 2;
    let refusals = world.plan(&world.observe(false)).refusals;
    assert!(matches!(refusals.as_slice(), [Refusal::Deletions { company: true, planned: 4, done: 2, .. }]));
}

#[test]
fn a_field_emptied_everywhere_refuses_the_plan() {
    let mut world = deleted(12, 0);
    let cards: Vec<ContactId> = world.cards.keys().cloned().collect();
    for id in &cards {
        world.edit_card(id, |c| c.emails.clear());
    }
    let refusals = world.plan(&world.observe(false)).refusals;
    assert!(matches!(refusals.as_slice(), [Refusal::Empties { field: Field::Emails, count: 12, links: 12, .. }]));
    assert_eq!(
        refusals[0].to_string(),
        "the field \"e-mail\" would be emptied on 12 of 12 links: 100.0 %; allowed: 25 %"
    );
    let mut world = deleted(12, 0);
    for id in &cards {
        world.edit_card(id, |c| c.emails[0] = email(&format!("{id}@y")));
    }
    assert_eq!(world.plan(&world.observe(false)).refusals, [], "changed is not emptied");
}

#[test]
fn a_flood_into_the_provider_refuses_the_plan() {
    let mut world = two_way();
    for n in 0..101 {
        world.human(contact(&format!("N{n}; n{n}@x")));
    }
    world.ledger.group = 405;
    assert_eq!(world.plan(&world.observe(false)).refusals, [], "within a quarter of the group");
    world.ledger.group = 400;
    let plan = world.plan(&world.observe(false));
    assert_eq!(plan.refusals, [Refusal::Creations { count: 101, group: 400 }]);
    assert_eq!(plan.counts().provider.create, 101);
}

#[test]
fn an_emptied_side_wider_persons_and_a_changed_scope_refuse_the_plan() {
    let mut world = deleted(3, 3);
    world.ledger.provider_emptied = true;
    let plan = world.plan(&world.observe(false));
    assert_eq!(plan.refusals, [Refusal::Emptied { side: Side::Provider, links: 3 }]);
    world.confirmed.extend(plan.allows());
    assert_eq!(world.plan(&world.observe(false)).refusals, []);

    let mut world = one_way();
    world.card(contact("Anna; a@x; ; note"));
    let human = world.human(contact("Anna; a@x"));
    world.humans.get_mut(&human).expect("it").wider = true;
    assert_eq!(world.plan(&world.observe(false)).refusals, [Refusal::Wider { count: 1 }]);
    world.ledger.wider_accepted = true;
    assert_eq!(world.plan(&world.observe(false)).refusals, []);

    let mut world = deleted(3, 3);
    let change = rescoped("*", "Clients");
    world.ledger.scope_changed = Some(change.clone());
    let plan = world.plan(&world.observe(false));
    assert_eq!(plan.refusals, [Refusal::ScopeChanged { change: Box::new(change), writes: 0 }]);
    assert!(plan.steps.is_empty(), "counts as a first pass");
    world.confirmed.insert(plan.digest());
    assert_eq!(world.plan(&world.observe(false)).refusals, []);
}

fn rescoped(was: &str, now: &str) -> Rescoped {
    let scope = |group| Scope {
        company: "acme".into(),
        provider: Provider::Folder,
        book: "/cards".into(),
        owner: "alice@acme.example".into(),
        group: Group::new(group),
        direction: Direction::OneWay,
    };
    Rescoped { was: scope(was), now: scope(now), since: Some(1), active: 3, dormant: 0, held: 0 }
}

#[test]
fn a_yes_to_one_change_of_scope_allows_no_other() {
    let mut world = one_way();
    world.card(contact("Anna; a@x"));
    world.ledger.scope_changed = Some(rescoped("*", "Clients"));
    let plan = world.plan(&world.observe(false));
    assert_eq!(
        plan.refusals[0].to_string(),
        "group changed from \"*\" to \"Clients\": 3 links are kept, and 1 steps would write"
    );
    world.confirmed.extend(plan.allows());
    world.confirmed.insert(plan.digest());
    assert_eq!(world.plan(&world.observe(false)).refusals, []);
    world.cards.clear();
    assert_eq!(world.plan(&world.observe(false)).refusals, [], "less than was shown");
    world.card(contact("Anna; a@x"));
    world.card(contact("Bob; b@x"));
    assert_eq!(world.plan(&world.observe(false)).refusals.len(), 1, "more than was shown");

    let confirmed = world.confirmed;
    let mut world = one_way();
    world.confirmed = confirmed;
    world.card(contact("Anna; a@x"));
    let two_way =
        Rescoped { now: Scope { direction: Direction::TwoWay, ..rescoped("*", "*").now }, ..rescoped("*", "*") };
    let later = Rescoped { since: Some(2), ..rescoped("*", "Clients") };
    for other in [rescoped("Clients", "*"), rescoped("*", "Friends"), two_way, later] {
        world.ledger.scope_changed = Some(other);
        assert_eq!(world.plan(&world.observe(false)).refusals.len(), 1, "the same steps, but for another change");
    }
    world.cards.clear();
    world.ledger.scope_changed = Some(Rescoped { active: 0, dormant: 2, held: 1, ..rescoped("Clients", "*") });
    let plan = world.plan(&world.observe(false));
    assert!(plan.refusals[0].to_string().contains("3 links are kept (2 of them asleep, 1 of them held)"));
}

// The plan.

#[test]
fn steps_come_by_contact_then_person_and_deletions_last() {
    let mut world = two_way();
    let (gone, _, _) = world.pair(contact("Gone; gone@x"));
    world.human(contact("New; new@x"));
    let fresh = world.card(contact("Fresh; fresh@x"));
    world.cards.remove(&gone);
    let rows = world.observe(false);
    let plan = world.plan(&rows);
    let order: Vec<_> = plan.steps.iter().map(|s| (s.contact.clone(), s.deletes())).collect();
    assert_eq!(order, [(Some(fresh), false), (None, false), (Some(gone), true)]);
    let mut backwards = rows;
    backwards.reverse();
    assert_eq!(world.plan(&backwards), plan, "whatever order the rows come in");
}

#[test]
fn plan_lines_say_each_field_before_and_after() {
    let mut world = one_way();
    let (card, _, _) = world.pair(contact("Anna; a@x; +49 30 1; old"));
    world.edit_card(&card, |c| {
        c.emails[0] = email("b@x");
        c.phones.clear();
        c.notes = Some("two\nlines".into());
        c.name = Name::display("Anna Weber");
    });
    assert_eq!(
        lines(&world.only_step()),
        [
            "Pipedrive: name: Anna → Anna Weber",
            "Pipedrive: e-mail: a@x → b@x",
            "Pipedrive: phone: +49 30 1 → (none)",
            "Pipedrive: notes: old → two ⏎ lines",
        ]
    );
}

/// Answers about a book of any size, and counts the questions.
struct Counted<'a> {
    world: &'a World,
    questions: Cell<usize>,
}

impl Counted<'_> {
    fn ask(&self) -> &World {
        self.questions.set(self.questions.get() + 1);
        self.world
    }
}

impl Directory for Counted<'_> {
    fn persons_with_email(&self, key: &str) -> Vec<PersonId> {
        self.ask().persons_with_email(key)
    }
    fn persons_with_phone(&self, key: &str) -> Vec<PersonId> {
        self.ask().persons_with_phone(key)
    }
    fn persons_named(&self, name: &Name) -> Vec<PersonId> {
        self.ask().persons_named(name)
    }
    fn person(&self, id: PersonId) -> Option<PersonNow> {
        self.ask().person(id)
    }
    fn person_taken(&self, id: PersonId) -> Option<Taken> {
        self.ask().person_taken(id)
    }
    fn contacts_with_email(&self, key: &str) -> Vec<ContactId> {
        self.ask().contacts_with_email(key)
    }
    fn contacts_with_phone(&self, key: &str) -> Vec<ContactId> {
        self.ask().contacts_with_phone(key)
    }
    fn contacts_named(&self, name: &Name) -> Vec<ContactId> {
        self.ask().contacts_named(name)
    }
    fn contact(&self, id: &ContactId) -> Option<ContactNow> {
        self.ask().contact(id)
    }
    fn contact_taken(&self, id: &ContactId) -> Option<Taken> {
        self.ask().contact_taken(id)
    }
    fn contact_double(&self, id: &ContactId) -> Option<ContactId> {
        self.ask().contact_double(id)
    }
}

/// What a plan costs depends on its rows: a handful of indexed questions each, and never a walk through all links.
#[test]
fn a_plan_asks_a_handful_of_questions_for_each_row() {
    let mut world = two_way();
    for n in 0..50 {
        world.card(contact(&format!("New{n} X; new{n}@x; +49 30 {n}")));
        let (card, human, _) = world.pair(contact(&format!("Old{n} Y; old{n}@x; +49 40 {n}")));
        match n % 3 {
            0 => world.edit_card(&card, |c| c.notes = Some("new".into())),
            1 => drop(world.cards.remove(&card)),
            _ => drop(world.humans.remove(&human)),
        }
    }
    let rows = world.observe(false);
    let directory = Counted { world: &world, questions: Cell::new(0) };
    let account = AccountName::new("alice").expect("a name");
    let input = Input {
        account: &account,
        policy: &world.policy,
        owner: OWNER,
        provider: &world.provider,
        pipedrive: &world.pipedrive,
        rows: &rows,
        directory: &directory,
        ledger: world.ledger.clone(),
        confirmed: &world.confirmed,
    };
    assert_eq!(plan(&input).steps.len(), 100);
    assert!(directory.questions.get() <= 10 * rows.len(), "{} questions", directory.questions.get());
}

#[test]
fn what_another_account_is_creating_waits_with_all_that_resembles_it() {
    let mut world = two_way();
    let bob = AccountName::new("bob").expect("a name");
    world.making.insert("a@x".into(), bob.clone());
    // The contact could be bob's; the person could be the contact.
    world.card(contact("Anna; a@x b@x"));
    world.human(contact("Anna; b@x"));
    let plan = world.plan(&world.observe(false));
    assert_eq!(plan.steps.len(), 2);
    for step in &plan.steps {
        assert_eq!((&step.reason, &step.then), (&Reason::BeingLinked(bob.clone()), &Then::Nothing));
        assert!(!step.writes());
    }
    world.making.clear();
    let plan = world.plan(&world.observe(false));
    assert_eq!(plan.steps.iter().map(|step| &step.reason).collect::<Vec<_>>(), [&Reason::Matched]);
}

#[test]
fn a_row_of_two_live_halves_without_a_link_is_linked_up() {
    let mut world = two_way();
    world.card(contact("Anna; a@x"));
    world.human(contact("Somebody; else@x"));
    let rows = world.observe(false);
    let [contact, person] = rows.as_slice() else { panic!("two rows") };
    let row = super::kit::row(None, contact.contact.clone(), person.person.clone());
    assert!(matches!((&row.contact, &row.person), (ContactSight::Live(_), PersonSight::Live(_))));
    let plan = world.plan(&[row]);
    assert_eq!(plan.steps.len(), 1);
    assert_eq!(plan.steps[0].reason, Reason::Matched, "our own marker, or a creation of unknown outcome");
}

#[test]
fn digests_name_what_is_done() {
    let mut world = one_way();
    let (card, _, id) = world.pair(contact("Anna; a@x"));
    let digest = |world: &World| -> Digest { world.only_step().digest() };
    world.edit_card(&card, |c| c.notes = Some("one".into()));
    let one = digest(&world);
    assert_eq!(one, digest(&world));
    world.edit_card(&card, |c| c.notes = Some("two".into()));
    assert_ne!(one, digest(&world));
    assert_eq!(world.only_step().link, Some(id));
}
