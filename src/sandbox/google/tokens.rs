//! Sync tokens and page tokens: what they are bound to, and when they die.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::account::Owner;
use super::contact::Version;
use super::gateway::Call;
use super::refusal::Refusal;
use super::state::State;

/// A moment in the life of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Point {
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// The last version at that time.
    pub(super) seq: u64,
    /// When the full listing that it goes back to began.
    pub(super) full: i64,
}

impl Point {
    /// Whether `version` was not yet shown then.
    pub(super) fn is_before(self, version: &Version) -> bool {
        version.visible > self.at || version.seq > self.seq
    }
}

/// What is inside a token.
#[derive(Debug, Serialize, Deserialize)]
struct Token {
    /// Digest of the list's name, the user and the parameters.
    bound: String,
    /// The id of the account: another state has another user of the same name.
    owner: String,
    point: Point,
    /// Where the next page starts; a sync token has none.
    after: Option<u64>,
}

/// A sync token lives so long after the full listing that it goes back to.
const LIFE_MS: i64 = 7 * 86_400_000;

/// A list of one user with the parameters of its call.
#[derive(Debug)]
pub(super) struct Binding {
    owner: Owner,
    params: String,
}

impl Binding {
    /// The list `name` of `owner`, asked for with `params`.
    pub(super) fn new(name: &str, owner: &Owner, params: &str) -> Self {
        Self { owner: owner.clone(), params: format!("{name} {} {params}", owner.email) }
    }

    fn digest(&self) -> String {
        URL_SAFE_NO_PAD.encode(&Sha256::digest(&self.params)[..9])
    }

    fn write(&self, point: Point, after: Option<u64>) -> String {
        let token = Token { bound: self.digest(), owner: self.owner.id.clone(), point, after };
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&token).unwrap_or_default())
    }

    /// The token with which changes since `point` can be listed.
    pub(super) fn sync_token(&self, point: Point) -> String {
        self.write(point, None)
    }

    /// The token of the page that starts after `after`, in a listing begun at `point`.
    pub(super) fn page_token(&self, point: Point, after: u64) -> String {
        self.write(point, Some(after))
    }

    fn read(&self, token: &str) -> Result<Token, Refusal> {
        let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| Refusal::argument())?;
        let token: Token = serde_json::from_slice(&bytes).map_err(|_| Refusal::argument())?;
        if token.bound == self.digest() { Ok(token) } else { Err(Refusal::argument()) }
    }

    /// The point of the sync token, if the call has one. One that is malformed, or of other parameters, is an invalid
    /// argument; one that is too old, or of another sandbox, has expired.
    pub(super) fn since(&self, state: &State, call: &Call) -> Result<Option<Point>, Refusal> {
        let Some(token) = call.query.get("syncToken") else { return Ok(None) };
        let token = self.read(token)?;
        if token.after.is_some() {
            return Err(Refusal::argument());
        }
        let dead = token.owner != self.owner.id
            || token.point.seq < state.floor
            || call.now.0 - token.point.full >= LIFE_MS
            || call.expired;
        if dead { Err(state.settings.sync_token_error.refusal()) } else { Ok(Some(token.point)) }
    }

    /// Where the page of the call starts: in which listing, and after what.
    pub(super) fn page(&self, call: &Call) -> Result<Option<(Point, u64)>, Refusal> {
        let Some(token) = call.query.get("pageToken") else { return Ok(None) };
        let token = self.read(token)?;
        match token.after {
            Some(after) if token.owner == self.owner.id && !call.expired => Ok(Some((token.point, after))),
            _ => Err(Refusal::argument()),
        }
    }
}
