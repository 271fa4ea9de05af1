//! What the operator may say; the table is in the crate's documentation.

use crate::address::Address;
use crate::provider::{Access, GmailToken, Provider};
use crate::token::Renewal;
use patchpanel_plugin::ConfigError;
use plugin_message::{Common, Defaults, Overflow, SecretText, Templates, check_url};
use serde::Deserialize;

/// The configuration as written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    from: String,
    #[serde(default)]
    to: Vec<String>,
    #[serde(default)]
    subject_prefix: String,
    html: Option<String>,
    #[serde(default)]
    via: Written,
    api_key: Option<SecretText>,
    region: Option<String>,
    access_key: Option<SecretText>,
    secret_key: Option<SecretText>,
    session_token: Option<SecretText>,
    access_token: Option<SecretText>,
    client_id: Option<SecretText>,
    client_secret: Option<SecretText>,
    refresh_token: Option<SecretText>,
    token_url: Option<String>,
    url: Option<String>,
    #[serde(flatten)]
    common: Common,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Written {
    #[default]
    Smtp,
    Resend,
    Ses,
    Gmail,
}

/// developers.google.com/identity/protocols/oauth2/web-server.
const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";

/// As needed.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) from: Address,
    pub(crate) to: Vec<Address>,
    pub(crate) subject_prefix: String,
    pub(crate) html: Option<Templates>,
    pub(crate) via: Via,
    pub(crate) common: plugin_message::Settings,
}

/// Which way mails go.
#[derive(Debug)]
pub(crate) enum Via {
    Smtp,
    Provider(Box<Provider>),
}

impl Config {
    pub(crate) fn check(self) -> Result<Settings, Vec<ConfigError>> {
        let mut errors = Vec::new();
        let via = self.via(&mut errors);
        let mut address = |path: String, text: &str| {
            Address::parse(text)
                .map_err(|why| errors.push(ConfigError::new(path, why)))
                .ok()
        };
        let from = address("from".to_owned(), &self.from);
        let to = self
            .to
            .iter()
            .enumerate()
            .filter_map(|(index, text)| address(format!("to.{index}"), text))
            .collect();
        let html = self.html.map(|source| {
            let mut templates = Templates::new();
            errors.extend(templates.add("html", &source).err());
            templates
        });
        let common = self.common.check(Defaults::USUAL, &mut errors);
        if common.overflow == Overflow::Split {
            errors.push(ConfigError::new(
                "overflow",
                "a mail is not split: set `truncate` or `reject`",
            ));
        }
        match (from, via) {
            (Some(from), Some(via)) if errors.is_empty() => Ok(Settings {
                from,
                to,
                subject_prefix: self.subject_prefix,
                html,
                via,
                common,
            }),
            _ => Err(errors),
        }
    }

    fn via(&self, errors: &mut Vec<ConfigError>) -> Option<Via> {
        let mut need = |key, text: Option<&SecretText>| need(errors, key, text);
        let (usual, access) = match self.via {
            Written::Smtp => return Some(Via::Smtp),
            Written::Resend => {
                let key = need("api_key", self.api_key.as_ref());
                ("https://api.resend.com/emails".to_owned(), key.map(Access::Resend))
            }
            Written::Gmail => {
                let token = self.gmail(errors);
                let url = "https://gmail.googleapis.com/gmail/v1/users/me/messages/send";
                (url.to_owned(), token.map(Access::Gmail))
            }
            Written::Ses => {
                let keys = (
                    need("access_key", self.access_key.as_ref()),
                    need("secret_key", self.secret_key.as_ref()),
                );
                let session = self
                    .session_token
                    .as_ref()
                    .map(|token| need("session_token", Some(token)));
                let region = self.region.as_deref().unwrap_or_default();
                if region.is_empty() || !region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                    errors.push(ConfigError::new(
                        "region",
                        "must be a region of AWS, such as eu-central-1",
                    ));
                }
                let access = match keys {
                    (Some(access_key), Some(secret_key)) => Some(Access::Ses {
                        region: region.to_owned(),
                        access_key,
                        secret_key,
                        session_token: session.flatten(),
                    }),
                    _ => None,
                };
                (
                    format!("https://email.{region}.amazonaws.com/v2/email/outbound-emails"),
                    access,
                )
            }
        };
        let url = check_url(self.url.as_deref().unwrap_or(&usual))
            .map_err(|error| errors.push(ConfigError::new("url", error)));
        Some(Via::Provider(Box::new(Provider {
            url: url.ok()?,
            access: access?,
        })))
    }

    fn gmail(&self, errors: &mut Vec<ConfigError>) -> Option<GmailToken> {
        let parts = [&self.client_id, &self.client_secret, &self.refresh_token];
        if parts.iter().all(|part| part.is_none()) {
            return need(errors, "access_token", self.access_token.as_ref()).map(GmailToken::Given);
        }
        if self.access_token.is_some() {
            let why = "leave it out: it is got for the `refresh_token`";
            errors.push(ConfigError::new("access_token", why));
        }
        let id = need(errors, "client_id", self.client_id.as_ref());
        let secret = need(errors, "client_secret", self.client_secret.as_ref());
        let refresh = need(errors, "refresh_token", self.refresh_token.as_ref());
        let url = check_url(self.token_url.as_deref().unwrap_or(TOKEN_URL))
            .map_err(|error| errors.push(ConfigError::new("token_url", error)));
        let renewal = Renewal::new(url.ok()?, id?, secret?, refresh?);
        Some(GmailToken::Renewed(Box::new(renewal)))
    }
}

fn need(errors: &mut Vec<ConfigError>, key: &str, text: Option<&SecretText>) -> Option<SecretText> {
    let text = text
        .ok_or_else(|| "is needed for this `via`".to_owned())
        .and_then(|text| text.read().map(|_| text.clone()));
    text.map_err(|error| errors.push(ConfigError::new(key, error))).ok()
}
