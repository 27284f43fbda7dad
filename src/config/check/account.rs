//! One account: what it says, what `[defaults]` says for it, and whether that makes a whole.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::account::{
    AccountName, Conflict, Country, Deletes, Direction, Group, MatchIn, OnLeaveGroup, Policy, Provider, Share,
    Visibility, VisibilityLevels,
};
use crate::auth::secret::SecretSource;
use crate::config::keys;
use crate::config::model::{Account, Book, Levels};
use crate::config::problem::Problem;
use crate::config::raw::{Complaint, Given, Section, Sink, Value};
use crate::config::source::Place;
use crate::config::value::{self, is_email};

/// What accounts need to know of the rest of the file.
pub(super) struct Context {
    pub(super) levels: Given<Levels>,
    pub(super) interval: Duration,
    pub(super) google: bool,
    pub(super) microsoft: bool,
    /// The names of `[connections]`, with the provider where it is known.
    pub(super) connections: BTreeMap<String, Option<Provider>>,
}

/// An account that is right in itself.
pub(super) struct Checked {
    pub(super) account: Account,
    /// Its header.
    pub(super) place: Place,
    /// What the account itself (not `[defaults]`) says of `new_persons`.
    pub(super) new_persons: Option<bool>,
}

/// The keys of one account, or of `[defaults]`.
#[derive(Clone, Default)]
pub(super) struct Declared {
    enabled: Given<bool>,
    provider: Given<Provider>,
    address: Given<String>,
    owner: Given<String>,
    group: Given<Group>,
    direction: Given<Direction>,
    visibility: Given<Visibility>,
    match_in: Given<MatchIn>,
    conflict: Given<Conflict>,
    deletes: Given<Deletes>,
    delete_with_open_deals: Given<bool>,
    on_leave_group: Given<OnLeaveGroup>,
    max_delete: Given<Share>,
    max_delete_count: Given<u64>,
    new_persons: Given<bool>,
    country: Given<Country>,
    interval: Given<Duration>,
    connection: Given<String>,
    path: Given<PathBuf>,
    url: Given<Url>,
    username: Given<String>,
    password: Given<SecretSource>,
}

const DIRECTIONS: [(&str, Direction); 2] = [("one-way", Direction::OneWay), ("two-way", Direction::TwoWay)];
const MATCHES: [(&str, MatchIn); 2] = [("owner", MatchIn::Owner), ("company", MatchIn::Company)];
const CONFLICTS: [(&str, Conflict); 3] =
    [("provider", Conflict::Provider), ("pipedrive", Conflict::Pipedrive), ("newest", Conflict::Newest)];
const DELETES: [(&str, Deletes); 2] = [("propagate", Deletes::Propagate), ("never", Deletes::Never)];
const LEAVES: [(&str, OnLeaveGroup); 2] = [("keep", OnLeaveGroup::Keep), ("delete", OnLeaveGroup::Delete)];

impl Declared {
    pub(super) fn read(section: &Section<'_>, context: &Context, sink: &mut Sink<'_>) -> Self {
        let providers = Provider::ALL.map(|provider| (provider.as_str(), provider));
        Self {
            enabled: section.get("enabled", sink, value::boolean),
            provider: section.get("provider", sink, value::one_of(&providers)),
            address: section.get("address", sink, value::text),
            owner: section.get("owner", sink, value::email),
            group: section.get("group", sink, group),
            direction: section.get("direction", sink, value::one_of(&DIRECTIONS)),
            visibility: visibility(section, context, sink),
            match_in: section.get("match", sink, value::one_of(&MATCHES)),
            conflict: section.get("conflict", sink, value::one_of(&CONFLICTS)),
            deletes: section.get("deletes", sink, value::one_of(&DELETES)),
            delete_with_open_deals: section.get("delete_with_open_deals", sink, value::boolean),
            on_leave_group: section.get("on_leave_group", sink, value::one_of(&LEAVES)),
            max_delete: section.get("max_delete", sink, value::share(0)),
            max_delete_count: section.get("max_delete_count", sink, value::count(0)),
            new_persons: section.get("new_persons", sink, value::boolean),
            country: section.get("country", sink, value::country),
            interval: section.get("interval", sink, value::duration),
            connection: section.get("connection", sink, value::text),
            path: section.get("path", sink, value::path),
            url: section.get("url", sink, value::root_url),
            username: section.get("username", sink, value::text),
            password: section.secret("password", true, sink),
        }
    }

