//! No message shows a secret, and secrets are references.

use patchpanel_runtime::SecretSource;

use super::parse;

#[test]
fn secrets_are_references() {
    let text = r#"
        secrets = { a = "env:TOKEN", b = "file:/run/b", c = "file:c" }
        plugins.webhook.allow.secrets = ["a", "b", "c"]
        channels = [{ name = "x", plugin = "webhook" }]
    "#;
    let secrets = parse(text).unwrap().plugins[0].grants.secrets.clone();
    let expected = [
        ("a".to_owned(), SecretSource::Env("TOKEN".to_owned())),
        ("b".to_owned(), SecretSource::File("/run/b".into())),
        ("c".to_owned(), SecretSource::File("/base/c".into())),
    ];
    assert_eq!(secrets, expected.into());
}

#[test]
fn commands_have_to_be_allowed() {
    let text = "secrets.a = 'cmd:pass show x'\n[plugins.webhook.allow]\nsecrets = ['a']\n[[channels]]\nname = 'x'\nplugin = 'webhook'\n";
    let said = parse(text).unwrap_err().to_string();
    assert!(said.contains("secret_commands = true"), "{said}");
    let plugins = parse(&format!("secret_commands = true\n{text}")).unwrap().plugins;
    assert!(matches!(plugins[0].grants.secrets["a"], SecretSource::Command(_)));
}

#[test]
fn no_message_shows_what_may_be_a_secret() {
    for text in [
        "secrets.a = 'hunter2'",
        "secrets.a = 'env:hunter2-'",
        "secrets.a = 'cmd:hunter2'",
        "secrets.a = 'cmd: '",
        "[secrets]\na = ['hunter2']",
        "[secrets]\n'a b' = 'hunter2'",
        "[secrets]\na = hunter2",
        "[secrets]\na = 'hunter2",
        "[secrets]\na = 'env:A'\na = 'hunter2'",
        "[secrets]\na = '''\nhunter2",
        "[secrets]\nhunter2",
        "[secret]\na = 'hunter2'\n[secret.more]\nb = 'hunter2'",
        "secrtes = { a = 'hunter2' }",
        "[server]\npassword = 'hunter2'",
        "[server]\npassword = 'hunter2",
        "[server]\nlisten = 1\npassword = hunter2",
        "plugins.redact = { config = { key = 'hunter2' }, tpyo = 1 }",
        "plugins.redact = { config = { key = 'hunter2', key = 1 } }",
        "plugins.redact = { conifg = { keys = [{ key = 'hunter2' }] } }",
        "plugins.redact.config = 'hunter2'",
        "[plugins.redact.config]\nkey = 'hunter2\n",
        "[plugins.redact]\nconfig = { keys = [\n  hunter2 ] }",
        "[plugins.redact]\nconfig = { keys = [\n['hunter2] ] }",
        "plugins.webhook.allow.secrets = ['hunter2']",
        "plugins.webhook.allow.secrets = 'hunter2'",
        "plugins.webhook.allow.env = ['A=hunter2']",
        "plugins.webhook.allow.secrets_for_http = { a = ['hunter2'] }",
        "plugins.webhook.allow.secrets_for_http = { a = 'hunter2' }",
        "plugins.webhook.allow.http = ['https://me:hunter2@example.com']",
        "plugins.webhook.allow.http = ['https://example.com/../hunter2']",
        "channels = [{ name = 'a', plugin = 'webhook', token = 'hunter2' }]",
        "[[channels]]\nname = 'a'\nplugin = 'webhook'\nconfig = { token = 'hunter2', now = nan }",
    ] {
        let mistakes = parse(text).unwrap_err();
        let said = format!("{mistakes}\n{mistakes:?}\n{}", mistakes.to_json());
        assert!(!said.contains("hunter2"), "{text}\n\n{said}");
    }
}

#[test]
fn no_slip_of_a_finger_shows_a_secret() {
    let text = "data_dir = 'd'\n[secrets]\na = 'hunter2'\nb = 'env:B'\n[plugins.redact]\n\
        config = { list = [\n  ['hunter2'],\n  'hunter2',\n], key = 'hunter2', n = 1 }\nallow.secrets = ['b', 'hunter2']\n\
        [plugins.webhook]\nallow.http = ['https://u:hunter2@h']\n[plugins.webhook.config]\nkey = 'hunter2'\n\
        [[channels]]\nname = 'x'\nplugin = 'webhook'\nconfig.token = 'hunter2'\n";
    for at in 0..text.len() {
        let (before, after) = text.split_at(at);
        let inserted = ["", "\"", "'", "[", "]", "{", "}", "=", "#", ",", ".", "x", "\n"];
        let replaced = inserted.map(|slip| format!("{before}{slip}{}", &after[1..]));
        for text in inserted
            .map(|slip| format!("{before}{slip}{after}"))
            .into_iter()
            .chain(replaced)
        {
            if let Err(mistakes) = parse(&text) {
                let said = format!("{mistakes}\n{}", mistakes.to_json());
                assert!(!said.contains("hunter2"), "{text}\n\n{said}");
            }
        }
    }
}
