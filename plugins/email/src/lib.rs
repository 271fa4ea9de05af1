//! The bundled email plugin: mails of text and HTML, through the operator's mail server or a provider's API.
//!
//! | key | value |
//! | --- | --- |
//! | `from` | `alerts@example.com` or `Alerts <alerts@example.com>`; required |
//! | `to` | addresses for deliveries without recipients |
//! | `subject_prefix` | before the title, such as `"[ops] "` |
//! | `html` | a template whose values are escaped; default: title and body as they are |
//! | `via` | `smtp` (default): the router's `[mail]`, which the plugin must be granted (`allow.mail`) and never sees; `resend`, `ses`, `gmail`: over HTTP, whose host must be granted |
//! | `api_key` | of Resend, as a text or `{"secret": "name"}` |
//! | `region`, `access_key`, `secret_key`, `session_token` | of Amazon SES, API version 2; the last one only for temporary keys |
//! | `access_token` | of Gmail: an OAuth 2 token with the scope `gmail.send`. Read for every batch, so another program may renew it |
//! | `client_id`, `client_secret`, `refresh_token` | of Gmail, instead of `access_token`: the plugin gets the tokens itself, and a new one before the last one ends |
//! | `token_url` | another address for that |
//! | `url` | another address of the provider |
//!
//! and those of every message channel: `title` (the subject), `body`, `overflow` (`truncate` or `reject`; at 100,000 bytes),
//! `timeout`, `pace` (default none), `dry_run`.
//!
//! Recipients are addresses; all of one delivery stand in `To`. The `Message-ID` is the same over all attempts. Mails about
//! events with the same correlation id refer to each other, so that they are shown as one conversation.
//!
//! | answer | what becomes of the delivery |
//! | --- | --- |
//! | 250 of SMTP, 2xx | delivered |
//! | 4xx of SMTP, no connection | tried again |
//! | 5xx of SMTP, an address that is not granted | never again |
//! | 408, 425, 429, 5xx of HTTP, none at all | tried again, not before what `Retry-After` says |
//! | 401 and 403 of Gmail, no token | tried again: tokens are renewed, and limits end |
//! | 410 | never again, and the channel stops |
//! | any other of HTTP | never again |

mod address;
mod config;
mod mime;
mod provider;
mod sigv4;
mod token;

pub use config::Config;

use config::{Settings, Via};
use mime::Mail;
use patchpanel_plugin::{Channel, ConfigError, Delivery, Problem, Receipt, export_channel, log, mail};
use plugin_message::{Outbox, clean};
use provider::{PROBED, Provider};
use std::time::SystemTime;

/// Sends mails.
#[derive(Debug)]
pub struct Email {
    settings: Settings,
}

impl Email {
    fn send(&self, delivery: &Delivery) -> Result<Receipt, Problem> {
        let mail = Mail::of(&self.settings, delivery)?;
        let to: Vec<&str> = mail.to.iter().map(|address| address.email.as_str()).collect();
        if self.settings.common.dry_run {
            let (to, subject) = (to.join(" "), mail.subject);
            log::info(
                "dry run: this would be sent",
                &[("delivery", &delivery.id), ("to", &to), ("subject", &subject)],
            );
            return Ok(Receipt::new().detail("dry run: the mail was not sent"));
        }
        let id = mail.id.clone();
        let answer = mail::send(&self.settings.from.email, &to, &mail.bytes());
        let said = |text: String| clean::remote(&text, &[]);
        match answer {
            Ok(words) => Ok(Receipt {
                reference: Some(id),
                detail: words.map(said),
            }),
            Err(mail::Error::Retry(why)) => Err(Problem::Retry(said(why))),
            Err(error) => Err(Problem::Reject(said(error.to_string()))),
        }
    }

    fn post(&self, provider: &Provider, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        let Settings { common, from, .. } = &self.settings;
        let now = SystemTime::now();
        if let Err(problem) = provider.prepare(now, common.timeout) {
            return vec![Err(problem); batch.len()];
        }
        let outbox = self.outbox(provider);
        let answers = outbox.deliver(batch, |delivery| {
            let mail = Mail::of(&self.settings, delivery)?;
            Ok(vec![provider.request(from, &mail, delivery, now)?])
        });
        answers.iter().for_each(|answer| provider.learn(answer));
        answers
    }

    fn probe(&self, provider: &Provider) -> Result<(), String> {
        let now = SystemTime::now();
        let request = provider
            .prepare(now, self.settings.common.timeout)
            .and_then(|()| provider.probe(now))
            .map_err(|problem| problem.reason().to_owned())?;
        self.outbox(provider).probe_with(request, &PROBED)
    }

    /// Made for each batch, because secrets change.
    fn outbox(&self, provider: &Provider) -> Outbox {
        Outbox::new(
            provider.service(),
            &self.settings.common,
            &provider.url.to_string(),
            provider.secrets(),
        )
    }
}

impl Channel for Email {
    type Config = Config;

    fn configure(config: Config) -> Result<Self, Vec<ConfigError>> {
        Ok(Self {
            settings: config.check()?,
        })
    }

    fn deliver_batch(&mut self, batch: &[Delivery]) -> Vec<Result<Receipt, Problem>> {
        match &self.settings.via {
            Via::Smtp => batch.iter().map(|delivery| self.send(delivery)).collect(),
            Via::Provider(provider) => self.post(provider, batch),
        }
    }

    fn check_health(&mut self) -> Result<(), String> {
        match &self.settings.via {
            _ if self.settings.common.dry_run => Ok(()),
            Via::Smtp => mail::check().map_err(|error| match error {
                mail::Error::NotGranted(why) | mail::Error::Retry(why) | mail::Error::Reject(why) => {
                    clean::remote(&why, &[])
                }
            }),
            Via::Provider(provider) => self.probe(provider),
        }
    }
}

export_channel! {
    Email,
    name: "email",
    description: "Sends mails, through the operator's mail server or a provider.",
    capabilities: r#"{"mail": true, "http": ["*"], "secrets": ["*"], "kv": true}"#,
    config_schema: include_str!("schema.json"),
}

#[cfg(test)]
mod tests;
