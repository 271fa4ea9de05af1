//! Random patterns on random events: the same answer as a naive evaluator, and printing loses nothing.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod generate;
mod naive;

use generate::{compile, event, list, pattern, scalar};
use patchpanel_filter::{Pattern, Predicate, Source, Test};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

/// Whether a predicate on values holds as a pattern of its own. What may be absent depends on the predicates beside it,
/// and what must not hold is told with an object for which it does.
fn alone(predicate: &Predicate, event: &Map<String, Value>) -> Option<bool> {
    match &predicate.test {
        Test::Values { items, .. } if items.iter().all(|item| item != r#"{"exists":false}"#) => {
            let pattern = format!("{{{}:[{}]}}", Value::from(predicate.path.as_str()), items.join(","));
            Some(pattern.parse::<Pattern>().unwrap().matches(event))
        }
        Test::Values { .. } => None,
        Test::Not { at, inner, .. } => Some(at.is_none() && inner.is_empty()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, max_global_rejects: 100_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_naive_evaluator(pattern in pattern(), events in prop::collection::vec(event(), 4)) {
        let Some(compiled) = compile(&pattern) else { return Err(TestCaseError::reject("refused")) };
        for event in events {
            let expected = naive::matches(&pattern, &Value::Object(event.clone()));
            prop_assert_eq!(compiled.matches(&event), expected, "{} on {}", pattern, Value::Object(event));
        }
    }

    #[test]
    fn single_items_agree_with_the_naive_evaluator(item in list(), value in scalar()) {
        let pattern = json!({"a": item});
        let Some(compiled) = compile(&pattern) else { return Err(TestCaseError::reject("refused")) };
        let event = json!({"a": value});
        prop_assert_eq!(compiled.matches(event.as_object().unwrap()), naive::matches(&pattern, &event));
    }

    #[test]
    fn explanations_agree_with_matching(pattern in pattern(), events in prop::collection::vec(event(), 4)) {
        let Some(compiled) = compile(&pattern) else { return Err(TestCaseError::reject("refused")) };
        for event in events {
            let explained = compiled.explain(&event);
            let said = explained.to_string();
            prop_assert_eq!(explained.matched(), compiled.matches(&event), "{} on {}: {}", pattern, Value::Object(event), said);
            prop_assert_eq!(explained.nearest().is_none(), explained.matched());
            prop_assert_eq!(&explained.to_json()["matched"], &Value::from(explained.matched()));
            for alternative in &explained.alternatives {
                let predicates = &alternative.predicates;
                prop_assert_eq!(alternative.held, predicates.iter().all(|predicate| predicate.held) && alternative.apart.is_empty());
                prop_assert_eq!(alternative.held, alternative.misses().is_empty());
                prop_assert!(predicates.iter().all(|predicate| predicate.held == predicate.hint.is_none()), "{}", said);
                prop_assert!(alternative.apart.iter().all(|apart| apart.paths.len() > 1 && !apart.list.is_empty()), "{}", said);
                for predicate in predicates {
                    prop_assert_eq!(alone(predicate, &event).unwrap_or(predicate.held), predicate.held, "{}: {}", predicate.path, said);
                }
            }
        }
    }

    #[test]
    fn printing_loses_nothing(pattern in pattern()) {
        let Some(compiled) = compile(&pattern) else { return Err(TestCaseError::reject("refused")) };
        let printed = compiled.to_string();
        prop_assert_eq!(printed.parse::<Pattern>(), Ok(compiled), "{}", printed);
    }

    #[test]
    fn any_text_is_read_or_refused_with_a_place_inside_it(text in r#"[\[\]{}:,"'.\\*$a-c0-9e \n-]{0,40}"#) {
        match Source::from_json(&text) {
            Ok(source) => {
                prop_assert_eq!(text.get(source.span.clone()), Some(text.trim_matches([' ', '\n'])));
                if let Err(mistakes) = Pattern::parse(&source) {
                    prop_assert!(!mistakes.is_empty());
                    prop_assert!(mistakes.iter().all(|mistake| text.get(mistake.span.clone()).is_some()));
                }
            }
            Err(mistake) => prop_assert!(text.get(mistake.span).is_some()),
        }
    }

    #[test]
    fn any_json_is_compiled_or_refused_with_a_place_inside_it(value in event()) {
        let text = Value::Object(value).to_string();
        let source = Source::from_json(&text).unwrap();
        if let Err(mistakes) = Pattern::parse(&source) {
            prop_assert!(mistakes.iter().all(|mistake| text.get(mistake.span.clone()).is_some_and(|part| !part.is_empty())));
        }
    }
}
