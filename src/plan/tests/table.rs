//! The decision table, enumerated: every state of either side, both directions, every policy, against a short oracle
//! written as a table of its own.

use super::kit::{COLLEAGUE, World, contact, own};
use crate::account::{Conflict, Deletes, Direction, OnLeaveGroup};
use crate::contact::{Change, PersonId};
use crate::link::{Cause, HoldCause, LinkId, State};
use crate::plan::{Side, Step};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum P {
    Same,
    Changed,
    ChangedOther,
    Deleted,
    /// Deleted, and its e-mail is on another contact.
    Merged,
    Left,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum C {
    Same,
    Changed,
    ChangedOther,
    Deleted,
    /// Deleted, and its e-mail is on another person that is free.
    Survived,
    /// Deleted, and its e-mail is on another person that is linked.
    SurvivedLinked,
    Foreign,
    ForeignChanged,
    Hidden,
}

const PS: [P; 6] = [P::Same, P::Changed, P::ChangedOther, P::Deleted, P::Merged, P::Left];
const CS: [C; 9] = [
    C::Same,
    C::Changed,
    C::ChangedOther,
    C::Deleted,
    C::Survived,
    C::SurvivedLinked,
    C::Foreign,
    C::ForeignChanged,
    C::Hidden,
];

/// The policies and circumstances that the table speaks of.
#[derive(Debug, Clone, Copy)]
struct Case {
    direction: Direction,
    conflict: Conflict,
    deletes: Deletes,
    leave: OnLeaveGroup,
    deals: bool,
    first_pass: bool,
}

/// What is done to one book.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Act {
    Nothing,
    Update,
    Create,
    Delete,
}

/// What becomes of the link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Active,
    /// Active, with the survivor.
    Survivor,
    Dormant(Cause),
    Held(HoldCause),
    Forgotten,
}

/// What is done to the provider, to Pipedrive, to the link; whether something goes to the losers.
type Outcome = (Act, Act, Fate, bool);

/// The table.
fn oracle(p: P, c: C, case: Case) -> Outcome {
    use Act::{Create, Delete, Nothing, Update};
    use Fate::{Active, Dormant, Forgotten, Held, Survivor};
    let two_way = case.direction == Direction::TwoWay;
    let edited = matches!(c, C::Changed | C::ChangedOther | C::ForeignChanged);
    let delete_person = |cause| match c {
        _ if case.deletes == Deletes::Never => (Nothing, Nothing, Dormant(cause), false),
        C::Foreign | C::ForeignChanged => (Nothing, Nothing, Held(HoldCause::NotOwners), false),
        _ if case.first_pass => (Nothing, Nothing, Active, false),
        _ if case.deals => (Nothing, Nothing, Held(HoldCause::OpenDeals), false),
        _ => (Nothing, Delete, Forgotten, edited),
    };
    match (p, c) {
        (P::Deleted | P::Merged, C::Deleted | C::Survived | C::SurvivedLinked) => (Nothing, Nothing, Forgotten, false),
        (P::Deleted | P::Merged, C::Hidden) => (Nothing, Nothing, Held(HoldCause::GoneOrHidden), false),
        (P::Merged, _) => (Nothing, Nothing, Held(HoldCause::ContactMerged), false),
        (P::Deleted, C::Changed | C::ChangedOther) if two_way => (Create, Nothing, Active, false),
        (P::Deleted, _) => delete_person(Cause::ContactDeleted),

        (P::Left, C::Deleted | C::Survived | C::SurvivedLinked) => {
            (Nothing, Nothing, Dormant(Cause::PersonDeleted), false)
        }
        (P::Left, C::Hidden) => (Nothing, Nothing, Dormant(Cause::LeftGroup), false),
        (P::Left, _) if case.leave == OnLeaveGroup::Keep => (Nothing, Nothing, Dormant(Cause::LeftGroup), false),
        (P::Left, _) => delete_person(Cause::LeftGroup),

        // It looks deleted, and a first pass does not even look again: it never deletes.
        (P::Same, C::Hidden) if two_way && case.first_pass && case.deletes == Deletes::Propagate => {
            (Nothing, Nothing, Active, false)
        }
        (_, C::Hidden) => (Nothing, Nothing, Held(HoldCause::GoneOrHidden), false),
        (_, C::Survived) => (Nothing, Nothing, Survivor, false),
        (_, C::SurvivedLinked) => (Nothing, Nothing, Held(HoldCause::PersonMerged), false),
        (P::Changed | P::ChangedOther, C::Deleted) if two_way => (Nothing, Create, Active, false),
        (P::Same, C::Deleted) if two_way && case.deletes == Deletes::Propagate => {
            if case.first_pass {
                (Nothing, Nothing, Active, false)
            } else {
                (Delete, Nothing, Forgotten, false)
            }
        }
        (_, C::Deleted) => (Nothing, Nothing, Dormant(Cause::PersonDeleted), false),
        (_, C::Foreign | C::ForeignChanged) if two_way => (Nothing, Nothing, Dormant(Cause::OwnerChanged), false),

        (P::Same, C::Changed | C::ChangedOther) if two_way => (Update, Nothing, Active, false),
        (P::Same, _) => (Nothing, Nothing, Active, false),
        (P::Changed, C::Changed) if two_way && case.conflict == Conflict::Pipedrive => (Update, Nothing, Active, true),
        (P::Changed, C::Changed | C::ForeignChanged) => (Nothing, Update, Active, true),
        (P::Changed | P::ChangedOther, C::Changed | C::ChangedOther) if two_way => (Update, Update, Active, false),
        (P::Changed | P::ChangedOther, _) => (Nothing, Update, Active, false),
    }
}

