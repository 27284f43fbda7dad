//! When a reload is due.
/// Placeholder
pub struct ConfigWatch;
