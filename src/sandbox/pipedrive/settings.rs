//! What kind of company the sandbox is: plan, limits, and what is switched off. Set through `/_faults`, kept in the log.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The plans that can be bought, with what limits follow from them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Plan {
    /// Formerly Essential.
    Lite,
    /// Formerly Advanced.
    Growth,
    /// No longer sold.
    Professional,
    /// Formerly Power.
    Premium,
    /// Formerly Enterprise.
    Ultimate,
}

/// The settings of the company. All have defaults; an unknown key is refused.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(clippy::struct_excessive_bools, reason = "independent switches, each named in the JSON")]
pub(in crate::sandbox) struct Settings {
    /// The plan; by default one with two levels of visibility.
    pub(super) plan: Plan,
    /// Seats paid for; each adds to the daily budget.
    pub(super) seats: u64,
    /// Calls above the burst limit are refused. Otherwise the headers promise practically unlimited bursts.
    pub(super) enforce_burst: bool,
    /// Calls above the daily budget are refused. Otherwise the headers promise a practically unlimited budget.
    pub(super) enforce_daily: bool,
    /// Requests per 2 s with an API token, instead of the plan's.
    pub(super) burst: Option<u64>,
    /// Tokens per day, instead of the plan's.
    pub(super) daily_tokens: Option<u64>,
    /// After so many 429 within 10 s Cloudflare blocks the token for a minute; 0: never.
    pub(super) block_after: usize,
    /// 2 or 4, instead of the plan's.
    pub(super) visibility_levels: Option<u8>,
    /// `visible_to` of persons and organizations created without one; by default, and where the plan
    /// lacks it, the whole company.
    pub(super) default_visibility: Option<u8>,
    /// Whether the company has the contact-sync fields (`im postal_address notes birthday job_title`).
    pub(super) contact_sync: bool,
    /// Persons that a user cannot see, by e-mail address.
    pub(super) hidden: BTreeMap<String, BTreeSet<u64>>,
    /// Users who exist without ever having called, by e-mail address.
    pub(super) users: BTreeSet<String>,
    /// Users who are no administrators: they see what is theirs or not the owner's alone.
    pub(super) regular: BTreeSet<String>,
    /// Users who were deactivated: they cannot call, nor own anything new.
    pub(super) inactive: BTreeSet<String>,
    /// Open deals by person id, for `include_fields=open_deals_count`.
    pub(super) open_deals: BTreeMap<u64, u64>,
    /// Whether `update_time` stays null until the first edit, and `updated_since` passes such records over. Whether
    /// the real service does the latter is unknown; it is the harsher reading.
    pub(super) null_update_time: bool,
    /// Whether a deleted record is still read by its id, with `is_deleted` true; otherwise it answers 404. Sources
    /// leave open which is true.
    pub(super) deleted_readable: bool,
    /// The only OAuth clients accepted, id to secret; while empty, any.
    pub(super) oauth_clients: BTreeMap<String, String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            plan: Plan::Growth,
            seats: 1,
            enforce_burst: false,
            enforce_daily: false,
            burst: None,
            daily_tokens: None,
            block_after: 20,
            visibility_levels: None,
            default_visibility: None,
            contact_sync: true,
            hidden: BTreeMap::new(),
            users: BTreeSet::new(),
            regular: BTreeSet::new(),
            inactive: BTreeSet::new(),
            open_deals: BTreeMap::new(),
            null_update_time: true,
            deleted_readable: true,
            oauth_clients: BTreeMap::new(),
        }
    }
}

/// The burst limit that headers promise while none is enforced.
const NO_BURST: u64 = 1_000_000;
/// The daily budget that headers promise while none is enforced.
const NO_BUDGET: u64 = 1_000_000_000;

impl Settings {
    /// The values of `visible_to` that the plan has, the widest last.
    pub(super) fn levels(&self) -> &'static [u8] {
        let four = match self.visibility_levels {
            Some(levels) => levels == 4,
            None => matches!(self.plan, Plan::Premium | Plan::Ultimate),
        };
        if four { &[1, 3, 5, 7] } else { &[1, 3] }
    }

    /// The `visible_to` that means everybody.
    pub(super) fn everyone(&self) -> u8 {
        self.levels().last().copied().unwrap_or(3)
    }

    /// The `visible_to` of what is created without one.
    pub(super) fn default_visibility(&self) -> u8 {
        self.default_visibility.filter(|level| self.levels().contains(level)).unwrap_or(self.everyone())
    }

    /// Requests per 2 s; an OAuth token has four times that of an API token.
    pub(super) fn burst_limit(&self, oauth: bool) -> u64 {
        if !self.enforce_burst {
            return NO_BURST;
        }
        let token = self.burst.unwrap_or(match self.plan {
            Plan::Lite => 20,
            Plan::Growth => 40,
            Plan::Professional => 80,
            Plan::Premium => 100,
            Plan::Ultimate => 120,
        });
        if oauth { token * 4 } else { token }
    }

    /// Tokens a day for the whole company.
    pub(super) fn daily_budget(&self) -> u64 {
        if !self.enforce_daily {
            return NO_BUDGET;
        }
        let multiplier = match self.plan {
            Plan::Lite => 1,
            Plan::Growth => 2,
            Plan::Professional => 3,
            Plan::Premium => 5,
            Plan::Ultimate => 7,
        };
        self.daily_tokens.unwrap_or(30_000 * multiplier * self.seats)
    }

    /// The settings with every e-mail address folded, or what is wrong with them.
    pub(super) fn checked(mut self) -> Result<Self, String> {
        if !matches!(self.visibility_levels, None | Some(2 | 4)) {
            return Err("`visibility_levels` must be 2 or 4".to_owned());
        }
        for names in [&mut self.users, &mut self.regular, &mut self.inactive] {
            *names = names.iter().map(|name| name.to_lowercase()).collect();
        }
        self.hidden = self.hidden.into_iter().map(|(name, ids)| (name.to_lowercase(), ids)).collect();
        Ok(self)
    }
}
