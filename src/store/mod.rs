//! State in redb.
