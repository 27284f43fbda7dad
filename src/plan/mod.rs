//! What a pass decides: pure functions.
