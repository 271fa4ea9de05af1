//! The command line itself. (That this file is here also makes `cargo test --workspace` build the binary, which the
//! end-to-end tests run.)
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

mod explain;

use std::process::Command;

fn patchpanel(arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_patchpanel"))
        .args(arguments)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

#[test]
fn help_names_every_command_and_the_exit_codes() {
    let (code, help, _) = patchpanel(&["--help"]);
    assert_eq!(code, 0);
    for command in ["run", "demo", "route", "explain", "publish", "config", "plugin"] {
        assert!(help.contains(&format!("\n  {command} ")), "{help}");
        let (code, help, _) = patchpanel(&[command, "--help"]);
        assert!(code == 0 && help.contains("Usage: patchpanel"), "{help}");
    }
    assert!(
        help.contains("Exit codes: 0 done, 1 failed, 2 wrong arguments"),
        "{help}"
    );
    assert!(help.contains("3 no subscription matched (explain)"), "{help}");
}

#[test]
fn wrong_arguments_end_with_2_and_say_what_is_right() {
    let (code, _, error) = patchpanel(&["rout"]);
    assert_eq!(code, 2);
    assert!(error.contains("'route'"), "{error}");
}
