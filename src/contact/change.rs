//! The one write value: plans contain it, adapters take it and the journal keeps it.

use super::{Address, Birthday, Contact, ContactId, Element, Field, Name, PhotoHash};

/// What is to be written to one book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A contact that is not there yet. It joins the account's group.
    Create {
        /// What it shall hold, already fitted to what the book can hold.
        contact: Box<Contact>,
        /// The id it shall have, where the book lets the client choose; else the book chooses.
        chosen: Option<ContactId>,
    },
    /// Changes of single fields; everything else stays as it is.
    Patch {
        /// Which contact.
        id: ContactId,
        /// What changes, at least one.
        fields: Vec<FieldChange>,
    },
    /// The contact is deleted (Pipedrive: moved to its trash for 30 days).
    Delete {
        /// Which contact.
        id: ContactId,
    },
}

/// The change of one field, or of one element of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldChange {
    /// The name. Parts that are equal before and after stay as they are.
    Name {
        /// What the plan saw.
        before: Name,
        /// What it shall be.
        after: Name,
    },
    /// One element of [`Field::Emails`], [`Field::Phones`] or [`Field::Ims`].
    Element {
        /// Which of the three.
        field: Field,
        /// What happens to the element.
        change: ElementChange,
    },
    /// The chosen postal address. Parts that are equal before and after stay as they are.
    Address {
        /// What the plan saw.
        before: Option<Box<Address>>,
        /// What it shall be; `None` removes it.
        after: Option<Box<Address>>,
    },
    /// [`Field::Organization`], [`Field::Notes`] or [`Field::JobTitle`].
    Text {
        /// Which of the three.
        field: Field,
        /// What the plan saw.
        before: Option<String>,
        /// What it shall be; `None` clears it.
        after: Option<String>,
    },
    /// The birthday.
    Birthday {
        /// What the plan saw.
        before: Option<Birthday>,
        /// What it shall be; `None` clears it.
        after: Option<Birthday>,
    },
    /// A picture where there is none. Its bytes are fetched when it is written.
    Photo {
        /// The source's hash.
        source: PhotoHash,
    },
    /// The contact joins the account's group.
    JoinGroup,
}

/// What happens to one element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ElementChange {
    /// It is added after its siblings.
    Add(Element),
    /// It is edited in its place; its label stays.
    Replace {
        /// The element now there.
        before: Element,
        /// What it becomes.
        after: Element,
    },
    /// It is removed; its siblings stay.
    Remove(Element),
}

impl Change {
    /// The contact it is about; `None` for a contact whose id the book will choose.
    pub fn id(&self) -> Option<&ContactId> {
        match self {
            Self::Create { chosen, .. } => chosen.as_ref(),
            Self::Patch { id, .. } | Self::Delete { id } => Some(id),
        }
    }

    /// What the contact will say once this is written to it. `None` after a deletion.
    #[must_use]
    pub fn applied_to(&self, now: &Contact) -> Option<Contact> {
        match self {
            Self::Create { contact, .. } => Some((**contact).clone()),
            Self::Delete { .. } => None,
            Self::Patch { fields, .. } => {
                let mut contact = now.clone();
                for change in fields {
                    change.apply(&mut contact);
                }
                Some(contact)
            }
        }
    }
}

impl FieldChange {
    /// The field it is about; `None` for the group.
    pub fn field(&self) -> Option<Field> {
        match self {
            Self::Name { .. } => Some(Field::Name),
            Self::Element { field, .. } | Self::Text { field, .. } => Some(*field),
            Self::Address { .. } => Some(Field::Addresses),
            Self::Birthday { .. } => Some(Field::Birthday),
            Self::Photo { .. } => Some(Field::Photo),
            Self::JoinGroup => None,
        }
    }

    /// Changes a value as the book would.
    pub fn apply(&self, contact: &mut Contact) {
        match self {
            Self::Name { after, .. } => contact.name = after.clone(),
            Self::Element { field, change } => {
                if let Some(elements) = contact.elements_mut(*field) {
                    change.apply(elements);
                }
            }
            Self::Address { before, after } => {
                let at = before.as_ref().and_then(|b| contact.addresses.iter().position(|a| a.same(b)));
                match (at, after) {
                    (Some(at), Some(after)) => contact.addresses[at] = (**after).clone(),
                    (Some(at), None) => drop(contact.addresses.remove(at)),
                    (None, Some(after)) => contact.addresses.push((**after).clone()),
                    (None, None) => {}
                }
            }
            Self::Text { field, after, .. } => {
                if let Some(text) = contact.text_mut(*field) {
                    text.clone_from(after);
                }
            }
            Self::Birthday { after, .. } => contact.birthday = *after,
            Self::Photo { source } => contact.photo = Some(source.clone()),
            Self::JoinGroup => {}
        }
    }
}

impl ElementChange {
    /// Changes a list of elements: adding what is there and removing what is not changes nothing.
    pub fn apply(&self, elements: &mut Vec<Element>) {
        match self {
            Self::Add(element) => {
                if !elements.iter().any(|e| e.same(element)) {
                    elements.push(element.clone());
                }
            }
            Self::Remove(element) => elements.retain(|e| !e.same(element)),
            Self::Replace { before, after } => {
                let taken = elements.iter().any(|e| e.same(after));
                match elements.iter().position(|e| e.same(before)) {
                    Some(at) if taken && !before.same(after) => drop(elements.remove(at)),
                    Some(at) => {
                        elements[at].key.clone_from(&after.key);
                        elements[at].value.clone_from(&after.value);
                    }
                    None if taken => {}
                    None => elements.push(after.clone()),
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn email(value: &str) -> Element {
        Element::email(value).expect("not empty")
    }

    #[test]
    fn replacing_keeps_place_and_label() {
        let mut list = vec![email("a@x").with_label(Some("home")), email("b@x")];
        let change = ElementChange::Replace { before: email("A@x"), after: email("c@x") };
        change.apply(&mut list);
        assert_eq!(list, [email("c@x").with_label(Some("home")), email("b@x")]);
    }

    #[test]
    fn adding_twice_adds_once() {
        let mut list = vec![email("a@x")];
        ElementChange::Add(email("A@X")).apply(&mut list);
        ElementChange::Replace { before: email("z@x"), after: email("a@x") }.apply(&mut list);
        assert_eq!(list, [email("a@x")]);
    }
}
