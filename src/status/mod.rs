//! What people see of the daemon.
