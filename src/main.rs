//! The `carnetd` program.

fn main() {}
