//! Records of the store's own values.

use serde::{Deserialize, Serialize};

use super::change::ChangeRecord;
use super::{Mirror, Unreadable, mirror, words, wrapped};
use crate::account::{Direction, Group, Provider, Scope};
use crate::clock::Moment;
use crate::contact::{Change, Contact, ContactId, Cursor, Digest, Homes, PersonId, Revision, UserId};
use crate::link::{ContactHalf, LinkId};
use crate::store::{
    AccountHold, Checkpoint, CheckpointId, Confirmation, Counts, HistoryEntry, Intent, IntentKind, Organization,
    PassId, PassRecord, Person, Side, Todo, TodoKey, Watcher,
};

wrapped!(CheckpointId(u32), PassId(u64), LinkId(u64));
words!(Provider in Self::ALL, Direction in [Self::OneWay, Self::TwoWay], Side in Self::ALL);

impl Mirror for Group {
    type Record = String;

    fn record(&self) -> String {
        self.as_str().to_owned()
    }

    fn read(record: String) -> Result<Self, Unreadable> {
        Ok(Self::new(&record))
    }
}

mirror!(Scope as ScopeRecord
    must {
        company: String = "company",
        provider: Provider = "provider",
        book: String = "book",
        owner: String = "owner",
        group: Group = "group",
        direction: Direction = "direction",
    }
    may {});

mirror!(Counts as CountsRecord may {
    added: u64 = "added",
    updated: u64 = "updated",
    deleted: u64 = "deleted",
});

mirror!(AccountHold as AccountHoldRecord
must {
    code: String = "code",
    message: String = "message",
    digest: Digest = "digest",
    at: Moment = "at",
}
may {
    shown: Vec<Digest> = "shown",
});

mirror!(Confirmation as ConfirmationRecord
must {
    digest: Digest = "digest",
    at: Moment = "at",
}
may {
    steps: Vec<Digest> = "steps",
});

mirror!(PassRecord as PassRow
must {
    id: PassId = "id",
    checkpoint: CheckpointId = "checkpoint",
    started: Moment = "started",
}
may {
    finished: Option<Moment> = "finished",
    outcome: String = "outcome",
    added: u64 = "added",
    updated: u64 = "updated",
    deleted: u64 = "deleted",
    failed: u64 = "failed",
});

mirror!(Checkpoint as CheckpointRecord
must {
    scope: Scope = "scope",
}
may {
    cursor: Option<Cursor> = "cursor",
    first_pass_done: bool = "first_pass_done",
    hold: Option<AccountHold> = "hold",
    totals: Counts = "totals",
    last_pass: Option<PassRecord> = "last_pass",
    last_change: Option<PassRecord> = "last_change",
    links_window: Vec<(Moment, u64)> = "links_window",
    group_id: Option<String> = "group_id",
    visibility_accepted: bool = "visibility_accepted",
    other_visibility: u64 = "other_visibility",
    last_success: Option<Moment> = "last_success",
    homes: Option<Homes> = "homes",
});

mirror!(Todo as TodoRecord
must {
    key: TodoKey = "key",
    since: Moment = "since",
    tried: Moment = "tried",
}
may {
    reason: String = "reason",
    code: String = "code",
    attempts: u32 = "attempts",
    revision: Option<Revision> = "rev",
});

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum TodoKeyRecord {
    Contact(String),
    Person(u64),
}

impl Mirror for TodoKey {
    type Record = TodoKeyRecord;

    fn record(&self) -> TodoKeyRecord {
        match self {
            Self::Contact(id) => TodoKeyRecord::Contact(id.record()),
            Self::Person(id) => TodoKeyRecord::Person(id.record()),
        }
    }

    fn read(record: TodoKeyRecord) -> Result<Self, Unreadable> {
        Ok(match record {
            TodoKeyRecord::Contact(id) => Self::Contact(ContactId::from(id)),
            TodoKeyRecord::Person(id) => Self::Person(PersonId(id)),
        })
    }
}

mirror!(Person as PersonRecord
must {
    id: PersonId = "id",
    owner: UserId = "owner",
    visible_to: u8 = "vis",
}
may {
    organization: Option<u64> = "org",
    update_time: Option<Moment> = "upd",
    add_time: Option<Moment> = "add",
    picture: bool = "pic",
    open_deals: Option<u32> = "deals",
    contact: Contact = "c",
});

mirror!(Organization as OrganizationRecord
must {
    id: u64 = "id",
    name: String = "name",
    owner: UserId = "owner",
    visible_to: u8 = "vis",
}
may {
    gone: bool = "gone",
});

mirror!(Watcher as WatcherRecord
must {
    company: String = "company",
}
may {
    since: Option<Moment> = "since",
    swept_at: Option<Moment> = "swept_at",
    highest_person: Option<PersonId> = "highest_person",
    highest_organization: Option<u64> = "highest_organization",
    tells_deletions: bool = "tells_deletions",
    homes: Option<Homes> = "homes",
});

mirror!(Intent as IntentRecord
must {
    checkpoint: CheckpointId = "checkpoint",
    pass: PassId = "pass",
    side: Side = "side",
    what: IntentKind = "what",
    at: Moment = "at",
}
may {
    link: Option<LinkId> = "link",
    highest: Option<u64> = "highest",
    reason: String = "reason",
    contact: Option<ContactHalf> = "contact",
});

#[derive(PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::store) enum IntentKindRecord {
    Contact(ChangeRecord),
    Organization { name: String, owner: u64, visible_to: u8 },
}

impl Mirror for IntentKind {
    type Record = IntentKindRecord;

    fn record(&self) -> IntentKindRecord {
        match self {
            Self::Contact(change) => IntentKindRecord::Contact(change.record()),
            Self::Organization { name, owner, visible_to } => {
                IntentKindRecord::Organization { name: name.clone(), owner: owner.record(), visible_to: *visible_to }
            }
        }
    }

    fn read(record: IntentKindRecord) -> Result<Self, Unreadable> {
        Ok(match record {
            IntentKindRecord::Contact(change) => Self::Contact(Mirror::read(change)?),
            IntentKindRecord::Organization { name, owner, visible_to } => {
                Self::Organization { name, owner: UserId(owner), visible_to }
            }
        })
    }
}

mirror!(HistoryEntry as HistoryRecord
must {
    checkpoint: CheckpointId = "checkpoint",
    pass: PassId = "pass",
    at: Moment = "at",
    side: Side = "side",
    link: LinkId = "link",
    change: Change = "change",
}
may {
    contact: Option<ContactId> = "contact",
    person: Option<PersonId> = "person",
    before: Option<Contact> = "before",
    raw: Option<String> = "raw",
    reason: String = "reason",
    losers: Vec<String> = "losers",
});
