//! carnetd keeps the address books of a whole company in step with its Pipedrive CRM.

pub mod account;
pub mod clock;
