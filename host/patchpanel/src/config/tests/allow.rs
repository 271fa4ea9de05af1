//! What plugins may be given.

use std::path::Path;

use patchpanel_runtime::{Grants, Isolation, MailTls, NotifyTarget, SecretSource};

use super::{parse, said};

fn grants(text: &str) -> Grants {
    let text = format!("{text}\n[[channels]]\nname = \"x\"\nplugin = \"webhook\"\n");
    parse(&text).unwrap().plugins[0].grants.clone()
}

#[test]
fn directories_have_a_mode_and_a_place() {
    let grants = grants(
        "plugins.webhook.allow.directories = [\"out\", { path = \"/srv\", as = \"/in/x\" }, \
        { path = \"d\", mode = \"write\", as = \"/d\" }]",
    );
    let read: Vec<_> = grants
        .directories
        .iter()
        .map(|grant| (grant.path.as_path(), grant.writable, grant.shown_as.as_str()))
        .collect();
    assert_eq!(
        read,
        [
            (Path::new("/base/out"), true, "/"),
            (Path::new("/srv"), false, "/in/x"),
            (Path::new("/base/d"), true, "/d"),
        ]
    );
    for (wrong, reason) in [
        ("directories = [\"a\", \"b\"]", "a second directory in the same place"),
        ("directories = [{ as = \"/x\" }]", "`path` is missing"),
        (
            "directories = [{ path = \"a\", as = \"/x/../y\" }]",
            "not a place for a directory",
        ),
        ("directory = \"a\"", "write directories = [\"...\"]"),
    ] {
        let said = said(&format!("plugins.webhook.allow.{wrong}"));
        assert!(said.contains(reason), "{wrong}: {said}");
    }
}

#[test]
fn secrets_are_filled_in_where_they_may_go() {
    let grants = grants(
        "secrets.a = \"env:A\"\nplugins.webhook.allow.secrets_for_http = { a = [\"https://x.example\", \"POST https://y.example/z\"] }",
    );
    assert!(grants.secrets.is_empty());
    let fill = &grants.secrets_for_http["a"];
    assert_eq!(fill.source, SecretSource::Env("A".to_owned()));
    let to: Vec<String> = fill.to.iter().map(ToString::to_string).collect();
    assert_eq!(to, ["https://x.example:443", "POST https://y.example:443/z"]);
}

#[test]
fn messages_need_something_that_carries_them() {
    let mail = "secrets.p = \"env:P\"\n[mail]\nhost = \"m.example\"\ntls = \"tls\"\nca = \"ca.pem\"\nuser = \"u\"\npassword = \"p\"\n\
        [notify]\nto = \"udp:127.0.0.1:514\"\n[plugins.webhook.allow]\n";
    let all = grants(&format!("{mail}mail = true\nnotify = true"));
    let grant = all.mail.unwrap();
    assert_eq!((grant.server.port, grant.server.tls), (465, MailTls::Implicit));
    assert_eq!(grant.server.ca.as_deref(), Some(Path::new("/base/ca.pem")));
    assert_eq!(grant.server.login.clone().unwrap().1, SecretSource::Env("P".to_owned()));
    assert_eq!(
        grant.recipients.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["*"]
    );
    assert_eq!(all.notify, Some(NotifyTarget::Udp("127.0.0.1:514".to_owned())));
    let some = grants(&format!("{mail}mail = [\"*@B.example\", \"a@c.example\"]"));
    let recipients = some.mail.unwrap().recipients;
    assert_eq!(
        recipients.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["*@b.example", "a@c.example"]
    );
    assert_eq!(some.notify, None);
    assert_eq!(grants(&format!("{mail}mail = false")).mail, None);
    for (wrong, reason) in [
        ("plugins.webhook.allow.mail = true", "there is no mail server"),
        ("[mail]", "`host` is missing"),
        ("[mail]\nhost = \"h\"\nuser = \"u\"", "`user` without `password`"),
        (
            "[mail]\nhost = \"h\"\nuser = \"u\"\npassword = \"p\"",
            "not the name of a secret",
        ),
        ("[notify]\nto = \"/dev/log\"", "not where notifications can go"),
    ] {
        let said = said(wrong);
        assert!(said.contains(reason), "{wrong}: {said}");
    }
}

#[test]
fn isolation_is_one_of_three() {
    let isolation = |word: &str| {
        let text = format!("plugins.redact.isolation = \"{word}\"\n[[ingress]]\ntransform = \"redact\"\n");
        parse(&text).map(|config| config.plugins[0].isolation)
    };
    assert_eq!(isolation("per-batch").unwrap(), Isolation::PerBatch);
    assert_eq!(isolation("per-event").unwrap(), Isolation::PerEvent);
    assert_eq!(isolation("warm").unwrap(), Isolation::Warm);
    assert!(isolation("cold").is_err());
}
