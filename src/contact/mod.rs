//! The neutral value both sides are compared in.
