//! One folder per kind of book; the trait is the contract.
