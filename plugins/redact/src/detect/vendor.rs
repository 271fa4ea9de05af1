//! Tokens that tell their issuer: a fixed beginning, then so many characters of a certain kind.

use crate::bytes::{at, before, distinct, is_alnum, is_digit, is_hex, is_token, is_word, run};

/// What a token's body is made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Body {
    /// `[A-Za-z0-9]`
    Alnum,
    /// `[A-Z0-9]`
    Upper,
    /// `[0-9a-f]`
    Hex,
    /// `[A-Za-z0-9_-]`
    Word,
    /// `[A-Za-z0-9_.-]`
    Dotted,
    /// `[A-Za-z0-9_+/=.~-]`
    Base64,
}

use Body::{Alnum, Base64, Dotted, Hex, Upper, Word};

impl Body {
    fn has(self, byte: u8) -> bool {
        match self {
            Alnum => is_alnum(byte),
            Upper => is_digit(byte) || byte.is_ascii_uppercase(),
            Hex => is_hex(byte),
            Word => is_word(byte),
            Dotted => is_word(byte) || byte == b'.',
            Base64 => is_token(byte),
        }
    }
}

/// Prefix, body, shortest body, longest body (0: any). Ordered by prefix, so that a word is compared with few.
type Rule = (&'static str, Body, usize, usize);

#[rustfmt::skip]
const RULES: &[Rule] = &[
    ("A3T", Upper, 17, 17),
    ("A3-", Word, 28, 40),
    ("AAAAAAAAAAAAAAAAAAAAA", Base64, 50, 0),
    ("ABIA", Upper, 16, 16), ("ABSK", Base64, 100, 0), ("ACCA", Upper, 16, 16),
    ("AGE-SECRET-KEY-1", Upper, 40, 0),
    ("AIzaSy", Word, 33, 33), ("AKCp", Alnum, 60, 0), ("AKIA", Upper, 16, 16), ("API-", Upper, 26, 26), ("AQVN", Word, 35, 38),
    ("ASIA", Upper, 16, 16), ("ATATT3", Base64, 100, 0), ("ATBB", Alnum, 24, 0), ("ATCTT3", Base64, 50, 0),
    ("CCIPAT_", Alnum, 20, 0), ("CFPAT-", Word, 40, 0), ("CLOJARS_", Hex, 40, 0),
    ("EAAA", Word, 50, 0), ("EAAC", Alnum, 50, 0), ("EAAM", Alnum, 50, 0), ("EZAK", Alnum, 54, 0), ("EZTK", Alnum, 54, 0),
    ("FLWPUBK", Word, 20, 0), ("FLWSECK", Word, 12, 0),
    ("GOCSPX-", Word, 20, 0), ("GR1348941", Word, 20, 0),
    ("HRKU-AA", Word, 40, 0), ("LTAI", Alnum, 16, 26), ("NRAK-", Upper, 20, 0), ("NRII-", Word, 20, 0), ("NRJS-", Hex, 15, 0), ("NRRA-", Hex, 20, 0),
    ("PMAK-", Word, 30, 0), ("PRVTKEY", Alnum, 20, 0),
    ("SG.", Dotted, 40, 0), ("SK", Hex, 32, 32),
    ("YC", Word, 38, 38),
    ("api_org_", Alnum, 30, 0),
    ("bedrock-api-key-", Base64, 20, 0), ("bkua_", Alnum, 30, 0),
    ("cio", Alnum, 32, 32), ("cmVmdGtu", Alnum, 50, 0),
    ("dapi", Hex, 32, 33), ("dckr_oat_", Word, 20, 0), ("dckr_pat_", Word, 20, 0), ("ddp_", Alnum, 30, 0), ("ddw_", Alnum, 30, 0),
    ("doo_v1_", Hex, 40, 0), ("dop_v1_", Hex, 40, 0), ("dor_v1_", Hex, 40, 0), ("dp.pt.", Alnum, 30, 0), ("dp.st.", Dotted, 30, 0),
    ("dt0c01.", Dotted, 60, 0), ("duffel_live_", Base64, 30, 0), ("duffel_test_", Base64, 30, 0),
    ("figd_", Word, 30, 0), ("fio-u-", Base64, 40, 0), ("flb_live_", Alnum, 20, 0), ("fm1r_", Base64, 60, 0), ("fm1a_", Base64, 60, 0), ("fm2_", Base64, 60, 0), ("fo1_", Word, 30, 0),
    ("ghb_", Alnum, 30, 0), ("gho_", Alnum, 30, 0), ("ghp_", Alnum, 30, 0), ("ghr_", Alnum, 30, 0), ("ghs_", Dotted, 30, 0), ("ghu_", Alnum, 30, 0), ("github_pat_", Word, 40, 0),
    ("glagent-", Word, 40, 0), ("glc_", Base64, 32, 0), ("glcbt-", Word, 18, 0), ("gldt-", Word, 18, 0), ("glffct-", Word, 18, 0), ("glft-", Word, 18, 0),
    ("glimt-", Word, 22, 0), ("gloas-", Word, 50, 0), ("glpat-", Dotted, 18, 0), ("glptt-", Word, 38, 0), ("glrt-", Dotted, 18, 0), ("glrtr-", Word, 18, 0), ("glsa_", Word, 40, 0), ("glsoat-", Word, 18, 0),
    ("gsk_", Alnum, 40, 0),
    ("hf_", Alnum, 30, 40), ("hvb.", Word, 60, 0), ("hvr.", Word, 60, 0), ("hvs.", Word, 20, 0),
    ("ico-", Alnum, 30, 0),
    ("key-", Hex, 32, 32),
    ("lin_api_", Alnum, 30, 0), ("lin_oauth_", Alnum, 30, 0), ("live_", Word, 35, 0), ("lsv2_pt_", Word, 30, 0), ("lsv2_sk_", Word, 30, 0),
    ("npm_", Alnum, 36, 0), ("ntn_", Alnum, 40, 0), ("nvapi-", Word, 40, 0),
    ("ops_eyJ", Base64, 100, 0), ("oy2", Alnum, 43, 43),
    ("p8e-", Alnum, 20, 0), ("pat-na1-", Word, 36, 36), ("pat-eu1-", Word, 36, 36), ("phc_", Alnum, 40, 0), ("phx_", Alnum, 40, 0), ("pk.eyJ", Dotted, 50, 0),
    ("pnu_", Alnum, 30, 0), ("pplx-", Alnum, 40, 0), ("pscale_oauth_", Dotted, 30, 0), ("pscale_pw_", Dotted, 30, 0), ("pscale_tkn_", Dotted, 30, 0),
    ("pubkey-", Hex, 32, 32), ("pul-", Hex, 40, 40), ("pypi-AgE", Word, 50, 0),
    ("r8_", Alnum, 36, 0), ("rdme_", Alnum, 60, 0), ("rk_live_", Alnum, 16, 0), ("rk_prod_", Alnum, 16, 0), ("rk_test_", Alnum, 16, 0), ("rubygems_", Hex, 40, 0),
    ("s.", Alnum, 24, 24), ("sbp_", Hex, 40, 0), ("secret_", Alnum, 40, 0), ("sgp_", Word, 40, 0), ("sha256~", Word, 40, 0), ("shippo_live_", Hex, 40, 0), ("shippo_test_", Hex, 40, 0),
    ("shpat_", Hex, 32, 0), ("shpca_", Hex, 32, 0), ("shppa_", Hex, 32, 0), ("shpss_", Hex, 32, 0),
    ("sk-", Word, 32, 0), ("sk.eyJ", Dotted, 50, 0), ("sk_live_", Word, 16, 0), ("sk_prod_", Word, 16, 0), ("sk_test_", Word, 16, 0), ("sl.", Word, 100, 0), ("slk_", Alnum, 60, 0),
    ("sm_aat_", Alnum, 16, 0), ("sm_pat_", Alnum, 16, 0), ("sm_sat_", Alnum, 16, 0), ("sntryp_", Base64, 40, 0), ("sntrys_", Base64, 60, 0), ("sntryu_", Hex, 60, 0),
    ("sq0atp-", Word, 22, 0), ("sq0csp-", Word, 40, 0), ("sqa_", Alnum, 40, 0), ("sqp_", Alnum, 40, 0), ("squ_", Alnum, 40, 0),
    ("t1.", Base64, 60, 0), ("test_", Word, 35, 0), ("tfp_", Dotted, 40, 0), ("tk-us-", Word, 40, 0), ("tskey-", Word, 20, 0), ("tvly-", Alnum, 28, 0),
    ("v1.0-", Word, 100, 0), ("vcp_", Alnum, 24, 0),
    ("waka_", Word, 36, 0), ("whsec_", Base64, 24, 0),
    ("xai-", Alnum, 60, 0), ("xapp-", Word, 20, 0), ("xkeysib-", Word, 60, 0), ("xox", Dotted, 12, 0), ("xwfp-", Word, 20, 0),
    ("ya29.", Word, 30, 0),
];

/// Where the rules begin whose prefixes begin with a byte.
#[allow(
    clippy::indexing_slicing,
    reason = "constant evaluation: an index out of bounds does not compile"
)]
const FIRST: [u8; 129] = {
    assert!(RULES.len() < 256);
    let mut first = [RULES.len() as u8; 129];
    let mut rule = RULES.len();
    let mut byte = 128;
    while byte > 0 {
        byte -= 1;
        while rule > 0 && RULES[rule - 1].0.as_bytes()[0] >= byte as u8 {
            rule -= 1;
        }
        first[byte] = rule as u8;
    }
    first
};