/// A world with one pair in step, then each side in its state.
fn world(p: P, c: C, case: Case) -> (World, LinkId, PersonId) {
    let mut world = World::new(case.direction);
    world.policy.conflict = case.conflict;
    world.policy.deletes = case.deletes;
    world.policy.on_leave_group = case.leave;
    world.ledger.first_pass = case.first_pass;
    let (card, human, link) = world.pair(contact("Anna Weber; anna@x; ; old"));
    world.humans.get_mut(&human).expect("it").deals = u64::from(case.deals);
    let mut survivor = human;
    match p {
        P::Same => {}
        P::Changed => world.edit_card(&card, |c| c.notes = Some("provider".into())),
        P::ChangedOther => world.edit_card(&card, |c| c.organization = Some("Acme".into())),
        P::Deleted => drop(world.cards.remove(&card)),
        P::Merged => {
            world.cards.remove(&card);
            let other = world.card(contact("Anna W; anna@x other@x"));
            world.cards.get_mut(&other).expect("it").in_group = false;
        }
        P::Left => {
            world.edit_card(&card, |_| {});
            world.cards.get_mut(&card).expect("it").in_group = false;
        }
    }
    match c {
        C::Same | C::Foreign | C::Hidden => {}
        C::Changed | C::ForeignChanged => world.edit_human(human, |c| c.notes = Some("person".into())),
        C::ChangedOther => world.edit_human(human, |c| c.job_title = Some("Smith".into())),
        C::Deleted => drop(world.humans.remove(&human)),
        C::Survived => {
            world.humans.remove(&human);
            survivor = world.human(contact("Anna Weber; anna@x; ; old"));
        }
        C::SurvivedLinked => {
            world.humans.remove(&human);
            let (_, other, link) = world.pair(contact("Anna Weber; other@x"));
            world.edit_human(other, |c| c.emails = contact("; other@x anna@x").emails);
            let seen = world.humans[&other].contact.clone();
            let half = world.links.get_mut(&link).expect("it").person.as_mut().expect("it");
            half.seen = seen.into();
        }
    }
    let human = world.humans.get_mut(&human);
    match (c, human) {
        (C::Foreign | C::ForeignChanged, Some(human)) => human.owner = COLLEAGUE,
        (C::Hidden, Some(human)) => human.hidden = true,
        _ => {}
    }
    (world, link, survivor)
}

