//! The host functions that send messages for a plugin: mail and notifications.

use std::time::{Duration, Instant};

use crate::MailGrant;
use crate::bindings::{events, mail, notify};
use crate::notification::{Notification, TIMEOUT};
use crate::rate::PerMinute;
use crate::state::{Shared, State};

/// With less than that, nothing is begun.
const LEAST: Duration = Duration::from_secs(1);

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

    /// How long sending one may take: not so long that the call is cut off, because then nobody knows which of those before
    /// it were taken.
    fn time_to_send(&self, most: Duration) -> Result<Duration, String> {
        let left = self.until.saturating_duration_since(Instant::now());
        let time = most.min(left.saturating_sub(self.time / 20));
        if time < LEAST.min(most) {
            return Err("there was no time left for it within the `deadline` of the plugin".to_owned());
        }
        Ok(time)
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
        let time = self.time_to_send(grant.server.timeout).map_err(mail::Error::Retry)?;
        self.admit("mail", &shared.mails, ("mails", shared.limits.mails))
            .map_err(mail::Error::Retry)?;
        let sending = shared
            .mailer
            .send(&grant.server, &shared.given.masks, &envelope, &message, time);
        let answer = sending.await?;
        shared.usage.used("mail");
        Ok(answer)
    }

    async fn check(&mut self) -> Result<(), mail::Error> {
        let shared = self.shared.clone();
        let grant = granted(&shared)?;
        self.admit("mail", &shared.mails, ("mails", shared.limits.mails))
            .map_err(mail::Error::Retry)?;
        let time = self.time_to_send(grant.server.timeout).map_err(mail::Error::Retry)?;
        let answer = crate::mailer::check(&grant.server, &shared.given.masks, time).await;
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
        let time = self.time_to_send(TIMEOUT).map_err(notify::Error::Retry)?;
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
        let sending = target.send(&notification, time);
        sending.await.map_err(notify::Error::Retry)?;
        shared.usage.used("notify");
        Ok(())
    }
}