/// How far a body is followed before it was found to be one. Without a bound, a text of nothing but prefixes would take
/// quadratic time.
const LONGEST: usize = 128;

/// Where the token ends that begins at `start`, which begins a word.
pub(crate) fn token(bytes: &[u8], start: usize) -> Option<usize> {
    let rest = bytes.get(start..)?;
    let &[first, second, ..] = rest else { return None };
    let (from, to) = (*FIRST.get(usize::from(first))?, *FIRST.get(usize::from(first) + 1)?);
    let rules = RULES.get(usize::from(from)..usize::from(to))?;
    for &(prefix, body, shortest, longest) in rules {
        // A byte settles most of them, without a call.
        if prefix.as_bytes().get(1) != Some(&second) {
            continue;
        }
        let Some(tail) = rest.strip_prefix(prefix.as_bytes()) else {
            continue;
        };
        let mut length = run(tail.get(..tail.len().min(LONGEST)).unwrap_or_default(), 0, |byte| {
            body.has(byte)
        });
        // A sentence ends behind the token.
        length -= tail
            .get(..length)?
            .iter()
            .rev()
            .take_while(|byte| matches!(byte, b'.' | b'~'))
            .count();
        let fits = length >= shortest && (longest == 0 || length <= longest);
        let written_out = tail.get(..length)?;
        if fits
            && distinct(written_out) > 4
            && is_plausible(prefix, written_out)
            && !is_scope(prefix, tail.get(length..)?)
        {
            let end = if length == LONGEST {
                run(tail, length, |byte| body.has(byte))
            } else {
                length
            };
            return Some(start + prefix.len() + end);
        }
    }
    None
}

