use std::collections::HashSet;

use patchpanel_event::{Event, EventParts, Limits};

/// Most events that one may become, over all steps.
pub(crate) const MOST_PARTS: usize = 100;

/// Builds the parts of a split event. Each needs an id of its own that is the same whenever the event is split again, or
/// else repeated attempts would not be recognised: parts without an id, with the id of the event itself, or with that of
/// a part before them are called `<id of the event>/<number>`, counted from 1.
pub(crate) fn split(event: &Event, mut parts: Vec<EventParts>, limits: &Limits) -> Result<Vec<Event>, String> {
    if parts.len() > MOST_PARTS {
        return Err(format!(
            "it split an event into more than the {MOST_PARTS} that are allowed"
        ));
    }
    let parent = event.id();
    let mut taken: HashSet<String> = HashSet::with_capacity(parts.len());
    for (number, part) in (1..).zip(&mut parts) {
        if part.id.is_empty() || part.id == parent || taken.contains(&part.id) {
            let free = |id: &String| !taken.contains(id);
            let candidates = (number..).map(|number: usize| format!("{parent}/{number}"));
            part.id = candidates.into_iter().find(free).unwrap_or_default();
        }
        taken.insert(part.id.clone());
        // Or else the time would be that of the split, and another one at each attempt.
        part.time.get_or_insert(event.time());
    }
    let built = parts.iter().map(|part| part.build(limits));
    built.collect::<Result<_, _>>().map_err(|error| error.to_string())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn ids(parts: &[&str]) -> Result<Vec<String>, String> {
        let event = Event::parse(r#"{"id":"p","type":"t"}"#.into(), &Limits::default()).unwrap();
        let parts = parts.iter().map(|id| EventParts {
            id: (*id).to_owned(),
            kind: "t".to_owned(),
            ..EventParts::default()
        });
        let built = split(&event, parts.collect(), &Limits::default())?;
        assert!(built.iter().all(|part| part.time() == event.time()));
        Ok(built.iter().map(|part| part.id().into_owned()).collect())
    }

    #[test]
    fn ids_are_unique_and_the_same_each_time() {
        for (given, expected) in [
            (&["a", "b"][..], &["a", "b"][..]),
            (&["", ""], &["p/1", "p/2"]),
            (&["p"], &["p/1"]),
            (&["a", "a", "p"], &["a", "p/2", "p/3"]),
            (&["p/2", ""], &["p/2", "p/3"]),
        ] {
            assert_eq!(ids(given).unwrap(), expected);
        }
    }

    #[test]
    fn refuses_too_many() {
        assert!(ids(&[""; MOST_PARTS]).is_ok());
        assert!(ids(&[""; MOST_PARTS + 1]).unwrap_err().contains("more than the 100"));
    }
}
