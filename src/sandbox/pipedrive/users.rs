//! Users, their rights and roles (all v1, which has no successor for them).

#![expect(clippy::unnecessary_wraps, reason = "handlers have one type, whether they can refuse or not")]

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::company::Company;
use super::gateway::{Answer, Call};
use super::person::Person;
use super::record::v1_time;
use super::refusal::Refusal;

/// A user. Whether they are active or an administrator is said by the settings.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(in crate::sandbox) struct User {
    pub(super) id: u64,
    /// Folded.
    pub(super) email: String,
    /// Seconds since 1970.
    pub(super) created: i64,
}

impl User {
    /// A name made of the address: `alice.doe@…` is "Alice Doe".
    pub(super) fn name(&self) -> String {
        let local = self.email.split('@').next().unwrap_or_default();
        let words = local.split(['.', '_', '-', '+']).filter(|word| !word.is_empty());
        let capital = |word: &str| {
            let mut letters = word.chars();
            letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>())
        };
        words.filter_map(capital).collect::<Vec<_>>().join(" ")
    }

    fn show(&self, company: &Company, caller: u64) -> Value {
        let admin = !company.settings.regular.contains(&self.email);
        let active = company.is_active(self.id);
        json!({
            "id": self.id, "name": self.name(), "default_currency": "EUR", "locale": "en_GB", "lang": 1,
            "email": self.email, "phone": null, "activated": true, "last_login": v1_time(self.created),
            "created": v1_time(self.created), "modified": v1_time(self.created), "has_created_company": self.id == 1,
            "access": [
                {"app": "sales", "admin": admin, "permission_set_id": "62cc4d7f-4038-4352-abf3-a8c1c822b631"},
                {"app": "global", "admin": admin, "permission_set_id": "233b7976-39bd-43a9-b305-ef3a2b0998e5"},
                {"app": "account_settings", "admin": admin, "permission_set_id": "982c5ce5-b8ba-4b47-b102-9da024f4b990"},
            ],
            "active_flag": active, "timezone_name": "Etc/UTC", "timezone_offset": "+00:00", "role_id": 1,
            "icon_url": null, "is_you": self.id == caller, "is_deleted": false,
        })
    }
}

/// `GET /users/me`: the caller and the company. The domain is always `sandbox`; the company id tells sandboxes apart.
pub(super) fn me(company: &mut Company, call: &Call) -> Answer {
    let mut me = known(company, call.user)?.show(company, call.user);
    me["company_id"] = json!(company.id);
    me["company_name"] = json!("Sandbox");
    me["company_domain"] = json!("sandbox");
    me["company_country"] = json!("EE");
    me["company_industry"] = json!("IT Services");
    me["language"] = json!({"language_code": "en", "country_code": "GB"});
    Ok(json!({"success": true, "data": me}))
}

/// `GET /users`.
pub(super) fn list(company: &mut Company, call: &Call) -> Answer {
    let users: Vec<Value> = company.users.values().map(|user| user.show(company, call.user)).collect();
    Ok(json!({"success": true, "data": users}))
}

/// `GET /users/{id}`.
pub(super) fn read(company: &mut Company, call: &Call) -> Answer {
    Ok(json!({"success": true, "data": known(company, call.id())?.show(company, call.user)}))
}

/// `GET /users/find`: a part of the name, or of the address with `search_by_email=1`.
pub(super) fn find(company: &mut Company, call: &Call) -> Answer {
    let term = call.query.get("term").unwrap_or_default().to_lowercase();
    if term.is_empty() {
        return Err(Refusal::invalid("\"term\" is required"));
    }
    let by_email = matches!(call.query.get("search_by_email"), Some("1" | "true"));
    let found = company
        .users
        .values()
        .filter(|user| if by_email { user.email.contains(&term) } else { user.name().to_lowercase().contains(&term) });
    let users: Vec<Value> = found.map(|user| user.show(company, call.user)).collect();
    Ok(json!({"success": true, "data": users}))
}

/// `GET /users/{id}/roleSettings`.
pub(super) fn role_settings(company: &mut Company, call: &Call) -> Answer {
    known(company, call.id())?;
    let level = company.settings.default_visibility();
    Ok(json!({"success": true, "data": {
        "deal_default_visibility": level, "lead_default_visibility": level, "org_default_visibility": level,
        "person_default_visibility": level, "product_default_visibility": level,
        "deal_access_level": 1, "org_access_level": 1, "person_access_level": 1, "product_access_level": 1,
    }}))
}

/// `GET /users/{id}/permissions`.
pub(super) fn permissions(company: &mut Company, call: &Call) -> Answer {
    let admin = !company.settings.regular.contains(&known(company, call.id())?.email);
    Ok(json!({"success": true, "data": {
        "can_add_custom_fields": admin, "can_add_products": true, "can_bulk_edit_items": admin,
        "can_change_visibility_of_items": true, "can_delete_custom_fields": admin, "can_edit_custom_fields": admin,
        "can_export_data_from_lists": admin, "can_follow_other_users": true, "can_merge_organizations": admin,
        "can_merge_people": admin, "can_modify_labels": admin, "can_see_hidden_items_names": false,
        "can_see_other_users": true, "can_share_filters": admin, "can_use_api": true, "can_use_import": admin,
    }}))
}

/// `GET /roles`: the default one, and a second where the plan has visibility groups.
pub(super) fn roles(company: &mut Company, _: &Call) -> Answer {
    let assigned = company.users.len().to_string();
    let mut roles = vec![json!({
        "id": 1, "parent_role_id": null, "name": "(Unassigned users)", "active_flag": true,
        "assignment_count": assigned, "sub_role_count": "0", "level": 1,
    })];
    if company.settings.levels().len() == 4 {
        roles[0]["sub_role_count"] = json!("1");
        roles.push(json!({
            "id": 2, "parent_role_id": 1, "name": "Sales", "active_flag": true,
            "assignment_count": "0", "sub_role_count": "0", "level": 2,
        }));
    }
    Ok(json!({
        "success": true, "data": roles,
        "additional_data": {"pagination": {"start": 0, "limit": 100, "more_items_in_collection": false}},
    }))
}

/// `GET /userSettings`.
pub(super) fn settings(_: &mut Company, _: &Call) -> Answer {
    Ok(json!({"success": true, "data": {
        "marketplace_team": false, "list_limit": 100, "beta_app": false, "prevent_salesphone_callto_override": false,
        "file_upload_destination": "s3", "callto_link_syntax": "callto:[number]",
        "autofill_deal_expected_close_date": false,
        "person_duplicate_condition": "name && (org_id || email || phone)",
    }}))
}

/// `GET /persons/{id}/permittedUsers`: who sees this person.
pub(super) fn permitted(company: &mut Company, call: &Call) -> Answer {
    let person: &Person = company.find_live(call.user, call.id(), call.now)?;
    let users: Vec<u64> = company.users.keys().copied().filter(|user| company.sees(*user, person)).collect();
    Ok(json!({"success": true, "data": users}))
}

fn known(company: &Company, id: u64) -> Result<&User, Refusal> {
    company.users.get(&id).ok_or_else(Refusal::no_user)
}