/// Short prefixes are words' beginnings too.
fn is_plausible(prefix: &str, body: &[u8]) -> bool {
    let digits = body.iter().filter(|byte| byte.is_ascii_digit()).count();
    match prefix {
        // `xoxb-`, `xoxe.xoxp-`: the kind is one letter.
        "xox" => match body {
            [b'o', b'-', next, ..] => is_digit(*next),
            [kind, b'-' | b'.', ..] => b"abceprs".contains(kind) && digits >= 2,
            _ => false,
        },
        "sk-" if body.starts_with(b"ant-api03-") || body.starts_with(b"ant-admin01-") => body.ends_with(b"AA"),
        "sk-" | "live_" | "test_" | "secret_" | "s." | "cio" | "YC" | "LTAI" | "API-" | "A3-" | "key-" | "v1.0-"
        | "ico-" | "p8e-" => digits >= 2,
        // A number of the instance, or `local`, may stand before the 40 digits.
        "sgp_" => match body.split_last_chunk::<40>() {
            Some((before, key)) => {
                let instance = before.strip_suffix(b"_").unwrap_or(before);
                key.iter().all(|&byte| is_hex(byte)) && (matches!(instance, b"" | b"local") || instance.len() == 16)
            }
            None => false,
        },
        _ => digits > 0 || body.iter().any(u8::is_ascii_uppercase),
    }
}

