//! `[google]`, `[microsoft]` and `[connections.NAME]`: their keys as data. What is done with them is the adapters' and
//! [`crate::auth`]'s business.

use std::collections::BTreeMap;

use url::Url;

use crate::account::Provider;
use crate::config::keys;
use crate::config::model::{Connection, GoogleConnection, GoogleLogin, MicrosoftConnection, MicrosoftLogin};
use crate::config::problem::Problem;
use crate::config::raw::{Given, Section, Sink};
use crate::config::value;

impl Section<'_> {
    /// Complains where `key` is not there at all.
    pub(super) fn need<T>(&self, key: &str, given: &Given<T>, sink: &mut Sink<'_>) {
        if given.is_missing() {
            let message = format!("{} does not say `{key}`", self.title);
            let problem = Problem::at(&self.place, message, format!("expected {key} in this table"))
                .help(format!("add {key} = \"…\""));
            sink.missing(&self.place, problem);
        }
    }

    /// The root under `key`, else the vendor's; `None` where a wrong one is given.
    pub(super) fn url_or(&self, key: &str, vendor: &str, sink: &mut Sink<'_>) -> Option<Url> {
        match self.get(key, sink, value::root_url) {
            Given::Yes(url, _) => Some(url),
            Given::Wrong => None,
            Given::No => Url::parse(vendor).ok(),
        }
    }
}

#[derive(Clone, Copy)]
enum AtGoogle {
    User,
    ServiceAccount,
    Sandbox,
}

#[derive(Clone, Copy)]
enum AtMicrosoft {
    User,
    Application,
}

/// Where the stand-ins listen unless told otherwise.
const GOOGLE_SANDBOX: &str = "http://127.0.0.1:8700/google";

pub(super) fn google(section: &Section<'_>, sink: &mut Sink<'_>) -> Option<Connection> {
    let words =
        [("user", AtGoogle::User), ("service-account", AtGoogle::ServiceAccount), ("sandbox", AtGoogle::Sandbox)];
    let login = section.get("login", sink, value::one_of(&words));
    let is_sandbox = matches!(login, Given::Yes(AtGoogle::Sandbox, _));
    let client_id = section.get("client_id", sink, value::text);
    let client_secret = section.secret("client_secret", true, sink);
    let key = section.secret("service_account", true, sink);
    let vendor = if is_sandbox { GOOGLE_SANDBOX } else { "https://people.googleapis.com" };
    let api_url = section.url_or("api_url", vendor, sink);
    let auth_url = section.url_or("auth_url", "https://accounts.google.com", sink);
    let token_url = section.url_or("token_url", "https://oauth2.googleapis.com", sink);
    let login = match login {
        Given::Yes(AtGoogle::ServiceAccount, _) => {
            section.need("service_account_file", &key, sink);
            GoogleLogin::ServiceAccount { key: key.value()? }
        }
        Given::Yes(AtGoogle::Sandbox, place) => {
            if api_url.as_ref().is_some_and(|url| url.scheme() != "http") {
                let problem = Problem::at(&place, "the sandbox is on this machine, api_url is not", "needs no login")
                    .help("remove api_url, or log in with \"user\" or \"service-account\"");
                sink.add(problem);
                return None;
            }
            GoogleLogin::Sandbox
        }
        Given::Yes(AtGoogle::User, _) | Given::No => {
            section.need("client_id", &client_id, sink);
            section.need("client_secret_file", &client_secret, sink);
            if let Some(place) = key.place() {
                let problem = Problem::at(
                    place,
                    "a service account is given, but users log in",
                    "not used with login = \"user\"",
                )
                .help("add login = \"service-account\", or remove the line");
                sink.add(problem);
            }
            GoogleLogin::User { client_id: client_id.value()?, client_secret: client_secret.value()? }
        }
        Given::Wrong => return None,
    };
    Some(Connection::Google(GoogleConnection { login, api_url: api_url?, auth_url: auth_url?, token_url: token_url? }))
}

pub(super) fn microsoft(section: &Section<'_>, sink: &mut Sink<'_>) -> Option<Connection> {
    let words = [("user", AtMicrosoft::User), ("application", AtMicrosoft::Application)];
    let login = section.get("login", sink, value::one_of(&words));
    let client_id = section.get("client_id", sink, value::text);
    let tenant = section.get("tenant", sink, value::text);
    let client_secret = section.secret("client_secret", true, sink);
    let certificate = section.get("certificate_file", sink, value::path);
    let graph_url = section.url_or("graph_url", "https://graph.microsoft.com", sink);
    let login_url = section.url_or("login_url", "https://login.microsoftonline.com", sink);
    section.need("client_id", &client_id, sink);
    let login = match login {
        Given::Yes(AtMicrosoft::Application, place) => {
            if tenant.as_ref().is_none_or(|tenant| tenant == "common") && !matches!(tenant, Given::Wrong) {
                let problem = Problem::at(&place, "an application logs in to one tenant", "needs a tenant")
                    .help(format!("add tenant = \"ID or domain\" to {}", section.title));
                sink.missing(&place, problem);
            }
            match (client_secret, certificate) {
                (Given::Yes(secret, _), Given::No) => MicrosoftLogin::ApplicationSecret(secret),
                (Given::No, Given::Yes(path, _)) => MicrosoftLogin::ApplicationCertificate(path),
                (Given::Yes(_, first), Given::Yes(_, second)) => {
                    let problem = Problem::at(&second, "both a secret and a certificate are given", "and here")
                        .also(&first, "first here")
                        .help("keep one of them");
                    sink.add(problem);
                    return None;
                }
                (Given::No, Given::No) => {
                    let problem = Problem::at(
                        &place,
                        "an application logs in with a secret or a certificate",
                        "needs one of them",
                    )
                    .help(format!(
                        "add client_secret_file = \"PATH\" or certificate_file = \"PATH\" to {}",
                        section.title
                    ));
                    sink.missing(&place, problem);
                    return None;
                }
                (Given::Wrong, _) | (_, Given::Wrong) => return None,
            }
        }
        Given::Yes(AtMicrosoft::User, _) | Given::No => MicrosoftLogin::User { client_secret: client_secret.value() },
        Given::Wrong => return None,
    };
    let tenant = tenant.value().unwrap_or_else(|| "common".to_owned());
    let connection = MicrosoftConnection {
        login,
        client_id: client_id.value()?,
        tenant,
        graph_url: graph_url?,
        login_url: login_url?,
    };
    Some(Connection::Microsoft(connection))
}

/// `[connections.NAME]`: the provider, where it is known, and the connection, where it is right.
pub(super) fn named(
    top: &Section<'_>,
    sink: &mut Sink<'_>,
) -> BTreeMap<String, (Option<Provider>, Option<Connection>)> {
    let words = [("google", Provider::Google), ("microsoft", Provider::Microsoft)];
    let mut read = BTreeMap::new();
    for child in top.children("connections", sink) {
        let provider = child.peek().get("provider", sink, value::one_of(&words));
        let name = child.name.to_owned();
        let connection = match provider.as_ref() {
            Some(Provider::Google) => google(&child.open(&keys::GOOGLE_CONNECTION, sink), sink),
            Some(Provider::Microsoft) => microsoft(&child.open(&keys::MICROSOFT_CONNECTION, sink), sink),
            _ => {
                child.peek().need("provider", &provider, sink);
                None
            }
        };
        read.insert(name, (provider.value(), connection));
    }
    read
}
