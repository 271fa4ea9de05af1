//! `[mail]` and `[notify]`: what carries the messages of plugins that may send some.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use patchpanel_runtime::{MailServer, MailTls, NotifyTarget};

use super::allow::{Secrets, granted};
use super::node::Section;

/// Where mail is submitted (RFC 6409, RFC 8314).
const SUBMISSION: u32 = 587;
const SUBMISSION_OVER_TLS: u32 = 465;
const TIMEOUT: Duration = Duration::from_secs(20);
/// Where a system's log listens.
const LOCAL: &str = "/dev/log";

/// The operator's mail server, if there is one.
pub(super) fn mail(root: &Section<'_>, secrets: &Secrets, base: &Path) -> Option<Arc<MailServer>> {
    root.get("mail")?
        .section(|section| server(section, secrets, base))
        .flatten()
        .map(Arc::new)
}

fn server(section: &Section<'_>, secrets: &Secrets, base: &Path) -> Option<MailServer> {
    let host = section
        .require("host", "\"mail.example.com\"")
        .and_then(|node| node.text());
    let words = [
        ("starttls", MailTls::StartTls),
        ("tls", MailTls::Implicit),
        ("none", MailTls::None),
    ];
    let tls = section
        .get("tls")
        .and_then(|node| node.choice(&words))
        .unwrap_or_default();
    let usual = match tls {
        MailTls::Implicit => SUBMISSION_OVER_TLS,
        MailTls::StartTls | MailTls::None => SUBMISSION,
    };
    let port = section
        .get("port")
        .and_then(|node| node.count(u32::from(u16::MAX)))
        .unwrap_or(usual);
    let user = section.get("user").and_then(|node| node.text());
    let password = section.get("password");
    if user.is_some() != password.is_some() {
        section.lacks::<()>("`user` without `password`, or the reverse", "give both or none");
    }
    // It may be the password itself.
    let password = password.inspect(|node| node.hide());
    let password = password.and_then(|node| granted(&node, node.text()?, secrets));
    let timeout = section
        .get("timeout")
        .and_then(|node| node.duration(Duration::from_secs(1)));
    Some(MailServer {
        host: host?.to_owned(),
        port: u16::try_from(port).ok()?,
        tls,
        ca: section.get("ca").and_then(|node| node.path(base)),
        login: user.map(str::to_owned).zip(password),
        timeout: timeout.unwrap_or(TIMEOUT),
    })
}

/// Where notifications go.
pub(super) fn notify(section: &Section<'_>) -> NotifyTarget {
    let to = section.get("to").and_then(|node| {
        let text = node.text()?;
        NotifyTarget::parse(text).map_or_else(|help| node.refuse("not where notifications can go", help), Some)
    });
    to.unwrap_or_else(|| NotifyTarget::Unix(LOCAL.into()))
}