/// `AKIA.../20260131/eu-west-1/s3/aws4_request`: whoever signs a request to AWS tells the name of the key.
fn is_scope(prefix: &str, rest: &[u8]) -> bool {
    let rest = rest.strip_prefix(b"/").or_else(|| rest.strip_prefix(b"%2F"));
    let date = rest.and_then(|rest| rest.get(..8));
    matches!(prefix, "AKIA" | "ASIA") && date.is_some_and(|date| date.iter().all(|&byte| is_digit(byte)))
}

/// A common annotated security key, as Azure and Azure DevOps give out: 52 characters, a mark, 24 to 28 more.
pub(crate) fn is_annotated(word: &[u8]) -> bool {
    (80..=88).contains(&word.len()) && word.get(52..57) == Some(b"JQQJ9") && word.iter().all(|&byte| is_alnum(byte))
}

/// Azure's client secrets: three characters, a digit, `Q~`, and 31 to 34 more. `tilde` is the place of the tilde.
pub(crate) fn azure(bytes: &[u8], tilde: usize) -> Option<(usize, usize)> {
    let is_body = |byte: u8| is_word(byte) || matches!(byte, b'.' | b'~');
    let start = tilde.checked_sub(5)?;
    let fits = matches!(bytes.get(start..tilde)?, [a, b, c, digit, b'Q']
        if [*a, *b, *c].into_iter().all(is_body) && is_digit(*digit));
    let end = run(bytes.get(..bytes.len().min(tilde + 40))?, tilde, is_body);
    let end = end - usize::from(at(bytes, end - 1) == b'.');
    (fits && (32..=35).contains(&(end - tilde)) && !is_token(before(bytes, start))).then_some((start, end))
}

/// `123456789:AA...`: a bot's number and its key, at the number's end.
pub(crate) fn telegram(bytes: &[u8], start: usize, colon: usize) -> Option<usize> {
    let number = bytes.get(start..colon)?;
    let key = bytes.get(colon..)?.strip_prefix(b":A")?;
    let length = run(key, 0, is_word);
    let fits = (5..=16).contains(&number.len()) && number.iter().all(|&byte| is_digit(byte)) && length == 34;
    fits.then_some(colon + 2 + length)
}

/// A Discord bot: its number in base64, a time, a signature.
pub(crate) fn discord(bytes: &[u8], start: usize, word_end: usize) -> Option<usize> {
    let number = bytes.get(start..word_end)?;
    let time_end = run(bytes, word_end + 1, is_word);
    let end = run(bytes, time_end + 1, is_word);
    let dots = at(bytes, word_end) == b'.' && at(bytes, time_end) == b'.';
    let lengths =
        (23..=26).contains(&number.len()) && time_end - word_end == 7 && (25..=40).contains(&(end - time_end));
    (dots && lengths && matches!(number.first(), Some(b'M'..=b'O'))).then_some(end)
}

/// Whether a short word with a dot or a tilde behind it may begin a token or a hook.
#[rustfmt::skip]
pub(crate) fn is_dotted_prefix(word: &[u8]) -> bool {
    matches!(
        word,
        b"SG" | b"discord" | b"discordapp" | b"dp" | b"dt0c01" | b"hooks" | b"hvb" | b"hvr" | b"hvs" | b"pk" | b"s"
            | b"sha256" | b"sk" | b"sl" | b"t1" | b"xoxe" | b"ya29"
    )
}