    /// Each key of this, or else of `defaults`.
    fn or(self, defaults: &Self) -> Self {
        let Self { enabled, provider, address, owner, group, direction, visibility, match_in, conflict, .. } =
            defaults.clone();
        let Self { deletes, delete_with_open_deals, on_leave_group, max_delete, max_delete_count, .. } =
            defaults.clone();
        let Self { new_persons, country, interval, connection, path, url, username, password, .. } = defaults.clone();
        Self {
            enabled: self.enabled.or(enabled),
            provider: self.provider.or(provider),
            address: self.address.or(address),
            owner: self.owner.or(owner),
            group: self.group.or(group),
            direction: self.direction.or(direction),
            visibility: self.visibility.or(visibility),
            match_in: self.match_in.or(match_in),
            conflict: self.conflict.or(conflict),
            deletes: self.deletes.or(deletes),
            delete_with_open_deals: self.delete_with_open_deals.or(delete_with_open_deals),
            on_leave_group: self.on_leave_group.or(on_leave_group),
            max_delete: self.max_delete.or(max_delete),
            max_delete_count: self.max_delete_count.or(max_delete_count),
            new_persons: self.new_persons.or(new_persons),
            country: self.country.or(country),
            interval: self.interval.or(interval),
            connection: self.connection.or(connection),
            path: self.path.or(path),
            url: self.url.or(url),
            username: self.username.or(username),
            password: self.password.or(password),
        }
    }

    fn policy(&self, direction: Direction, visibility: Visibility) -> Policy {
        let usual = Policy::new(direction, visibility);
        Policy {
            match_in: self.match_in.as_ref().copied().unwrap_or(usual.match_in),
            conflict: self.conflict.as_ref().copied().unwrap_or(usual.conflict),
            deletes: self.deletes.as_ref().copied().unwrap_or(usual.deletes),
            delete_with_open_deals: self
                .delete_with_open_deals
                .as_ref()
                .copied()
                .unwrap_or(usual.delete_with_open_deals),
            on_leave_group: self.on_leave_group.as_ref().copied().unwrap_or(usual.on_leave_group),
            max_delete: self.max_delete.as_ref().copied().unwrap_or(usual.max_delete),
            max_delete_count: self.max_delete_count.as_ref().copied().unwrap_or(usual.max_delete_count),
            new_persons: self.new_persons.as_ref().copied().unwrap_or(usual.new_persons),
            country: self.country.as_ref().copied().or(usual.country),
            ..usual
        }
    }
}

fn group(value: Value<'_>) -> Result<Group, Complaint> {
    value::text(value)
        .map(|word| Group::new(&word))
        .map_err(|complaint| complaint.help("\"*\" stands for the whole book"))
}

fn visibility(section: &Section<'_>, context: &Context, sink: &mut Sink<'_>) -> Given<Visibility> {
    let words = Visibility::ALL.map(|visibility| (visibility.as_str(), visibility));
    let given = section.get("visibility", sink, value::one_of(&words));
    if let (Given::Yes(visibility, place), Given::Yes(Levels::Two, levels)) = (&given, &context.levels)
        && visibility.visible_to(VisibilityLevels::Two).is_none()
    {
        let problem = Problem::at(
            place,
            format!("there is no visibility \"{visibility}\" on two levels"),
            "expected \"owner\" or \"company\"",
        )
        .also(levels, "two levels are declared here")
        .help("write another visibility, or visibility_levels = 4 if the plan is Premium or Ultimate");
        sink.add(problem);
        return Given::Wrong;
    }
    given
}

/// Checks one account; `None` where something is wrong with it, which the sink then knows.
pub(super) fn check(
    name: AccountName,
    section: &Section<'_>,
    defaults: &Declared,
    context: &Context,
    sink: &mut Sink<'_>,
) -> Option<Checked> {
    let own = Declared::read(section, context, sink);
    let new_persons = own.new_persons.as_ref().copied();
    foreign_keys(&own.provider.clone().or(defaults.provider.clone()), section, sink);
    let named =
        || if is_email(name.as_str()) { Given::Yes(name.to_string(), section.place.clone()) } else { Given::No };
    let address = own.address.clone().or(named()).or(defaults.address.clone());
    let declared = Declared { address, ..own }.or(defaults);

    required(&declared, section, sink);
    let address = declared.address.as_ref().cloned();
    let owner = owner(&declared, section, sink);
    let provider = declared.provider.as_ref().copied()?;
    let book = book(provider, &declared, section, context, sink);
    let policy = declared.policy(*declared.direction.as_ref()?, *declared.visibility.as_ref()?);
    let account = Account {
        enabled: declared.enabled.as_ref().copied().unwrap_or(true),
        provider,
        book: book?,
        address,
        owner: owner?,
        group: declared.group.as_ref().cloned()?,
        policy,
        interval: declared.interval.as_ref().copied().unwrap_or(context.interval),
        name,
    };
    Some(Checked { account, place: section.place.clone(), new_persons })
}

/// Keys the account itself gives although its provider has no use for them.
fn foreign_keys(provider: &Given<Provider>, section: &Section<'_>, sink: &mut Sink<'_>) {
    let Some(provider) = provider.as_ref() else { return };
    for name in keys::ACCOUNT.names() {
        let base = keys::ACCOUNT.secret_of(&name).unwrap_or(&name);
        let Some(providers) = keys::providers_with(base).filter(|providers| !providers.contains(provider)) else {
            continue;
        };
        let Some(place) = section.key_place(&name) else { continue };
        let words: Vec<_> = providers.iter().map(|provider| provider.as_str()).collect();
        let message = format!("`{name}` does not belong to provider = \"{}\"", provider.as_str());
        let problem = Problem::at(&place, message, format!("only for {}", words.join(" and ")))
            .help("remove the line, or correct the provider");
        sink.add(problem);
    }
}

