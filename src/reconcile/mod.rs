//! One pass: observe, plan, guard, apply, record.
