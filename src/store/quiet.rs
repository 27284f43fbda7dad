//! Panics of redb that are errors of the file: caught, and not printed.
//!
//! redb trusts a file that was closed cleanly and may panic on one that was damaged since; its full check would read all of
//! it at each start. Whoever catches such a panic tells it in its own words; the text that Rust prints for it would only
//! frighten. Panics of other threads, and of this one at any other time, are printed as ever.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, set_hook, take_hook};
use std::sync::Once;

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Does something that may panic; `None` where it did.
pub(super) fn quietly<T>(work: impl FnOnce() -> T) -> Option<T> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let loud = take_hook();
        set_hook(Box::new(move |panic| {
            if !QUIET.get() {
                loud(panic);
            }
        }));
    });
    let before = QUIET.replace(true);
    let done = catch_unwind(AssertUnwindSafe(work)).ok();
    QUIET.set(before);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_caught_and_the_quiet_ends_with_it() {
        assert_eq!(quietly(|| 7), Some(7));
        assert_eq!(quietly(|| quietly(|| -> u8 { panic!("inside") })), Some(None));
        assert_eq!(quietly(|| QUIET.get()), Some(true));
        assert!(!QUIET.get(), "what panics now is printed");
    }
}
