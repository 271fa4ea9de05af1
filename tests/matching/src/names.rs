//! The names that generated events and rules share, by number, so that rules ask for what events may hold.

/// How many different ones there are of each.
pub(crate) const TYPES: usize = 50;
pub(crate) const SOURCES: usize = 200;
pub(crate) const USERS: usize = 100_000;
pub(crate) const TENANTS: usize = 5_000;
pub(crate) const SKUS: usize = 50_000;
pub(crate) const LABELS: usize = 2_000;
pub(crate) const WORDS: usize = SYLLABLES * SYLLABLES * SYLLABLES;
/// Each user has events of so many types.
pub(crate) const TYPES_OF_A_USER: usize = 4;

pub(crate) const LEVELS: [&str; 5] = ["debug", "info", "warning", "error", "critical"];
pub(crate) const REGIONS: [&str; 6] = ["eu-west", "eu-north", "us-east", "us-west", "ap-south", "sa-east"];
pub(crate) const ROLES: [&str; 5] = ["owner", "admin", "member", "guest", "robot"];
pub(crate) const TAGS: [&str; 6] = ["billing", "beta", "mobile", "retry", "import", "vip"];

const DOMAINS: [&str; 10] = [
    "order", "payment", "invoice", "user", "session", "git", "build", "deploy", "mail", "stock",
];
const ACTIONS: [&str; 5] = ["created", "updated", "failed", "closed", "expired"];
const SERVICES: [&str; 10] = [
    "checkout", "ledger", "identity", "search", "catalog", "courier", "forge", "runner", "gateway", "archive",
];
const FOLDERS: [&str; 10] = [
    "api", "core", "net", "store", "auth", "mail", "jobs", "web", "cli", "test",
];
const VERBS: [&str; 10] = [
    "load", "save", "send", "read", "parse", "merge", "check", "build", "sync", "drop",
];
const ENDINGS: [&str; 5] = ["rs", "go", "py", "ts", "sql"];
const CONSONANTS: &[u8; 12] = b"bdfgklmnprst";
const VOWELS: &[u8; 5] = b"aeiou";
const SYLLABLES: usize = CONSONANTS.len() * VOWELS.len();

/// One of a list, counted round and round.
pub(crate) fn pick<T: Copy + Default>(list: &[T], number: usize) -> T {
    list.get(number % list.len()).copied().unwrap_or_default()
}

/// The part of a type before the dot; with the dot it is a prefix of a tenth of the types.
pub(crate) fn domain(number: usize) -> &'static str {
    pick(&DOMAINS, number)
}

pub(crate) fn kind(number: usize) -> String {
    format!("{}.{}", domain(number), pick(&ACTIONS, number / DOMAINS.len()))
}

/// The number of a type that this user has events of.
pub(crate) fn kind_of_user(user: usize, choice: usize) -> usize {
    (user * 7 + choice % TYPES_OF_A_USER * 11) % TYPES
}

pub(crate) fn source(number: usize) -> String {
    format!("{}-{:02}", pick(&SERVICES, number), number / SERVICES.len())
}

pub(crate) fn user(number: usize) -> String {
    format!("user-{number:05}")
}

/// A user's name as it is spelled in most events.
pub(crate) fn login(user: usize) -> String {
    let mut login = word(user * 7_919 % WORDS);
    if let Some(first) = login.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    format!("{login}.{user:05}")
}

pub(crate) fn tenant(number: usize) -> String {
    format!("tenant-{number:04}")
}

pub(crate) fn sku(number: usize) -> String {
    format!("sku-{number:05}")
}

pub(crate) fn label(number: usize) -> String {
    format!("label_{number}")
}

/// Six letters. No word holds another.
pub(crate) fn word(number: usize) -> String {
    let mut word = String::new();
    let mut left = number;
    for _ in 0..3 {
        word.push(char::from(pick(CONSONANTS, left)));
        word.push(char::from(pick(VOWELS, left / CONSONANTS.len())));
        left /= SYLLABLES;
    }
    word
}

/// The parts of a path such as `src/net/cache07/load_00042.rs`. Each is drawn evenly.
pub(crate) struct File {
    pub(crate) folder: &'static str,
    /// One of 200.
    pub(crate) module: String,
    pub(crate) verb: &'static str,
    /// Below 100,000.
    pub(crate) number: usize,
    pub(crate) ending: &'static str,
}

impl File {
    pub(crate) fn draw(random: &mut fastrand::Rng) -> File {
        File {
            folder: pick(&FOLDERS, random.usize(..)),
            module: format!("{}{:02}", pick(&SERVICES, random.usize(..)), random.usize(..20)),
            verb: pick(&VERBS, random.usize(..)),
            number: random.usize(..100_000),
            ending: pick(&ENDINGS, random.usize(..)),
        }
    }

    pub(crate) fn path(&self) -> String {
        let File {
            folder,
            module,
            verb,
            number,
            ending,
        } = self;
        format!("src/{folder}/{module}/{verb}_{number:05}.{ending}")
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn names_are_as_many_as_they_claim() {
        let different = |count: usize, name: fn(usize) -> String| (0..count).map(name).collect::<HashSet<_>>().len();
        assert_eq!(different(TYPES, kind), TYPES);
        assert_eq!(different(SOURCES, source), SOURCES);
        assert_eq!(different(WORDS, word), WORDS);
        assert_eq!(different(USERS, login), USERS);
    }
}