/// The secret path of a web hook's URL, at `start`, which begins a word.
pub(crate) fn hook(bytes: &[u8], start: usize) -> Option<(usize, usize)> {
    const HOOKS: [&str; 6] = [
        "hooks.slack.com/services/",
        "hooks.slack.com/workflows/",
        "hooks.slack.com/triggers/",
        "discord.com/api/webhooks/",
        "discordapp.com/api/webhooks/",
        "hooks.zapier.com/hooks/catch/",
    ];
    let rest = bytes.get(start..)?;
    let prefix = HOOKS.iter().find(|prefix| rest.starts_with(prefix.as_bytes()))?;
    let body = start + prefix.len();
    let end = run(bytes, body, |byte| is_word(byte) || matches!(byte, b'/' | b'+'));
    (end - body >= 20).then_some((body, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_grouped_by_their_first_byte() {
        let first: Vec<_> = RULES.iter().map(|(prefix, ..)| prefix.as_bytes().first()).collect();
        assert!(first.is_sorted());
        for (prefix, ..) in RULES {
            let dot = prefix.find(['.', '~']).filter(|dot| *dot < 12);
            assert!(
                dot.is_none_or(
                    |dot| prefix.get(..dot).is_some_and(|word| is_dotted_prefix(word.as_bytes()))
                        || prefix.starts_with("v1")
                ),
                "{prefix}"
            );
        }
    }

    #[test]
    fn tokens_of_vendors() {
        let alnum = "0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1wX2yZ3aB4cD5eF6gH7iJ8k";
        for prefix in [
            "ghp_", "gho_", "ghs_", "sk_live_", "rk_live_", "sk_test_", "npm_", "hf_", "glpat-", "sk-", "sk-ant-",
            "ya29.",
        ] {
            let body: String = alnum.chars().take(36).collect();
            let token = format!("{prefix}{body}");
            assert_eq!(super::token(token.as_bytes(), 0), Some(token.len()), "{token}");
        }
        for text in [
            "AKIAIOSFODNN7EXAMPLE",
            "xoxb-1234567890-abcdefABCDEF",
            "xoxe.xoxp-1-Mi0yLTE2NTQwMDAwMDA",
            "dapi0123456789abcdef0123456789abcdef",
            "SK0123456789abcdef0123456789abcdef",
        ] {
            assert_eq!(super::token(text.as_bytes(), 0), Some(text.len()), "{text}");
        }
        for text in [
            "AKIASHORT",
            "ghp_xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
            "hf_requiredCharacteristicTypesForDisplayMetadata",
            "sk-learn",
            "xoxo-teaser-exo-k-34521098-720-516",
            "test_that_something_works_with_a_long_name",
        ] {
            assert_eq!(super::token(text.as_bytes(), 0), None, "{text}");
        }
    }

    #[test]
    fn secrets_of_azure() {
        let secret = "a1B8Q~0aB1cD2eF3gH4iJ5kL6mN7oP8qR9sT0uV1";
        assert_eq!(secret.len(), 40);
        assert_eq!(azure(secret.as_bytes(), 5), Some((0, 40)));
        assert_eq!(azure(b"a1B8Q~tooshort", 5), None);
        assert_eq!(azure(b"8Q~", 2), None);
        let key = format!("{}JQQJ99AAACAAAAAAAAAAAAAZFUaB1c", "0aB1cD2eF3gH4".repeat(4));
        assert!(is_annotated(key.as_bytes()) && !is_annotated(b"JQQJ99"));
        assert_eq!(token(b"AKIAIOSFODNN7EXAMPLE/20260131/eu-west-1", 0), None);
    }

    #[test]
    fn hooks_and_bots() {
        let url = "hooks.slack.com/services/T00000000/B00000000/abcdefghijklmnopqrstuvwx";
        assert_eq!(hook(url.as_bytes(), 0), Some((25, url.len())));
        assert_eq!(hook(b"hooks.slack.com/services/", 0), None);
        let bot = "123456789:AAabcdefghijklmnopqrstuvwxyz0123456";
        assert_eq!(telegram(bot.as_bytes(), 0, 9), Some(bot.len()));
        assert_eq!(telegram(b"12:34", 0, 2), None);
    }
}
