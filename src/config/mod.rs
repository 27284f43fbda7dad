//! The declared state: TOML files, checked whole.
