//! One HTTP client for all adapters.
