//! Both ways.

use serde_json::json;

use super::world::{World, values};

#[tokio::test(flavor = "multi_thread")]
async fn edits_flow_both_ways_and_merge() {
    let mut world = World::new("two-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "N:Weber;Anna;;;", "EMAIL;TYPE=work:anna@acme.example", "X-KEEP:me"]);
    assert_eq!(world.pass().await, (1, 0, 0, 0));
    let anna = world.person("Anna Weber").await;
    let phones = json!([{"value": "+15550100111", "label": "mobile"}]);
    world.change_person(&anna["id"], json!({"phones": phones, "job_title": "Buyer"})).await;
    world.edit("anna.vcf", "X-KEEP:me", "X-KEEP:me\r\nNOTE:from the card");
    assert_eq!(world.pass().await, (0, 1, 0, 0));
    let text = world.text("anna.vcf");
    assert!(text.contains("+15550100111") && text.contains("TITLE:Buyer") && text.contains("X-KEEP:me"), "{text}");
    let anna = world.person("Anna Weber").await;
    assert_eq!(anna["notes"], "from the card");
    assert_eq!(values(&anna, "phones"), ["+15550100111"]);
    world.idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_person_becomes_a_card() {
    let mut world = World::new("two-way").await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example"]);
    world.pass().await;
    world.add_person(json!({"name": "Bob Stone", "emails": [{"value": "bob@acme.example"}]})).await;
    assert_eq!(world.pass().await, (1, 0, 0, 0));
    assert_eq!(world.cards().len(), 2);
    world.idle().await;
    world.restart();
    world.idle().await;
    let bob = world.person("Bob Stone").await;
    world.delete_person(&bob["id"]).await;
    assert_eq!(world.pass().await, (0, 0, 1, 0), "a deleted person deletes its contact");
    assert_eq!(world.cards(), ["anna.vcf"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn contact_sync_fields_that_are_set_up_later_merge_without_a_restart() {
    let mut world = World::new("two-way").await;
    world.settings(json!({"contact_sync": false})).await;
    world.card("anna.vcf", &["FN:Anna Weber", "EMAIL:anna@acme.example", "TITLE:Buyer"]);
    world.card("bob.vcf", &["FN:Bob Stone", "EMAIL:bob@acme.example"]);
    assert_eq!(world.pass().await, (2, 0, 0, 0));
    world.idle().await;
    let anna = world.person("Anna Weber").await;
    assert_eq!(anna.get("job_title"), None);
    world.settings(json!({"contact_sync": true})).await;
    let bob = world.person("Bob Stone").await;
    world.change_person(&bob["id"], json!({"notes": "Likes tea"})).await;
    assert_eq!(world.pass().await, (0, 2, 0, 0));
    assert_eq!(world.person("Anna Weber").await["job_title"], "Buyer");
    assert!(world.text("bob.vcf").contains("NOTE:Likes tea"), "{}", world.text("bob.vcf"));
    assert!(world.text("anna.vcf").contains("TITLE:Buyer"), "nothing is cleared");
    world.idle().await;
    let asked = world.get("_calls").await["routes"]["GET /pipedrive/api/v2/personFields"]["calls"].clone();
    assert_eq!(asked, 2, "on connecting, and once when there was something new");
}
