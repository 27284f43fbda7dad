//! The client against scripted servers on loopback.
