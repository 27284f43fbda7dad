//! Tests of the codec as a whole: what is read, what is written, and what must survive.

mod cards;
mod oracles;
mod patching;
mod properties;
mod reading;