fn outcome(world: &mut World, link: LinkId, survivor: PersonId) -> Outcome {
    let old = world.links[&link].person_id();
    let (done, plan) = world.pass(false, |_| true);
    assert_eq!(plan.refusals, []);
    let steps: Vec<&Step> = done.iter().filter(|s| s.link == Some(link)).collect();
    assert!(steps.len() <= 1, "one step of a row: {steps:#?}");
    let act = |side| {
        let writes = steps.iter().flat_map(|s| &s.writes).find(|w| w.side == side);
        writes.map_or(Act::Nothing, |write| match write.change {
            Change::Create { .. } => Act::Create,
            Change::Patch { .. } => Act::Update,
            Change::Delete { .. } => Act::Delete,
        })
    };
    let fate = match world.links.get(&link) {
        None => Fate::Forgotten,
        Some(link) => match &link.state {
            State::Active if link.person_id() == Some(survivor) && Some(survivor) != old => Fate::Survivor,
            State::Active => Fate::Active,
            State::Dormant(cause) => Fate::Dormant(*cause),
            State::Held(hold) => Fate::Held(hold.cause),
        },
    };
    (act(Side::Provider), act(Side::Pipedrive), fate, steps.iter().any(|s| !s.losers.is_empty()))
}

#[test]
fn every_row_of_the_table() {
    let mut looked_at = 0;
    for case in cases() {
        for (p, c) in PS.iter().flat_map(|&p| CS.iter().map(move |&c| (p, c))) {
            let (mut world, link, survivor) = world(p, c, case);
            let cards = world.cards.clone();
            let mut found = outcome(&mut world, link, survivor);
            let expected = oracle(p, c, case);
            if found.2 == Fate::Survivor {
                // What differs from the survivor flows over; the merge of a first link has its own tests.
                (found.0, found.1, found.3) = (Act::Nothing, Act::Nothing, false);
            }
            assert_eq!(found, expected, "provider {p:?}, Pipedrive {c:?}, {case:?}");
            if case.direction == Direction::OneWay {
                assert_eq!(world.cards, cards, "one-way never writes the provider's book");
            }
            looked_at += 1;
        }
    }
    assert_eq!(looked_at, 54 * 2 * 3 * 2 * 2 * 2 * 2);
}

fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for direction in [Direction::OneWay, Direction::TwoWay] {
        for conflict in [Conflict::Provider, Conflict::Pipedrive, Conflict::Newest] {
            for deletes in [Deletes::Propagate, Deletes::Never] {
                for leave in [OnLeaveGroup::Keep, OnLeaveGroup::Delete] {
                    for (deals, first_pass) in [(false, false), (false, true), (true, false), (true, true)] {
                        cases.push(Case { direction, conflict, deletes, leave, deals, first_pass });
                    }
                }
            }
        }
    }
    cases
}

/// Everything that a plan without witnesses calls gone says that it must be looked at first, and nothing else does.
#[test]
fn only_absences_and_deletions_need_witnesses() {
    for case in cases() {
        for (p, c) in PS.iter().flat_map(|&p| CS.iter().map(move |&c| (p, c))) {
            let (world, link, _) = world(p, c, case);
            let rows = world.observe(false);
            let absent = matches!(p, P::Deleted | P::Merged);
            let lost = matches!(c, C::Deleted | C::Survived | C::SurvivedLinked | C::Hidden);
            for step in world.plan(&rows).steps.iter().filter(|s| s.link == Some(link)) {
                let needed = step.needs_witness().unwrap_or_default();
                let deletes =
                    |side| step.writes.iter().any(|w| w.side == side && matches!(w.change, Change::Delete { .. }));
                assert_eq!(needed.contact, absent || deletes(Side::Provider), "{p:?} {c:?} {step:#?}");
                assert_eq!(needed.person, lost || deletes(Side::Pipedrive), "{p:?} {c:?} {step:#?}");
            }
        }
    }
}

