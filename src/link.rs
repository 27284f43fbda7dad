//! The pair of a contact and a person, and its states.
