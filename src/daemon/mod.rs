//! When passes run.
