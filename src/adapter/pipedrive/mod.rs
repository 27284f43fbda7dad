//! Pipedrive's persons and organizations: one [`Company`] per process, one [`PersonBook`] per account.
//!
//! The [`Company`] holds what all accounts share: the credential, the token budget, the users, the fields that exist,
//! the names of the organizations. A [`PersonBook`] is an account's view of it: an owner, a visibility and a country.
//! v2 of the API serves persons and organizations, v1 only what v2 lacks (users, role settings, picture upload).
//!
//! Never here: a search per contact, a retry loop ([`crate::http`] has it), a decision about what should be written, a
//! field that is made unasked. A list or an address is never written from a listing alone: each patch reads the person
//! first (1 token) and edits what it finds.
//!
//! | file | what is there |
//! |---|---|
//! | `company` | what all accounts share |
//! | `listing` | pages of persons and organizations, and single persons |
//! | `users`, `visibility` | owners, who sees what, the plan's visibility levels |
//! | `book`, `patch` | an account's book; the body of an update |
//! | `person`, `list`, `address` | a person's JSON, read and written |
//! | `fields` | which of the contact-sync fields exist, and what stands in for them |
//! | `organization`, `photo` | organizations; pictures |
//! | `endpoint`, `api`, `refusal` | what each call costs; sending it; what a refusal means |
//! | `governor`, `tokens` | who may send now; the daily budget as pure arithmetic |
//!
//! Facts: the vendor's `OpenAPI` documents and guides, <https://developers.pipedrive.com/docs/api/v1>.

mod address;
mod api;
mod book;
mod company;
mod endpoint;
mod fields;
mod governor;
mod list;
mod listing;
mod organization;
mod patch;
mod person;
mod photo;
mod refusal;
#[cfg(test)]
mod tests;
mod tokens;
mod users;
mod visibility;

pub use api::Credential;
pub use book::PersonBook;
pub use company::{Company, Settings};
pub use listing::{OrganizationsPage, OrganizationsQuery, PersonFound, PersonsPage, PersonsQuery};
pub use organization::{OrganizationNames, OrganizationRecord};
pub use person::PersonRecord;
pub use tokens::Budget;
