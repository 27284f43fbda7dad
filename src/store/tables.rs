//! The tables of the state database.
//!
//! Keys are made so that all of one account lies together. Values are records ([`super::record`]), except where a row is
//! an index or must be cheap to read. A change here is a new version ([`super::migrate`]).

use redb::{Table, TableDefinition, TableError, WriteTransaction};

/// A record's bytes.
type Record = &'static [u8];
/// A link without its contacts: state, person id, contact id, revision. Cheap to list.
type Head = (u8, Option<u64>, Option<&'static str>, Option<&'static str>);
/// A moment, in milliseconds, and the record: so that old rows are found without reading records.
type Dated = (i64, &'static [u8]);

/// Defines the tables and what opens all of them for writing.
macro_rules! tables {
    ($($(#[$doc:meta])* $field:ident $name:ident: $key:ty => $value:ty;)*) => {
        $($(#[$doc])* pub(super) const $name: TableDefinition<'static, $key, $value> =
            TableDefinition::new(stringify!($field));)*

        /// All tables, open for writing. Opening makes those that are not there yet.
        pub(super) struct Tables<'t> {
            $($(#[$doc])* pub(super) $field: Table<'t, $key, $value>,)*
        }

        impl<'t> Tables<'t> {
            /// Opens them all.
            pub(super) fn open(transaction: &'t WriteTransaction) -> Result<Self, TableError> {
                Ok(Self { $($field: transaction.open_table($name)?,)* })
            }
        }
    };
}

tables! {
    /// Single numbers: the version, the next ids, the number of commits.
    meta META: &'static str => u64;
    /// Checkpoints.
    checkpoints CHECKPOINTS: u32 => Record;
    /// Account name → checkpoint.
    names NAMES: &'static str => u32;
    /// Checkpoint, account name: [`NAMES`] the other way round.
    named NAMED: (u32, &'static str) => ();
    /// Book identity, checkpoint.
    books BOOKS: (&'static str, u32) => ();
    /// Checkpoint, link → link.
    links LINKS: (u32, u64) => Record;
    /// Checkpoint, link → head.
    heads HEADS: (u32, u64) => Head;
    /// Checkpoint, contact id, link.
    by_contact BY_CONTACT: (u32, &'static str, u64) => ();
    /// Person, checkpoint, link; the candidates of a hold as well.
    by_person BY_PERSON: (u64, u32, u64) => ();
    /// Checkpoint → active, dormant and held links.
    counts COUNTS: u32 => (u64, u64, u64);
    /// Checkpoint, kind, id → work to do.
    todos TODOS: (u32, u8, &'static str) => Record;
    /// Checkpoint, person → the commit that touched it.
    touched TOUCHED: (u32, u64) => u64;
    /// The mirror's persons.
    persons PERSONS: u64 => Record;
    /// The mirror's organizations.
    organizations ORGANIZATIONS: u64 => Record;
    /// Normal form of a name → organization.
    organization_names ORGANIZATION_NAMES: &'static str => u64;
    /// Where the watcher stands; one row.
    watcher WATCHER: () => Record;
    /// The journal.
    intents INTENTS: u64 => Record;
    /// Checkpoint, pass, running number → history entry.
    history HISTORY: (u32, u64, u64) => Dated;
    /// Checkpoint, pass → pass.
    passes PASSES: (u32, u64) => Dated;
    /// Moment, checkpoint → deletions.
    deletions DELETIONS: (i64, u32) => u64;
    /// What a login belongs to → until when it is kept, and its sealed bytes.
    logins LOGINS: &'static str => Dated;
    /// Checkpoint, digest → confirmation.
    confirmations CONFIRMATIONS: (u32, u64) => Record;
}

/// The key in [`META`] of the version.
pub(super) const VERSION_KEY: &str = "version";
/// The key in [`META`] of the number of commits.
pub(super) const COMMITS_KEY: &str = "commits";
/// The key in [`META`] of the tokens used in a day.
pub(super) const USED_KEY: &str = "used_tokens";
/// The key in [`META`] of when that was, in milliseconds: it says in which day.
pub(super) const USED_AT_KEY: &str = "used_at";
