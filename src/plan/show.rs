//! Plans and holds as people read them.

use super::hold::hold_sentence;
use super::step::{Reason, Side, Step};
use crate::contact::{Address, Change, Contact, ElementChange, Field, FieldChange, Name};
use crate::link::Cause;

/// One line of a step: a field, what it holds before, and what it holds after. Contains a contact's data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Which book is written.
    pub side: Side,
    /// The field, or `group`, or `contact`/`person` for a deletion.
    pub field: String,
    /// What is there; empty: nothing.
    pub before: String,
    /// What shall be there; empty: nothing.
    pub after: String,
}

impl Step {
    /// What it writes, field by field.
    pub fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        for write in &self.writes {
            let line = |(field, before, after): (&str, String, String)| Line {
                side: write.side,
                field: field.to_owned(),
                before,
                after,
            };
            match &write.change {
                Change::Create { contact, .. } => {
                    let filled = Field::ALL.into_iter().filter(|&f| contact.says(f) && !contact.is_empty(f));
                    lines.extend(filled.map(|f| line((f.as_str(), String::new(), value(contact, f)))));
                }
                Change::Patch { fields, .. } => lines.extend(fields.iter().map(change).map(line)),
                Change::Delete { .. } => {
                    let what = if write.side == Side::Provider { "contact" } else { "person" };
                    lines.push(line((what, "there".into(), String::new())));
                }
            }
        }
        lines
    }
}

impl Reason {
    /// What people read, and what logs and JSON carry; never contains a contact's data.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NewContact => "new contact",
            Self::Matched => "the same human being on both sides",
            Self::NewPerson => "new person",
            Self::LinkedElsewhere(_) => "linked by another account",
            Self::BeingLinked(_) => "another account is linking it now",
            Self::ContactChanged => "the contact changed",
            Self::PersonChanged => "the person changed",
            Self::BothChanged => "both changed",
            Self::NewlySaid => "a field can be synced that could not before",
            Self::Seen => "seen",
            Self::Nameless => "without name, organization, e-mail and phone: Pipedrive cannot hold it",
            Self::ContactDeleted => "the contact was deleted",
            Self::PersonDeleted => "the person was deleted",
            Self::BothDeleted => "both were deleted",
            Self::ContactRevived => "the contact was deleted, but the person was edited",
            Self::PersonRevived => "the person was deleted, but it is wanted again",
            Self::Moved => "the contact moved",
            Self::LeftGroup => "the contact left the group",
            Self::JoinedAgain => "the contact is not in the group yet",
            Self::Survivor => "the person was merged into another",
            Self::OwnerChanged => "the person belongs to somebody else",
            Self::Woken => "awake again",
            Self::Dormant(Cause::PersonDeleted) => "asleep: the person was deleted",
            Self::Dormant(Cause::ContactDeleted) => "asleep: the contact was deleted",
            Self::Dormant(Cause::LeftGroup) => "asleep: the contact left the group",
            Self::Dormant(Cause::OwnerChanged) => "asleep: the person belongs to somebody else",
            Self::Held(cause) => hold_sentence(*cause),
        }
    }
}

impl std::fmt::Display for Line {
    /// `Pipedrive: phone: +33 1 … → +33 2 …`.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let text = |text: &str| if text.is_empty() { "(none)".to_owned() } else { text.replace('\n', " ⏎ ") };
        let book = match self.side {
            Side::Provider => "provider",
            Side::Pipedrive => "Pipedrive",
        };
        write!(f, "{book}: {}: {} → {}", self.field, text(&self.before), text(&self.after))
    }
}

/// A field before and after.
fn change(change: &FieldChange) -> (&'static str, String, String) {
    let field = change.field().map_or("group", Field::as_str);
    let (before, after) = match change {
        FieldChange::Name { before, after } => (name(before), name(after)),
        FieldChange::Element { change, .. } => match change {
            ElementChange::Add(element) => (String::new(), element.value.clone()),
            ElementChange::Replace { before, after } => (before.value.clone(), after.value.clone()),
            ElementChange::Remove(element) => (element.value.clone(), String::new()),
        },
        FieldChange::Address { before, after } => {
            let text = |a: &Option<Box<Address>>| a.as_deref().map(address).unwrap_or_default();
            (text(before), text(after))
        }
        FieldChange::Text { before, after, .. } => {
            (before.clone().unwrap_or_default(), after.clone().unwrap_or_default())
        }
        FieldChange::Birthday { before, after } => {
            let text = |b: &Option<crate::contact::Birthday>| b.map(|b| b.to_string()).unwrap_or_default();
            (text(before), text(after))
        }
        FieldChange::Photo { .. } => (String::new(), "a picture".into()),
        FieldChange::JoinGroup => (String::new(), "joins".into()),
    };
    (field, before, after)
}

/// What a contact holds in a field, on one line where the field is.
pub(super) fn value(contact: &Contact, field: Field) -> String {
    match field {
        Field::Name => name(&contact.name),
        Field::Emails | Field::Phones | Field::Ims => {
            contact.elements(field).iter().map(|e| e.value.as_str()).collect::<Vec<_>>().join(", ")
        }
        Field::Addresses => contact.addresses.iter().map(address).collect::<Vec<_>>().join("; "),
        Field::Organization | Field::Notes | Field::JobTitle => contact.text(field).unwrap_or_default().to_owned(),
        Field::Birthday => contact.birthday.map(|b| b.to_string()).unwrap_or_default(),
        Field::Photo => contact.photo.as_ref().map(|_| "a picture".to_owned()).unwrap_or_default(),
    }
}

/// An address on one line.
pub(super) fn address(address: &Address) -> String {
    address.one_line().unwrap_or_default()
}

/// The name as shown, and its parts where they are not the same words.
fn name(name: &Name) -> String {
    let shown = name.shown().unwrap_or_default();
    let parts = Name { display: None, ..name.clone() };
    match parts.shown() {
        Some(text) if text != shown => {
            let part = |part: &Option<String>| part.clone().unwrap_or_default();
            format!("{shown} ({} | {})", part(&name.given), part(&name.family))
        }
        _ => shown,
    }
}
