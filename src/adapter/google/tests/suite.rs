//! The suite that every adapter passes.

use super::*;
use crate::adapter::conformance::{self, Check, Fixture};
use base64::Engine as _;

/// The suite's book: short pages, so that a walk has several.
struct Suite(World);

#[async_trait]
impl Fixture for Suite {
    const MORE_THAN_A_PAGE: usize = 31;

    async fn new() -> Self {
        let world = World::new().await;
        world.set(json!({"page_limit": Self::MORE_THAN_A_PAGE - 1})).await;
        Self(world)
    }

    fn book(&self) -> &dyn Book {
        &self.0.book
    }

    fn other(&self, group: &str) -> Box<dyn Book> {
        Box::new(self.0.other(group))
    }

    fn group(&self) -> String {
        GROUP.to_owned()
    }

    async fn put(&self, contact: &Contact, in_group: bool) -> ContactId {
        self.0.put(contact, in_group).await
    }

    async fn retitle(&self, id: &ContactId, title: &str) {
        self.0.retitle(id, title).await;
    }

    async fn remove(&self, id: &ContactId) {
        self.0.remove(id).await;
    }

    async fn rename(&self, id: &ContactId) -> ContactId {
        id.clone()
    }

    async fn spoil(&self, _id: &ContactId) {}

    async fn picture(&self, id: &ContactId) -> Vec<u8> {
        let mut png = std::io::Cursor::new(Vec::new());
        image::RgbImage::new(130, 140).write_to(&mut png, image::ImageFormat::Png).expect("it is written to memory");
        let bytes = png.into_inner();
        let body = json!({"photoBytes": base64::engine::general_purpose::STANDARD.encode(&bytes)});
        let name = resource_of(id).expect("an id");
        self.0.user(Method::PATCH, &format!("{name}:updateContactPhoto"), body).await;
        bytes
    }

    fn choose(&self) -> Option<ContactId> {
        Some(marker(&self.0))
    }
}

#[tokio::test]
async fn google_conforms() {
    conformance::run::<Suite>(&[
        (Check::Unreadable, "every person that the service lists can be read; a value that cannot is unsaid"),
        (Check::Renamed, "the id is the identity itself: only resource names change, which nobody else sees"),
    ])
    .await;
}
