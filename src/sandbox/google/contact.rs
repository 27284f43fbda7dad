//! A contact as the service keeps it: an id that stays, a resource name that may change, and its versions.
//!
//! More than one version is kept only while a write has not shown yet (setting `lag_seconds`): reads then give the
//! one before it.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// A contact of one account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Contact {
    /// The id of its contact source.
    pub(super) id: u64,
    /// `people/c…`.
    pub(super) name: String,
    /// Names it had before.
    pub(super) former: Vec<String>,
    /// The display name of the Google profile it is linked to.
    pub(super) profile: Option<String>,
    /// The last is what was written last.
    versions: Vec<Version>,
}

/// What one write made of it. Times are milliseconds since 1970.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct Version {
    /// Rises with every write of the sandbox.
    pub(super) seq: u64,
    /// When it was written.
    pub(super) at: i64,
    /// When reads begin to show it.
    pub(super) visible: i64,
    /// What it says.
    pub(super) is: Is,
}

/// Whether the contact is there.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::sandbox) enum Is {
    /// With these fields.
    Here(Box<Body>),
    /// It was here before: in the trash, which counts towards the cap for 30 days.
    Trashed(Box<Body>),
    /// Among the "Other contacts", or merged into another.
    Elsewhere(Box<Body>),
}

/// What a contact holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(in crate::sandbox) struct Body {
    /// The values of every repeated field, the primary one first, without their metadata.
    pub(super) fields: Map<String, Value>,
    /// The ids of its groups, never none.
    pub(super) groups: Vec<String>,
    /// Its own photo.
    pub(super) photo: Option<u64>,
}

const TRASH_MS: i64 = 30 * 86_400_000;

impl Contact {
    /// A new one, whose name follows from its id.
    pub(super) fn new(id: u64, first: Version) -> Self {
        Self { id, name: format!("people/c{id}"), former: Vec::new(), profile: None, versions: vec![first] }
    }

    /// Adds what a write made of it, and forgets what no read can show any more.
    pub(super) fn push(&mut self, version: Version) {
        let shown = self.versions.iter().rposition(|old| old.visible <= version.at).unwrap_or(0);
        self.versions.drain(..shown);
        if version.visible <= version.at {
            self.versions.clear();
        }
        self.versions.push(version);
    }

    /// Gives it a new version in which nothing has changed.
    pub(super) fn touch(&mut self, seq: u64, at: i64) {
        if let Some(is) = self.latest().map(|version| version.is.clone()) {
            self.versions = vec![Version { seq, at, visible: at, is }];
        }
    }

    /// What it is for writes.
    pub(super) fn latest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// What reads show at `now`.
    pub(super) fn seen(&self, now: i64) -> Option<&Version> {
        self.versions.iter().rev().find(|version| version.visible <= now)
    }

    /// What it holds for writes, if it is there.
    pub(super) fn body(&self) -> Option<&Body> {
        self.latest().and_then(Version::body)
    }

    /// What it held when it went.
    pub(super) fn gone_body(&self) -> Option<Box<Body>> {
        match &self.latest()?.is {
            Is::Here(_) => None,
            Is::Trashed(body) | Is::Elsewhere(body) => Some(body.clone()),
        }
    }

    /// Whether a write of it has not shown yet at `now`.
    pub(super) fn is_pending(&self, now: i64) -> bool {
        self.latest().is_some_and(|version| version.visible > now)
    }

    /// Whether it counts towards the cap.
    pub(super) fn counts(&self, now: i64) -> bool {
        self.latest().is_some_and(|version| match version.is {
            Is::Here(_) => true,
            Is::Trashed(_) => now - version.at < TRASH_MS,
            Is::Elsewhere(_) => false,
        })
    }

    /// The id as the API writes it.
    pub(super) fn source_id(&self) -> String {
        format!("{:x}", self.id)
    }

    /// The version of the contact source, `#…`.
    pub(super) fn etag(&self, version: &Version) -> String {
        let digest = Sha256::new().chain_update(self.id.to_be_bytes()).chain_update(version.seq.to_be_bytes());
        format!("#{}", STANDARD.encode(&digest.finalize()[..8]))
    }
}

impl Version {
    /// What it holds, if it is there.
    pub(super) fn body(&self) -> Option<&Body> {
        match &self.is {
            Is::Here(body) => Some(body),
            Is::Trashed(_) | Is::Elsewhere(_) => None,
        }
    }
}