/// A read that fails concludes nothing.
#[test]
fn an_unknown_witness_leaves_the_row_for_later() {
    use crate::plan::{ContactWitness, PersonWitness};
    for case in cases() {
        for (p, c) in PS.iter().flat_map(|&p| CS.iter().map(move |&c| (p, c))) {
            let (world, link, _) = world(p, c, case);
            let mut rows = world.observe(false);
            rows.retain(|row| own(row) == Some(link));
            for row in &mut rows {
                row.witness.contact = Some(ContactWitness::Unknown);
                assert_eq!(world.plan(std::slice::from_ref(row)).steps, [], "{p:?} {c:?}");
                row.witness.contact = None;
                row.witness.person = Some(PersonWitness::Unknown);
                assert_eq!(world.plan(std::slice::from_ref(row)).steps, [], "{p:?} {c:?}");
            }
        }
    }
}

/// What there was before.
type Setup = fn(&mut World);

/// The same, around a person that is there already.
type SetupAround = fn(&mut World, PersonId);

const PERSON: Option<Side> = Some(Side::Pipedrive);

/// New contacts: why, the contact, what was there before, what becomes of its link, which book is written.
const NEW_CONTACTS: [(&str, &str, Setup, Fate, Option<Side>); 12] = [
    ("no match", "Anna Weber; anna@x; +49 30 1", |_| {}, Fate::Active, PERSON),
    (
        "equal e-mail",
        "Anna Weber; Anna@X; ; note",
        |w| drop_id(w.human(contact("A. Weber; anna@x"))),
        Fate::Survivor,
        PERSON,
    ),
    (
        "equal e-mail, and the person has no name of its own",
        "Anna Weber; anna@x",
        |w| drop_id(w.human(contact("; anna@x"))),
        Fate::Survivor,
        PERSON,
    ),
    (
        "equal phone and name",
        "Anna Weber; ; +49 30 1; note",
        |w| drop_id(w.human(contact("weber anna; b@x; +49-30-1"))),
        Fate::Survivor,
        PERSON,
    ),
    (
        "equal phone, another name",
        "Anna Weber; ; +49 30 1",
        |w| drop_id(w.human(contact("Bob Weber; ; +49301"))),
        Fate::Active,
        PERSON,
    ),
    (
        "names share no word",
        "Anna Weber; a@x",
        |w| drop_id(w.human(contact("Bob Lang; a@x"))),
        Fate::Held(HoldCause::NamesDiffer),
        None,
    ),
    (
        "name alone",
        "Anna Weber; a@x",
        |w| drop_id(w.human(contact("Anna Weber"))),
        Fate::Held(HoldCause::NameAlone),
        None,
    ),
    (
        "equal names, but both can be reached, elsewhere",
        "Anna Weber; a@x",
        |w| drop_id(w.human(contact("Anna Weber; b@x"))),
        Fate::Active,
        PERSON,
    ),
    (
        "several",
        "Anna Weber; a@x b@x",
        |w| {
            w.human(contact("Anna Weber; a@x"));
            w.human(contact("Anna Weber; b@x"));
        },
        Fate::Held(HoldCause::SeveralMatches),
        None,
    ),
    (
        "a linked one",
        "Anna Weber; a@x",
        |w| drop(w.pair(contact("Anna Weber; a@x"))),
        Fate::Held(HoldCause::MatchesLinked),
        None,
    ),
    (
        "one that is half of a sleeping pair",
        "Anna Weber; a@x",
        |w| {
            let (_, _, link) = w.pair(contact("Anna Weber; a@x"));
            w.links.get_mut(&link).expect("it").state = State::Dormant(Cause::ContactDeleted);
            let card = w.links[&link].contact_id().expect("it").clone();
            w.cards.remove(&card);
        },
        Fate::Active,
        PERSON,
    ),
    (
        "one that another account links",
        "Anna Weber; a@x",
        |w| {
            let id = w.human(contact("Anna Weber; a@x"));
            w.elsewhere.insert(id, crate::account::AccountName::new("bob").expect("a name"));
        },
        Fate::Forgotten,
        None,
    ),
];