/// `provider`, `group`, `direction` and `visibility` have no built-in default.
fn required(declared: &Declared, section: &Section<'_>, sink: &mut Sink<'_>) {
    let all = [
        ("provider", declared.provider.is_missing(), "\"folder\""),
        ("group", declared.group.is_missing(), "\"*\""),
        ("direction", declared.direction.is_missing(), "\"one-way\""),
        ("visibility", declared.visibility.is_missing(), "\"owner\""),
    ];
    let missing: Vec<_> = all.into_iter().filter(|(_, missing, _)| *missing).collect();
    if missing.is_empty() {
        return;
    }
    let names: Vec<_> = missing.iter().map(|(key, ..)| format!("`{key}`")).collect();
    let examples: Vec<_> = missing.iter().map(|(key, _, example)| format!("{key} = {example}")).collect();
    let list = match names.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => names.concat(),
    };
    let message = format!("{} does not say {list}", section.title);
    let problem = Problem::at(&section.place, message, "there is no default for this").help(format!(
        "add {} here; or to [defaults], for every account that does not say otherwise",
        examples.join(", ")
    ));
    sink.missing(&section.place, problem);
}

/// The owner, by default the address where that is one.
fn owner(declared: &Declared, section: &Section<'_>, sink: &mut Sink<'_>) -> Option<String> {
    match (&declared.owner, &declared.address) {
        (Given::Yes(owner, _), _) => Some(owner.clone()),
        (Given::Wrong, _) | (Given::No, Given::Wrong) => None,
        (Given::No, Given::Yes(address, _)) if is_email(address) => Some(address.clone()),
        (Given::No, _) => {
            let message = format!("{} does not say `owner`", section.title);
            let problem = Problem::at(&section.place, message, "whose persons are these in Pipedrive?")
                .help("add owner = \"the e-mail address that the Pipedrive user logs in with\"");
            sink.missing(&section.place, problem);
            None
        }
    }
}

fn book(
    provider: Provider,
    declared: &Declared,
    section: &Section<'_>,
    context: &Context,
    sink: &mut Sink<'_>,
) -> Option<Book> {
    match provider {
        Provider::Folder => {
            section.need("path", &declared.path, sink);
            Some(Book::Folder { path: declared.path.as_ref().cloned()? })
        }
        Provider::CardDav => {
            let username = declared.username.clone().or(declared.address.clone());
            section.need("url", &declared.url, sink);
            section.need("username", &username, sink);
            section.need("password_file", &declared.password, sink);
            let (url, password) = (declared.url.as_ref().cloned(), declared.password.as_ref().cloned());
            Some(Book::CardDav { url: url?, username: username.value()?, password: password? })
        }
        Provider::Icloud => {
            let address = email_address(declared, section, sink);
            section.need("password_file", &declared.password, sink);
            Some(Book::Icloud { address: address?, password: declared.password.as_ref().cloned()? })
        }
        Provider::Google | Provider::Microsoft => {
            let address = email_address(declared, section, sink);
            connected(provider, declared, context, section, sink);
            let (address, connection) = (address?, declared.connection.as_ref().cloned());
            Some(match provider {
                Provider::Google => Book::Google { address, connection },
                _ => Book::Microsoft { address, connection },
            })
        }
    }
}

fn email_address(declared: &Declared, section: &Section<'_>, sink: &mut Sink<'_>) -> Option<String> {
    section.need("address", &declared.address, sink);
    let Given::Yes(address, place) = &declared.address else { return None };
    if !is_email(address) {
        let problem =
            Problem::at(place, "`address` is no e-mail address", "expected an address such as \"alice@acme.example\"");
        sink.add(problem);
        return None;
    }
    Some(address.clone())
}

/// Whether the connection an account logs in through is there.
fn connected(provider: Provider, declared: &Declared, context: &Context, section: &Section<'_>, sink: &mut Sink<'_>) {
    let word = provider.as_str();
    let Given::Yes(name, place) = &declared.connection else {
        let there = if provider == Provider::Google { context.google } else { context.microsoft };
        if !there && declared.connection.is_missing() {
            let problem = Problem::at(
                &section.place,
                format!("there is no [{word}] table to log in through"),
                format!("a {word} account"),
            )
            .help(format!(
                "add [{word}] with client_id and what else config.example.toml shows, or say connection = \"NAME\""
            ));
            sink.missing(&section.place, problem);
        }
        return;
    };
    match context.connections.get(name) {
        Some(Some(other)) if *other != provider => {
            let label = format!("[connections.{name}] is of provider {}", other.as_str());
            sink.add(Problem::at(place, format!("the connection {name:?} is not for {word}"), label));
        }
        Some(_) => {}
        None => {
            let near = crate::config::keys::nearest(name, context.connections.keys());
            let label = near.map_or_else(|| "not known".to_owned(), |near| format!("did you mean {near:?}?"));
            let problem = Problem::at(place, format!("there is no connection {name:?}"), label)
                .help(format!("add [connections.{name}], or remove the line to use [{word}]"));
            sink.missing(place, problem);
        }
    }
}
