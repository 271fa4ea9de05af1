//! A notification on the desktop of whoever is logged in, as of the Desktop Notifications Specification
//! (<https://specifications.freedesktop.org/notification-spec/latest/>).

use std::collections::HashMap;

use patchpanel_event::Level;
use zbus::connection::{Builder, Connection};
use zbus::{Error, Message, Variant, fdo};

use crate::notification::Notification;

const SERVICE: &str = "org.freedesktop.Notifications";
const OBJECT: &str = "/org/freedesktop/Notifications";
/// Most that a desktop shows of a summary and of a body, in bytes.
const SUMMARY_BYTES: usize = 256;
const BODY_BYTES: usize = 4 << 10;
/// The service decides how long it is shown.
const NO_TIMEOUT: i32 = -1;

/// Hands it to the notification service of a session: that of `address`, or else the one that the environment names.
pub(crate) async fn send(address: Option<&str>, notification: &Notification<'_>) -> Result<(), String> {
    let builder = address.map_or_else(Builder::session, Builder::address);
    let bus = builder
        .build()
        .await
        .map_err(|error| format!("there is no session bus: {error}"))?;
    let capabilities = call(&bus, "GetCapabilities", &()).await?;
    let capabilities: Vec<String> = capabilities.body().deserialize().map_err(|error| error.to_string())?;
    let has_markup = capabilities.iter().any(|capability| capability == "body-markup");
    let actions: [&str; 0] = [];
    let notify = (
        "patchpanel",
        // A new one, in no other's place.
        0_u32,
        "",
        summary(notification),
        body(notification.body, has_markup),
        &actions[..],
        HashMap::from([("urgency", Variant::U8(urgency(notification.level)))]),
        NO_TIMEOUT,
    );
    call(&bus, "Notify", &notify).await.map(drop)
}

async fn call<B>(bus: &Connection, method: &str, body: &B) -> Result<Message, String>
where
    B: serde::Serialize + zbus::DynamicType,
{
    bus.call_method(Some(SERVICE), OBJECT, Some(SERVICE), method, body)
        .await
        .map_err(|error| match &error {
            Error::FDO(named) if matches!(**named, fdo::Error::ServiceUnknown(_)) => {
                "no notification service runs in the session".to_owned()
            }
            _ => error.to_string(),
        })
}

/// What never ends by itself is for what cannot wait.
const fn urgency(level: Level) -> u8 {
    match level {
        Level::Debug | Level::Info => 0,
        Level::Warning | Level::Error => 1,
        Level::Critical => 2,
    }
}

/// There must be one.
fn summary(notification: &Notification<'_>) -> String {
    let title = shown(notification.title, SUMMARY_BYTES).replace('\n', " ");
    if title.trim().is_empty() {
        notification.plugin.to_owned()
    } else {
        title
    }
}

/// A service that knows no markup would show what it is escaped by.
fn body(text: &str, has_markup: bool) -> String {
    let text = shown(text, BODY_BYTES);
    if has_markup {
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
    } else {
        text
    }
}

/// Cut, and without control characters, of which the bus takes no zero.
fn shown(text: &str, bytes: usize) -> String {
    let text = text.get(..text.floor_char_boundary(bytes)).unwrap_or_default();
    text.chars()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_is_said_is_markup() {
        let text = "<b>a</b> &amp; \u{0}\u{1b}[31m\nb";
        assert_eq!(body(text, true), "&lt;b&gt;a&lt;/b&gt; &amp;amp;   [31m\nb");
        assert_eq!(body(text, false), "<b>a</b> &amp;   [31m\nb");
        assert!(body(&"ü".repeat(BODY_BYTES), false).len() <= BODY_BYTES);
        let mut notification = Notification {
            plugin: "on-call",
            level: Level::Error,
            title: "disk\nfull <b>",
            body: "",
            fields: &[],
        };
        assert_eq!(summary(&notification), "disk full <b>");
        notification.title = "\r\n";
        assert_eq!(summary(&notification), "on-call");
    }
}
