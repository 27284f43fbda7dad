//! The adapter against answers of all kinds.
