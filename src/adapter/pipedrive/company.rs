//! What all accounts share: the credential, the budget, who we are, which fields there are.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::api::{Api, Credential};
use super::book::PersonBook;
use super::fields::FieldMap;
use super::governor::Governor;
use super::organization::OrganizationNames;
use super::tokens::Budget;
use super::users::{Me, Users};
use super::{endpoint, visibility};
use crate::account::{Country, Share, VisibilityLevels};
use crate::adapter::Error;
use crate::clock::{Moment, SharedClock};
use crate::config::StandIn;
use crate::contact::{Capability, Field, Fields, Homes, UserId};
use crate::http::{Client, Url};

/// A proof rests on who our user is; it is asked anew after this long (2 tokens), because an administrator may become
/// none.
const ME_AGE: Duration = Duration::from_mins(10);
/// Most field definitions per page.
const FIELDS_PAGE: &str = "500";
/// More pages of field definitions than any company has: a cursor that never ends is not followed.
const FIELDS_PAGES: usize = 50;
/// Longest notes that Pipedrive takes, in characters.
const NOTES_CHARS: usize = 10_000;

/// What `[pipedrive]` says.
pub struct Settings {
    /// The root; `/api/v2` and `/api/v1` are appended.
    pub url: Url,
    /// The login.
    pub token: Credential,
    /// The plan's visibility levels; `None`: only what the API proves.
    pub levels: Option<VisibilityLevels>,
    /// Tokens a day for the whole company; `None`: by the headers, else 30 000.
    pub daily_tokens: Option<u64>,
    /// Requests per 2 s; `None`: by the headers, 20 until the first.
    pub burst: Option<u32>,
    /// carnetd's share of the daily tokens.
    pub daily_share: Share,
    /// What earlier processes used, and when they last said so: the share is the day's, not the process's.
    pub used: Option<(Moment, u64)>,
    /// The custom fields that stand in for contact-sync fields, by name or key.
    pub fields: BTreeMap<StandIn, String>,
}

/// The company of one credential; one per process.
pub struct Company {
    api: Api,
    identity: String,
    domain: String,
    configured_fields: BTreeMap<StandIn, String>,
    configured_levels: Option<VisibilityLevels>,
    state: RwLock<State>,
    users: tokio::sync::Mutex<Users>,
    names: OrganizationNames,
    tells_deletions: AtomicBool,
}

struct State {
    me: (Moment, Me),
    fields: Arc<FieldMap>,
    fields_read: Option<Moment>,
    levels: Option<VisibilityLevels>,
}

impl Company {
    /// Logs in and reads which fields there are (12 tokens). A dead login is [`crate::adapter::Kind::Login`]; a stand-in
    /// that does not exist is [`crate::adapter::Kind::Invalid`].
    pub async fn connect(
        settings: Settings,
        client: Client,
        clock: SharedClock,
        cancel: &CancellationToken,
    ) -> Result<Arc<Self>, Error> {
        let governor = Governor::new(clock.clone(), settings.burst, settings.daily_tokens, settings.daily_share);
        if let Some((at, tokens)) = settings.used {
            governor.remember_use(tokens, at);
        }
        let api = Api::new(client, settings.url, settings.token, governor, clock);
        let me = Me::fetch(&api, cancel).await?;
        let definitions = definitions(&api, cancel).await?;
        let fields = FieldMap::read(&definitions, &settings.fields)?;
        let levels = visibility::checked(settings.levels, &definitions)?;
        let (fields, me) = (Arc::new(fields), (api.clock.now(), me));
        Ok(Arc::new(Self {
            identity: format!("{}#{}", me.1.domain, me.1.company_id),
            domain: me.1.domain.clone(),
            configured_fields: settings.fields,
            configured_levels: settings.levels,
            state: RwLock::new(State { me, fields, fields_read: None, levels }),
            users: tokio::sync::Mutex::default(),
            names: OrganizationNames::default(),
            tells_deletions: AtomicBool::new(false),
            api,
        }))
    }

    /// The company's stable identity: its domain, `#`, its id. A sandbox is a company of its own.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The company's label in its address, such as `acme`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The token budget, as known now.
    pub fn budget(&self) -> Budget {
        self.api.governor.budget()
    }

    /// What a person can hold. Contact-sync fields and stand-ins that do not exist are not in it.
    pub fn capability(&self) -> Capability {
        Capability {
            fields: self.fields().unsaid().complement(),
            name_parts: false,
            addresses: 1,
            notes_chars: NOTES_CHARS,
            birthday_without_year: false,
            ..Capability::EVERYTHING
        }
    }

    /// Where this company keeps the fields whose place may move.
    pub fn homes(&self) -> Homes {
        self.fields().homes()
    }