/// What a new contact comes to, by what is among the persons.
#[test]
fn new_contacts() {
    for direction in [Direction::OneWay, Direction::TwoWay] {
        for (name, text, setup, fate, writes) in &NEW_CONTACTS {
            let mut world = World::new(direction);
            setup(&mut world);
            let humans = world.humans.len();
            let id = world.card(contact(text));
            let (done, _) = world.pass(false, |_| true);
            let step = done.iter().find(|s| s.contact.as_ref() == Some(&id)).expect(name);
            let wrote = step.writes.iter().find(|w| w.side == Side::Pipedrive).map(|w| w.side);
            assert_eq!(wrote, *writes, "{name} {direction:?}: {step:#?}");
            let link = world.links.values().find(|l| l.contact_id() == Some(&id));
            let found = link.map_or(Fate::Forgotten, |link| match &link.state {
                State::Held(hold) => Fate::Held(hold.cause),
                State::Active if world.humans.len() == humans => Fate::Survivor,
                State::Active => Fate::Active,
                State::Dormant(cause) => Fate::Dormant(*cause),
            });
            assert_eq!(found, *fate, "{name} {direction:?}: {step:#?}");
        }
    }
}

/// What a new person comes to (two-way); one-way it is nothing at all.
#[test]
fn new_persons() {
    let cases: [(&str, SetupAround, Option<Fate>); 7] = [
        ("no match", |_, _| {}, Some(Fate::Active)),
        ("somebody else's", |w, id| w.humans.get_mut(&id).expect("it").owner = COLLEAGUE, None),
        ("not wanted", |w, _| w.policy.new_persons = false, None),
        ("a contact outside the group", |w, _| leave(w, "Anna; a@x"), Some(Fate::Held(HoldCause::OutsideGroup))),
        (
            "several contacts",
            |w, _| {
                leave(w, "Anna; a@x");
                leave(w, "Anna Lang; a@x");
            },
            Some(Fate::Held(HoldCause::SeveralMatches)),
        ),
        ("a linked contact", |w, _| link_card(w, "Anna; a@x"), Some(Fate::Held(HoldCause::MatchesLinked))),
        ("another name", |w, _| leave(w, "Bob; a@x"), Some(Fate::Held(HoldCause::NamesDiffer))),
    ];
    for direction in [Direction::OneWay, Direction::TwoWay] {
        for (name, setup, fate) in &cases {
            let mut world = World::new(direction);
            let id = world.human(contact("Anna Weber; a@x"));
            setup(&mut world, id);
            let cards = world.cards.len();
            world.pass(false, |_| true);
            let link = world.links.values().find(|l| l.person_id() == Some(id));
            let found = link.map(|link| match &link.state {
                State::Held(hold) => Fate::Held(hold.cause),
                State::Active => Fate::Active,
                State::Dormant(cause) => Fate::Dormant(*cause),
            });
            let expected = fate.filter(|_| direction == Direction::TwoWay);
            assert_eq!(found, expected, "{name} {direction:?}");
            let created = usize::from(expected == Some(Fate::Active));
            assert_eq!(world.cards.len(), cards + created, "{name} {direction:?}");
        }
    }
}

fn drop_id(_: PersonId) {}

fn leave(world: &mut World, text: &str) {
    let id = world.card(contact(text));
    world.cards.get_mut(&id).expect("it").in_group = false;
}

/// A linked contact whose person does not match what its contact says.
fn link_card(world: &mut World, text: &str) {
    let (_, human, link) = world.pair(contact(text));
    world.edit_human(human, |c| c.emails.clear());
    let seen = world.humans[&human].contact.clone();
    world.links.get_mut(&link).expect("it").person.as_mut().expect("it").seen = seen.into();
}
