//! Groups in `kv`, and when they are over.
//!
//! | key | value |
//! | --- | --- |
//! | `g/<name>` | the group that events of this name are added to, or one that is closed and waits to be given out, or what is left of it after that |
//! | `d/<id>` | a closed group that is set aside for the next of its name |
//! | `t/<time>/<name>` | nothing: the group may be over at this time |
//!
//! Several instances work on this at once, and any may be killed between two steps. So a group is closed, by compare and
//! set, before it is given out: what nobody can add to any more is the same whenever it is given out, under the same id. A
//! time is noted before its group is there, and one whose group is gone is taken away when it comes.

use crate::{Digest, Group, summary};
use patchpanel_plugin::{Event, kv};
use std::time::Duration;

/// Most summaries in one answer: each has tens of kilobytes at most and takes a fraction of a millisecond, on a busy machine,
/// too; and the next answer follows in a second.
const MOST_EVENTS: usize = 128;
const PAGE: u32 = 256;
/// How long the ids of a group that is stored are known: what was under way when the router was killed comes again at once.
const REMEMBERED: Duration = Duration::from_secs(10 * 60);

pub(crate) fn open_key(name: &str) -> String {
    format!("g/{name}")
}

/// Notes that a group is to be looked at then.
pub(crate) fn announce(name: &str, time: u64) -> Result<(), kv::Error> {
    kv::set(&format!("t/{time:020}/{name}"), b"", None)
}

/// The group as it is closed now; `None` where somebody else was quicker.
pub(crate) fn close(key: &str, stored: Option<&[u8]>, mut group: Group) -> Result<Option<(Vec<u8>, Group)>, kv::Error> {
    if group.closed().is_some() {
        return Ok(Some((stored.unwrap_or_default().to_vec(), group)));
    }
    // Not the clock's time: an instance that closes it later says the same.
    group.close(group.end());
    let bytes = group.to_bytes();
    let done = kv::compare_and_set(key, stored, Some(&bytes), None)?;
    Ok(done.then_some((bytes, group)))
}

/// Keeps a closed group at hand, so that the next one of its name can take its place.
pub(crate) fn set_aside(name: &str, bytes: &[u8], group: &Group) -> Result<(), kv::Error> {
    if group.is_stored() {
        return Ok(());
    }
    kv::set(&format!("d/{}", group.id(name)), bytes, None)
}

/// The summary of this id is stored.
pub(crate) fn forget(id: &str) -> Result<(), kv::Error> {
    kv::delete(&format!("d/{id}"))?;
    let Some(name) = id.strip_prefix("digest-").and_then(|rest| rest.split('-').next()) else {
        return Ok(());
    };
    let key = open_key(name);
    let stored = kv::get(&key)?;
    let group = stored.as_deref().and_then(Group::parse);
    if let Some(group) = group.filter(|group| group.closed().is_some() && group.id(name) == id) {
        // Nobody changes a closed group, but somebody may have set it aside just now: then it is given out once more.
        kv::compare_and_set(
            &key,
            stored.as_deref(),
            Some(&group.rest().to_bytes()),
            Some(REMEMBERED),
        )?;
    }
    Ok(())
}

impl Digest {
    /// Summaries of the groups that are over, the longest waiting ones first.
    pub(crate) fn due_groups(&self, now: u64) -> Result<Vec<Event>, kv::Error> {
        let mut events = Vec::new();
        let moved = kv::keys("d/", None, PAGE)?;
        for key in moved.iter().take(MOST_EVENTS) {
            let Some(group) = kv::get(key)?.as_deref().and_then(Group::parse) else {
                kv::delete(key)?;
                continue;
            };
            let id = key.strip_prefix("d/").unwrap_or_default();
            events.push(summary::of(&group, id, &self.type_));
        }
        let end = format!("t/{now:020}/~");
        for key in kv::keys("t/", None, PAGE)?.into_iter().take_while(|key| *key <= end) {
            if events.len() >= MOST_EVENTS {
                break;
            }
            match self.over(&key, now)? {
                Over::Group(event) if events.iter().any(|other: &Event| other.id == event.id) => {}
                Over::Group(event) => events.push(*event),
                Over::Nothing => kv::delete(&key)?,
                Over::Busy => {}
            }
        }
        Ok(events)
    }

    /// What stands behind a time that has come.
    fn over(&self, key: &str, now: u64) -> Result<Over, kv::Error> {
        let name = key.rsplit('/').next().unwrap_or_default();
        let key = open_key(name);
        let stored = kv::get(&key)?;
        let group = stored.as_deref().and_then(Group::parse);
        let Some(group) = group.filter(|group| !group.is_open(now) && !group.is_stored()) else {
            return Ok(Over::Nothing);
        };
        let Some((_, group)) = close(&key, stored.as_deref(), group)? else {
            return Ok(Over::Busy);
        };
        let id = group.id(name);
        Ok(Over::Group(Box::new(summary::of(&group, &id, &self.type_))))
    }
}

enum Over {
    Group(Box<Event>),
    /// It was given out and stored, or another one of its name has begun since, which has a time of its own.
    Nothing,
    /// Somebody added to it at this moment: it is looked at again.
    Busy,
}
