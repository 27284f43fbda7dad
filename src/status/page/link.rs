//! What somebody sees who logs in by a browser: the page behind a mailed link, and how a login ended.
//!
//! Neither names an account or an address: whoever finds a link learns nothing from it.

use maud::{Markup, html};

/// The page behind a link. Programs that look at links in mails open it as well, so it does nothing: its button does.
///
/// The form's empty `action` is this very address, also where a proxy serves it below a path.
pub(in crate::status) fn asks() -> Markup {
    let body = html! {
        main.narrow {
            (super::mark())
            h1 { "carnetd asks for access to your contacts" }
            p {
                "It keeps your address book in step with your company's CRM, Pipedrive. The next page is your "
                "provider's own: log in there with your work address, and allow access to your contacts."
            }
            form.login method="post" action="" { button.primary { "Go to the login" } }
            p.hint { "This link works once. If you did not expect it, close this page: nothing has happened." }
        }
    };
    super::shell("carnetd: access to your contacts", &body, false)
}

/// How something ended, in words.
pub(crate) fn told(title: &str, text: &str) -> Markup {
    let body = html! {
        main.narrow {
            (super::mark())
            h1 { (title) }
            p { (text) }
        }
    };
    super::shell(&format!("carnetd: {title}"), &body, false)
}