    /// Which fields this company cannot hold, and what to do about it; `None` where it holds all. To be told once.
    pub fn unsaid_fields_note(&self) -> Option<String> {
        let unsaid = self.fields().unsaid();
        let list = |fields: Fields| fields.iter().map(Field::as_str).collect::<Vec<_>>().join(", ");
        (!unsaid.is_empty()).then(|| {
            format!(
                "This Pipedrive company has no fields for: {}. They are neither written nor cleared. Pipedrive makes these \
                 fields when any user sets up its own contact sync once; or name custom fields in [pipedrive.fields].",
                list(unsaid)
            )
        })
    }

    /// Reads anew which fields and levels there are (10 tokens): either may change while we run. Says whether other fields
    /// can be held now.
    pub async fn refresh_fields(&self, cancel: &CancellationToken) -> Result<bool, Error> {
        let definitions = definitions(&self.api, cancel).await?;
        let fields = Arc::new(FieldMap::read(&definitions, &self.configured_fields)?);
        let levels = visibility::checked(self.configured_levels, &definitions)?;
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        let changed = state.fields != fields;
        (state.fields, state.levels, state.fields_read) = (fields, levels, Some(self.api.clock.now()));
        Ok(changed)
    }

    /// When the fields were last read anew; `None`: not since we connected.
    pub fn fields_read(&self) -> Option<Moment> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).fields_read
    }

    /// By which name each organization is known; filled by whoever resolves them.
    pub fn names(&self) -> &OrganizationNames {
        &self.names
    }

    /// An account's view: what it creates gets this owner and visibility; phone numbers are read in this country.
    pub fn book(self: &Arc<Self>, owner: UserId, visible_to: u8, country: Option<Country>) -> PersonBook {
        PersonBook::new(Arc::clone(self), owner, visible_to, country)
    }

    pub(super) fn api(&self) -> &Api {
        &self.api
    }

    pub(super) fn users(&self) -> &tokio::sync::Mutex<Users> {
        &self.users
    }

    /// The service was seen to answer for a deleted person with `is_deleted`, since the process started or as it was
    /// told by [`Company::saw_deletion`].
    pub fn tells_deletions(&self) -> bool {
        self.tells_deletions.load(Ordering::Relaxed)
    }

    /// Remembers that the service tells deletions.
    pub fn saw_deletion(&self) {
        self.tells_deletions.store(true, Ordering::Relaxed);
    }

    pub(super) fn fields(&self) -> Arc<FieldMap> {
        Arc::clone(&self.state.read().unwrap_or_else(PoisonError::into_inner).fields)
    }

    pub(super) fn known_levels(&self) -> Option<VisibilityLevels> {
        self.state.read().unwrap_or_else(PoisonError::into_inner).levels
    }

    pub(super) fn learn_levels(&self, levels: VisibilityLevels) {
        self.state.write().unwrap_or_else(PoisonError::into_inner).levels = Some(levels);
    }

    /// Asks anew who we are and which users there are (22 tokens): whether the service answers and the login is good now.
    pub async fn ask(&self, cancel: &CancellationToken) -> Result<(), Error> {
        let me = Me::fetch(&self.api, cancel).await?;
        self.state.write().unwrap_or_else(PoisonError::into_inner).me = (self.api.clock.now(), me);
        let users = Users::fetch(&self.api, cancel).await?;
        *self.users.lock().await = users;
        Ok(())
    }

    /// Who we are, not older than ten minutes.
    pub(super) async fn me(&self, cancel: &CancellationToken) -> Result<Me, Error> {
        let (at, me) = self.state.read().unwrap_or_else(PoisonError::into_inner).me.clone();
        if self.api.clock.now().since(at) < ME_AGE {
            return Ok(me);
        }
        let me = Me::fetch(&self.api, cancel).await?;
        self.state.write().unwrap_or_else(PoisonError::into_inner).me = (self.api.clock.now(), me.clone());
        Ok(me)
    }
}

impl fmt::Debug for Company {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Company").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// All definitions of person fields.
async fn definitions(api: &Api, cancel: &CancellationToken) -> Result<Vec<Value>, Error> {
    let mut all = Vec::new();
    let mut cursor: Option<String> = None;
    for _ in 0..FIELDS_PAGES {
        let mut request = api.to(&endpoint::PERSON_FIELDS).query(&[("limit", FIELDS_PAGE)]);
        if let Some(cursor) = &cursor {
            request = request.query(&[("cursor", cursor)]);
        }
        let mut answer = api.send(request, cancel).await?;
        let page = answer.data.as_array_mut();
        all.append(page.ok_or_else(|| Api::malformed(&endpoint::PERSON_FIELDS, "`data` is no list"))?);
        cursor = answer.next;
        if cursor.is_none() {
            return Ok(all);
        }
    }
    Err(Api::malformed(&endpoint::PERSON_FIELDS, "the list of fields does not end"))
}
