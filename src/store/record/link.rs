//! Records of links.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Mirror, Unreadable, mirror, words};
use crate::contact::{Contact, ContactId, PersonId, PhotoHash, Revision};
use crate::link::{Cause, Chosen, ContactHalf, Hold, HoldCause, Link, PersonHalf, State};

words!(Cause in Self::ALL, HoldCause in Self::ALL);

mirror!(Link as LinkRecord
must {
    state: State = "state",
}
may {
    base: Arc<Contact> = "base",
    contact: Option<ContactHalf> = "contact",
    person: Option<PersonHalf> = "person",
    chosen: Chosen = "chosen",
    photo: Option<PhotoHash> = "photo",
});

mirror!(ContactHalf as ContactHalfRecord
must {
    id: ContactId = "id",
    revision: Revision = "rev",
}
may {
    stable: Option<String> = "stable",
    seen: Arc<Contact> = "seen",
    joined: bool = "joined",
});

mirror!(PersonHalf as PersonHalfRecord
must {
    id: PersonId = "id",
}
may {
    seen: Arc<Contact> = "seen",
});

mirror!(Hold as HoldRecord
must {
    cause: HoldCause = "cause",
}
may {
    persons: Vec<PersonId> = "persons",
    contacts: Vec<ContactId> = "contacts",
});

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum StateRecord {
    Active,
    Dormant(String),
    Held(HoldRecord),
}

impl Mirror for State {
    type Record = StateRecord;

    fn record(&self) -> StateRecord {
        match self {
            Self::Active => StateRecord::Active,
            Self::Dormant(cause) => StateRecord::Dormant(cause.record()),
            Self::Held(hold) => StateRecord::Held(hold.record()),
        }
    }

    fn read(record: StateRecord) -> Result<Self, Unreadable> {
        Ok(match record {
            StateRecord::Active => Self::Active,
            StateRecord::Dormant(cause) => Self::Dormant(Mirror::read(cause)?),
            StateRecord::Held(hold) => Self::Held(Mirror::read(hold)?),
        })
    }
}

#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum ChosenRecord {
    #[default]
    NotYet,
    At(usize),
    Removed,
}

impl Mirror for Chosen {
    type Record = ChosenRecord;

    fn record(&self) -> ChosenRecord {
        match self {
            Self::NotYet => ChosenRecord::NotYet,
            Self::At(place) => ChosenRecord::At(*place),
            Self::Removed => ChosenRecord::Removed,
        }
    }

    fn read(record: ChosenRecord) -> Result<Self, Unreadable> {
        Ok(match record {
            ChosenRecord::NotYet => Self::NotYet,
            ChosenRecord::At(place) => Self::At(place),
            ChosenRecord::Removed => Self::Removed,
        })
    }
}
