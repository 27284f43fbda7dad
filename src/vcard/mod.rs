//! A vCard codec that keeps what it does not understand.
