//! Stand-ins for the cloud services.
