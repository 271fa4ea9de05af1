//! The host functions that send messages for a plugin: mail and notifications.

use crate::MailGrant;
use crate::bindings::{events, mail, notify};
use crate::notification::Notification;
use crate::rate::PerMinute;
use crate::state::{Shared, State};

impl State {
    /// Whether a message may go now; `limit` is the limit's name and value.
    fn admit(&self, capability: &'static str, rate: &PerMinute, limit: (&'static str, u32)) -> Result<(), String> {
        if rate.admit() {
            return Ok(());
        }
        let reason = format!("the limit `{}` ({} a minute) is reached", limit.0, limit.1);
        self.shared.usage.hit(limit.0);
        self.shared.log.refused(capability, &reason);
        Err(reason)
    }
}

/// What is granted to a plugin that may send mail.
fn granted(shared: &Shared) -> Result<&MailGrant, mail::Error> {
    let reason = "`mail` is not granted, or not asked for";
    let grant = shared.given.grants.mail.as_ref();
    grant.ok_or_else(|| {
        shared.log.refused("mail", reason);
        mail::Error::NotGranted(reason.to_owned())
    })
}

impl mail::Host for State {
    async fn send(
        &mut self,
        sender: String,
        recipients: Vec<String>,
        message: Vec<u8>,
    ) -> Result<Option<String>, mail::Error> {
        let shared = self.shared.clone();
        let grant = granted(&shared)?;
        let envelope = grant.envelope(&sender, &recipients).inspect_err(|error| {
            if let mail::Error::NotGranted(reason) = error {
                self.shared.log.refused("mail", reason);
            }
        })?;
        self.admit("mail", &shared.mails, ("mails", shared.limits.mails))
            .map_err(mail::Error::Retry)?;
        let answer = grant.server.send(&envelope, &message, &shared.given.masks).await?;
        shared.usage.used("mail");
        Ok(answer)
    }

    async fn check(&mut self) -> Result<(), mail::Error> {
        let shared = self.shared.clone();
        let grant = granted(&shared)?;
        self.admit("mail", &shared.mails, ("mails", shared.limits.mails))
            .map_err(mail::Error::Retry)?;
        let answer = grant.server.check(&shared.given.masks).await;
        answer.map_err(mail::Error::Retry)
    }
}

impl notify::Host for State {
    async fn send(
        &mut self,
        level: events::Level,
        title: String,
        body: String,
        fields: Vec<(String, String)>,
    ) -> Result<(), notify::Error> {
        let shared = self.shared.clone();
        let Some(target) = &shared.given.grants.notify else {
            let reason = "`notify` is not granted, or not asked for";
            self.shared.log.refused("notify", reason);
            return Err(notify::Error::NotGranted(reason.to_owned()));
        };
        self.admit(
            "notify",
            &shared.notifications,
            ("notifications", shared.limits.notifications),
        )
        .map_err(notify::Error::Retry)?;
        let notification = Notification {
            plugin: &shared.name,
            level: level.into(),
            title: &title,
            body: &body,
            fields: &fields,
        };
        target.send(&notification).await.map_err(notify::Error::Retry)?;
        shared.usage.used("notify");
        Ok(())
    }
}
