//! Tests of whole plans: the decision table, single stories, and random worlds.

mod kit;
mod stories;
mod table;
mod worlds;
