//! Pictures: named by their address, which changes with the picture, since reading every picture's bytes would cost a
//! download per contact. The generated ones that stand in for a picture are none.

use serde_json::Value;
use tokio_util::sync::CancellationToken;

use super::Google;
use super::person::Person;
use crate::adapter::Error;
use crate::contact::{ContactId, PhotoHash};
use crate::http::Url;

/// How large a picture is asked for, in pixels: no larger one is kept in Pipedrive.
const SIZE: &str = "512";
/// The largest picture that is taken, in bytes.
const MOST: usize = 8 << 20;

/// Which picture a person has.
pub(super) fn of(person: &Person) -> Option<PhotoHash> {
    let mut url = url(person)?;
    unsize(&mut url);
    Some(PhotoHash::by_address(url.as_str()))
}

fn url(person: &Person) -> Option<Url> {
    let is_placeholder = |photo: &Value| photo.get("default").and_then(Value::as_bool).unwrap_or(false);
    let mut own = person.items("photos").filter(|photo| !is_placeholder(photo));
    own.find_map(|photo| Url::parse(photo.get("url")?.as_str()?).ok())
}

/// Takes the size out of a picture's address: `…=s100`, or `?sz=100`.
fn unsize(url: &mut Url) {
    if let Some((path, options)) = url.path().rsplit_once('=')
        && options.strip_prefix('s').is_some_and(|size| size.starts_with(|c: char| c.is_ascii_digit()))
    {
        let path = path.to_owned();
        url.set_path(&path);
    }
    let kept: Vec<(String, String)> =
        url.query_pairs().filter(|(key, _)| key != "sz").map(|(key, value)| (key.into(), value.into())).collect();
    url.set_query(None);
    if !kept.is_empty() {
        url.query_pairs_mut().extend_pairs(kept);
    }
}

/// The address of the picture in the size that we want.
fn sized(mut url: Url) -> Url {
    unsize(&mut url);
    url.query_pairs_mut().append_pair("sz", SIZE);
    url
}

impl Google {
    /// The picture that a contact has now. Those who ask at once share a read; the download needs no token.
    pub(super) async fn picture(&self, id: &ContactId, cancel: &CancellationToken) -> Result<Option<Vec<u8>>, Error> {
        let mut answers = self
            .pictures
            .ask(vec![id.clone()], async |asked| {
                let ids: Vec<ContactId> = asked.iter().map(|asked| asked.ask.clone()).collect();
                let found = self.fetch(&ids, cancel).await;
                for asked in asked {
                    let url = found.as_ref().map(|found| found.get(&asked.ask).and_then(url)).map_err(Error::clone);
                    asked.answer(url);
                }
            })
            .await;
        let answer = answers.pop().flatten();
        let url = answer.unwrap_or_else(|| Err(super::stopped()))?;
        match url {
            Some(url) => self.api.picture(sized(url), MOST, cancel).await,
            None => Ok(None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn with(photo: &Value) -> Person {
        Person(json!({ "photos": [photo] }))
    }

    #[test]
    fn the_size_is_no_part_of_a_picture() {
        let of = |url: &str| of(&with(&json!({ "url": url }))).expect("a picture");
        let one = of("https://lh3.googleusercontent.com/contacts/AB-c=s100");
        assert_eq!(one, of("https://lh3.googleusercontent.com/contacts/AB-c=s256-p-k"));
        assert_eq!(one, of("https://lh3.googleusercontent.com/contacts/AB-c?sz=50"));
        assert_ne!(one, of("https://lh3.googleusercontent.com/contacts/AB-d=s100"));
        let url = Url::parse("https://x.example/a=s100?sz=50&v=2").expect("a URL");
        assert_eq!(sized(url).as_str(), "https://x.example/a?v=2&sz=512");
    }

    #[test]
    fn a_placeholder_is_no_picture() {
        assert_eq!(of(&with(&json!({"url": "https://x.example/a", "default": true}))), None);
        let profile = json!({"url": "https://x.example/a", "metadata": {"source": {"type": "PROFILE"}}});
        assert_eq!(of(&with(&profile)), None);
        assert_eq!(of(&Person(json!({}))), None);
    }
}
