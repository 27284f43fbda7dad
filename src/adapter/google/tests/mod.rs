//! The adapter against the stand-in on a loopback listener, and against answers that no service should give.
