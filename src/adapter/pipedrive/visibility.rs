//! How many visibility levels the company's plan has: configured, else proven, never guessed.
//!
//! The API names no plan. The options of the `visible_to` person field list the allowed values; a role whose default is 5
//! or 7 proves four levels (its 1 or 3 proves nothing). The same 3 means everybody on one plan and a group on the other,
//! so a wrong guess would show contacts to the whole company.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::company::Company;
use super::{endpoint, person};
use crate::account::VisibilityLevels;
use crate::adapter::{Error, Kind};

impl Company {
    /// The levels: the configured ones, else the proven ones, else an error that asks for `visibility_levels`.
    pub async fn levels(&self, cancel: &CancellationToken) -> Result<VisibilityLevels, Error> {
        if let Some(levels) = self.known_levels() {
            return Ok(levels);
        }
        let request = self.api().to_one(&endpoint::ROLE_SETTINGS, self.me(cancel).await?.id.0);
        let proven = match self.api().send(request, cancel).await {
            Ok(answer) => by_role(&answer.data),
            // A user without that permission, or an app without that scope: no proof, and no trouble either.
            Err(Error { kind: Kind::Forbidden | Kind::NotFound, .. }) => None,
            Err(error) => return Err(error),
        };
        let levels = proven.ok_or_else(unproven)?;
        self.learn_levels(levels);
        Ok(levels)
    }
}

fn unproven() -> Error {
    Error::new(
        Kind::Invalid,
        "[pipedrive] visibility_levels = \"auto\": Pipedrive does not say how many visibility levels this company has; set \
         it to 2 (Lite and Growth plans) or 4 (Premium and Ultimate)",
    )
}

/// Refuses configured levels that the company's own field contradicts. With too many, persons could not be created at level 5
/// or 7, and 3 would show them to everybody; with too few, 3 would hide from the company what it is to see.
pub(super) fn checked(
    configured: Option<VisibilityLevels>,
    definitions: &[Value],
) -> Result<Option<VisibilityLevels>, Error> {
    let proven = by_field(definitions);
    let wrong = match (configured, proven) {
        (Some(VisibilityLevels::Four), Some(VisibilityLevels::Two)) => {
            "[pipedrive] visibility_levels = 4, but this company's persons know only the levels 1 and 3 (Lite and Growth \
             plans); set it to 2"
        }
        (Some(VisibilityLevels::Two), Some(VisibilityLevels::Four)) => {
            "[pipedrive] visibility_levels = 2, but this company's persons know the levels 1, 3, 5 and 7 (Premium and \
             Ultimate plans); set it to 4"
        }
        _ => return Ok(configured.or(proven)),
    };
    Err(Error::new(Kind::Invalid, wrong))
}

/// What the definition of the `visible_to` field proves.
pub(super) fn by_field(definitions: &[Value]) -> Option<VisibilityLevels> {
    let field =
        definitions.iter().find(|field| field.get("field_code").and_then(Value::as_str) == Some("visible_to"))?;
    let options = field.get("options")?.as_array()?;
    let value = |option: &Value| {
        let id = option.get("id")?;
        id.as_u64().or_else(|| id.as_str()?.parse().ok())
    };
    let values: Vec<u64> = options.iter().filter_map(value).collect();
    if values.iter().any(|value| matches!(value, 5 | 7)) {
        Some(VisibilityLevels::Four)
    } else {
        (values.len() == 2 && values.contains(&1) && values.contains(&3)).then_some(VisibilityLevels::Two)
    }
}

/// What a role's defaults prove.
fn by_role(settings: &Value) -> Option<VisibilityLevels> {
    let defaults = ["person_default_visibility", "org_default_visibility", "deal_default_visibility"];
    let four = defaults.iter().any(|key| matches!(person::number(settings, key), Some(5 | 7)));
    four.then_some(VisibilityLevels::Four)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn options_prove_levels_only_if_they_are_whole() {
        let field = |ids: Value| {
            let options: Vec<Value> = ids.as_array().into_iter().flatten().map(|id| json!({"id": id})).collect();
            by_field(&[json!({"field_code": "visible_to", "options": options})])
        };
        assert_eq!(field(json!([1, 3])), Some(VisibilityLevels::Two));
        assert_eq!(field(json!(["1", "3", "5", "7"])), Some(VisibilityLevels::Four));
        assert_eq!(field(json!([1])), None);
        assert_eq!(field(json!([])), None);
        assert_eq!(by_field(&[]), None);
    }

    #[test]
    fn a_default_of_three_proves_nothing() {
        assert_eq!(by_role(&json!({"person_default_visibility": 3})), None);
        assert_eq!(by_role(&json!({"person_default_visibility": "7"})), Some(VisibilityLevels::Four));
    }
}
