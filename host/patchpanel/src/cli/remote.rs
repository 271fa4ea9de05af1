//! Arguments of the commands that talk to a running router.

use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Subcommand};
use ureq::http::Uri;

/// Which router, and how its answers are shown.
#[derive(Debug, Args)]
pub(crate) struct RemoteArgs {
    /// Where the router listens
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:7077", value_parser = url)]
    pub(crate) url: String,
    /// Print the answer as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(super) fn url(text: &str) -> Result<String, &'static str> {
    let read = text.parse::<Uri>().ok();
    let fits = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    match read.as_ref().is_some_and(fits) {
        true => Ok(text.to_owned()),
        false => Err("not a URL of a router; write it as http://127.0.0.1:7077"),
    }
}

/// A part of a list.
#[derive(Debug, Args)]
pub(crate) struct PageArgs {
    /// Show so many at most, up to 1000
    #[arg(long, value_name = "N", default_value_t = 100)]
    pub(crate) limit: u32,
    /// Go on behind a page, as it says at its end
    #[arg(long, value_name = "CURSOR")]
    pub(crate) cursor: Option<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum EventsCommand {
    /// List accepted events that the router still keeps
    List(EventsListArgs),
    /// Show an event and its deliveries
    Show {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The event's id
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct EventsListArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    #[command(flatten)]
    pub(crate) page: PageArgs,
    /// Accepted then or later, such as 2026-01-31T12:00:00Z
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Accepted before then
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Of this type, or of all types that begin so where it ends in `*`
    #[arg(long = "type", value_name = "TYPE")]
    pub(crate) kind: Option<String>,
    /// From this source, or from all that begin so where it ends in `*`
    #[arg(long, value_name = "SOURCE")]
    pub(crate) source: Option<String>,
    /// Of exactly this level
    #[arg(long, value_name = "LEVEL")]
    pub(crate) level: Option<String>,
    /// With this correlation id
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
    /// That match this event pattern, in JSON
    #[arg(long, value_name = "PATTERN")]
    pub(crate) filter: Option<String>,
    /// The oldest first instead of the newest
    #[arg(long)]
    pub(crate) oldest_first: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum DeliveriesCommand {
    /// List deliveries by state
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        #[command(flatten)]
        page: PageArgs,
        /// retrying, held, delivered, filtered, throttled, expired, dead or discarded; of those delivered only the ones
        /// that needed more than one attempt or have a receipt
        #[arg(long, value_name = "STATE")]
        state: String,
        /// Of this subscription only
        #[arg(long, short, value_name = "NAME")]
        subscription: Option<String>,
    },
    /// Show a delivery with every attempt that failed
    Show {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The delivery's id, such as EVENT/SUBSCRIPTION
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
    /// Tell where deliveries stand
    #[command(
        after_help = "Exit codes: 0 all of them are known, 1 some are not, or the router could not be asked, \
                            2 wrong arguments."
    )]
    Status {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The deliveries' ids, up to 1000
        #[arg(value_name = "ID", required = true, value_parser = NonEmptyStringValueParser::new())]
        ids: Vec<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(crate) enum ChannelsCommand {
    /// List the channels of the configuration
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Ask channels whether deliveries would work now, without making any
    #[command(
        after_help = "Exit codes: 0 all of them are healthy, 1 some are not, or could not be asked, 2 wrong \
                            arguments."
    )]
    Check {
        #[command(flatten)]
        remote: RemoteArgs,
        /// Names or aliases of channels; all of them where none is given
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        names: Vec<String>,
    },
}

const EACH: &str = "Exit codes: 0 done, 1 failed, or not done with each of the ids that were given, 2 wrong arguments.";

#[derive(Debug, Subcommand)]
pub(crate) enum DeadLettersCommand {
    /// List deliveries that nobody tries again
    List {
        #[command(flatten)]
        remote: RemoteArgs,
        #[command(flatten)]
        page: PageArgs,
        /// Of this subscription only
        #[arg(long, short, value_name = "NAME")]
        subscription: Option<String>,
    },
    /// Show a dead letter with its event and every attempt
    Show {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The delivery's id, such as EVENT/SUBSCRIPTION
        #[arg(value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
        id: String,
    },
    /// Deliver dead letters again, with a fresh count of attempts; those of removed subscriptions stay where they are
    #[command(after_help = EACH)]
    Redrive(SelectionArgs),
    /// Take dead letters off the list for good
    #[command(after_help = EACH)]
    Discard(SelectionArgs),
}

/// Which dead letters: some by their ids, those of a subscription or of matching events, or all.
#[derive(Debug, Args)]
pub(crate) struct SelectionArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// Ids of deliveries
    #[arg(
        value_name = "ID",
        value_parser = NonEmptyStringValueParser::new(),
        required_unless_present_any = ["subscription", "filter", "all"],
        conflicts_with_all = ["subscription", "filter", "all"]
    )]
    pub(crate) ids: Vec<String>,
    /// All of this subscription
    #[arg(long, short, value_name = "NAME")]
    pub(crate) subscription: Option<String>,
    /// All whose events match this event pattern, in JSON
    #[arg(long, value_name = "PATTERN")]
    pub(crate) filter: Option<String>,
    /// All there are
    #[arg(long, conflicts_with_all = ["subscription", "filter"])]
    pub(crate) all: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// Deliver events of the past once more to a subscription, and wait until all of them are on their way
    #[command(after_help = "Exit codes: 0 begun (--detach) or completed, 1 failed or cancelled, 2 wrong arguments.")]
    Start(ReplayStartArgs),
    /// List replays, oldest first
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// End a replay where it is
    Cancel {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The replay's number
        #[arg(value_name = "NUMBER")]
        number: u32,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ReplayStartArgs {
    #[command(flatten)]
    pub(crate) remote: RemoteArgs,
    /// Events that were accepted then or later, such as 2026-01-31T12:00:00Z; from the oldest on where not given
    #[arg(long, value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Events that were accepted before then; up to the newest where not given
    #[arg(long, value_name = "TIME")]
    pub(crate) to: Option<String>,
    /// Events that match this event pattern, in JSON, instead of what the subscription asks for
    #[arg(long, value_name = "PATTERN")]
    pub(crate) filter: Option<String>,
    /// So many deliveries a second at most
    #[arg(long, value_name = "N")]
    pub(crate) rate: Option<NonZeroU32>,
    /// Do not wait
    #[arg(long)]
    pub(crate) detach: bool,
    /// The subscription
    #[arg(value_name = "SUBSCRIPTION")]
    pub(crate) subscription: String,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SubscriptionsCommand {
    /// List the subscriptions of the configuration and those that were created since
    List {
        #[command(flatten)]
        remote: RemoteArgs,
    },
    /// Create a subscription, which stays until it is removed
    Create {
        #[command(flatten)]
        remote: RemoteArgs,
        /// A JSON object with the keys of a subscription in a configuration file; `-` is standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
    },
    /// Remove a subscription that was created; what it has pending becomes dead letters
    Remove {
        #[command(flatten)]
        remote: RemoteArgs,
        /// The subscription
        #[arg(value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
        name: String,
    },
}
