//! What a side was last seen to hold after our own write.
//!
//! The book's answer, except for what somebody else changed between our plan and our write: that is in the answer too, and
//! would be swallowed if it were taken for something already known. A field that we did not write, and elements beside
//! those that we wrote, are therefore compared with what the plan saw; what differs stays news for the next pass.

use std::sync::Arc;

use crate::contact::{Change, Contact, Field};

/// What the side was last seen to hold, and whether somebody else's edit is still to be looked at.
pub(super) fn seen_after(before: &Contact, change: &Change, answer: Arc<Contact>) -> (Arc<Contact>, bool) {
    let (Change::Patch { fields, .. }, Some(expected)) = (change, change.applied_to(before)) else {
        return (answer, false);
    };
    let written = |field: Field| fields.iter().any(|change| change.field() == Some(field));
    let mut seen = answer;
    let mut news = false;
    for field in Field::ALL {
        // A single value that was written is as the book put it; a picture is never synced back.
        let ours = field == Field::Photo || (written(field) && !Field::ELEMENTS.contains(&field));
        if !ours && !seen.same_in(&expected, field) {
            Arc::make_mut(&mut seen).take(&expected, field);
            news = true;
        }
    }
    (seen, news)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{ContactId, Element, ElementChange, FieldChange};

    fn phone(number: &str) -> Element {
        Element::phone(number, None).expect("not empty")
    }

    fn title(before: &str, after: &str) -> Change {
        let (before, after) = (Some(before.to_owned()), Some(after.to_owned()));
        let fields = vec![FieldChange::Text { field: Field::JobTitle, before, after }];
        Change::Patch { id: ContactId("7".into()), fields }
    }

    #[test]
    fn a_colleagues_edit_in_the_answer_stays_news() {
        let before = Contact { job_title: Some("Buyer".into()), ..Contact::default() };
        let answer =
            Contact { job_title: Some("Head".into()), phones: vec![phone("+33199001234")], ..Contact::default() };
        let (seen, news) = seen_after(&before, &title("Buyer", "Head"), answer.into());
        assert!(news && seen.phones.is_empty());
        assert_eq!(seen.job_title.as_deref(), Some("Head"));
    }

    #[test]
    fn an_element_beside_ours_stays_news_and_ours_does_not() {
        let change = ElementChange::Add(phone("+33199000001"));
        let fields = vec![FieldChange::Element { field: Field::Phones, change }];
        let change = Change::Patch { id: ContactId("7".into()), fields };
        let both = Contact { phones: vec![phone("+33199000001"), phone("+33199000002")], ..Contact::default() };
        let (seen, news) = seen_after(&Contact::default(), &change, both.into());
        assert!(news);
        assert_eq!(seen.phones, [phone("+33199000001")]);
    }

    #[test]
    fn what_the_book_made_of_our_value_is_no_news() {
        let before = Contact { job_title: Some("Buyer".into()), ..Contact::default() };
        let answer = Contact { job_title: Some("HEAD".into()), ..Contact::default() };
        let (seen, news) = seen_after(&before, &title("Buyer", "Head"), answer.into());
        assert_eq!((seen.job_title.as_deref(), news), (Some("HEAD"), false));
    }
}
