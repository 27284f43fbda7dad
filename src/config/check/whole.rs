//! Accounts among each other: no two of one scope, and one place for new persons of an owner.
//!
//! Disabled accounts write nothing, so they do not count.

use std::collections::BTreeMap;

use crate::account::Direction;
use crate::config::model::{Account, Book};
use crate::config::problem::Problem;
use crate::config::raw::Sink;

use super::account::Checked;

pub(super) fn check(accounts: &mut [Checked], sink: &mut Sink<'_>) {
    scopes(accounts, sink);
    new_persons(accounts, sink);
}

/// The same group of the same book for the same owner twice: each would take the other's contacts for its own.
fn scopes(accounts: &[Checked], sink: &mut Sink<'_>) {
    let mut seen = BTreeMap::new();
    for Checked { account, place, .. } in accounts.iter().filter(|checked| checked.account.enabled) {
        let scope = (
            account.provider.as_str(),
            place_of(account),
            account.owner.to_lowercase(),
            account.group.as_str().to_owned(),
        );
        match seen.get(&scope) {
            None => {
                seen.insert(scope, (place, &account.name));
            }
            Some((first, first_name)) => {
                let message = format!("`{}` and `{first_name}` sync the same group of the same book", account.name);
                let problem = Problem::at(place, message, "and here")
                    .also(first, "first here")
                    .help("remove one of them, say enabled = false in it, or give it another group");
                sink.add(problem);
            }
        }
    }
}

/// What tells a book from every other. A folder is where a link to it leads, too.
fn place_of(account: &Account) -> String {
    match &account.book {
        Book::Folder { path } => {
            path.canonicalize().map_or_else(|_| account.book.identity(), |path| path.display().to_string())
        }
        book => book.identity(),
    }
}

/// A new person of an owner goes into one book: of several two-way accounts exactly one says `new_persons = true`, and
/// with that the others need not say anything.
fn new_persons(accounts: &mut [Checked], sink: &mut Sink<'_>) {
    let mut owners: BTreeMap<String, Vec<&mut Checked>> = BTreeMap::new();
    for checked in accounts {
        let Checked { account, .. } = &checked;
        if account.enabled && account.policy.direction == Direction::TwoWay {
            owners.entry(account.owner.to_lowercase()).or_default().push(checked);
        }
    }
    for (owner, accounts) in owners.into_iter().filter(|(_, accounts)| accounts.len() > 1) {
        let explicit = accounts.iter().filter(|checked| checked.new_persons == Some(true)).count();
        let effective = accounts.iter().filter(|checked| checked.account.policy.new_persons).count();
        if explicit == 1 {
            for checked in accounts {
                checked.account.policy.new_persons = checked.new_persons == Some(true);
            }
        } else if effective != 1
            && let [first, second, ..] = accounts.as_slice()
        {
            let message = format!("{} two-way accounts have the owner {owner}", accounts.len());
            let problem = Problem::at(&second.place, message, "and here")
                .also(&first.place, "first here")
                .help("say new_persons = true in exactly one of them: new persons of the owner go into its book");
            sink.add(problem);
        }
    }
}
