//! A plugin's own JSON Schema of its configuration, held against what the operator wrote before the plugin sees it.

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError, Validator};
use serde_json::Value;

use crate::{ConfigMistake, DeclarationError, LoadError};

/// Most mistakes that are told at once.
const MISTAKES: usize = 64;
/// Largest compiled pattern: schemas come from strangers.
const PATTERN_BYTES: usize = 1 << 20;

/// A schema that was read.
pub(crate) struct Schema(Validator);

impl Schema {
    /// Reads a schema. Nothing that it refers to is fetched, and its patterns run in linear time.
    pub(crate) fn new(schema: &Value) -> Result<Schema, LoadError> {
        let patterns = PatternOptions::regex().size_limit(PATTERN_BYTES);
        jsonschema::options()
            .with_pattern_options(patterns)
            .build(schema)
            .map(Schema)
            .map_err(|error| DeclarationError::Wrong(format!("`config_schema` is no JSON Schema: {error}")).into())
    }

    /// Every mistake, with its dotted path.
    pub(crate) fn check(&self, config: &Value) -> Result<(), LoadError> {
        let mistake = |error: ValidationError<'_>| ConfigMistake {
            path: dotted(&error.instance_path().to_string()),
            message: message(&error),
        };
        let mistakes: Vec<_> = self.0.iter_errors(config).take(MISTAKES).map(mistake).collect();
        match mistakes.is_empty() {
            true => Ok(()),
            false => Err(LoadError::Configuration(mistakes)),
        }
    }
}

/// Values are left out: there may be a secret among them. Of words to choose from, all are told.
fn message(error: &ValidationError<'_>) -> String {
    let words = match error.kind() {
        ValidationErrorKind::Enum { options } => options.as_array(),
        _ => None,
    };
    let Some(words) = words else {
        return error.masked_with("the value").to_string();
    };
    let words: Vec<String> = words.iter().map(ToString::to_string).collect();
    format!("the value is not one of {}", words.join(", "))
}

/// `/classes/0` is `classes.0` everywhere else.
fn dotted(pointer: &str) -> String {
    let names = pointer.split('/').skip(1);
    let names: Vec<String> = names.map(|name| name.replace("~1", "/").replace("~0", "~")).collect();
    names.join(".")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    fn mistakes(schema: &Value, config: &Value) -> Vec<String> {
        match Schema::new(schema).unwrap().check(config) {
            Err(LoadError::Configuration(mistakes)) => mistakes.iter().map(ToString::to_string).collect(),
            other => vec![format!("{other:?}")],
        }
    }

    #[test]
    fn all_mistakes_come_with_their_places_and_without_values() {
        let schema = json!({
            "type": "object",
            "properties": {"a/b": {"items": {"type": "integer"}}, "style": {"enum": ["mask", "label"]}, "token": {"maxLength": 3}},
            "additionalProperties": false,
        });
        let config = json!({"a/b": [1, "two"], "style": "none", "token": "hunter22", "typo": 1});
        assert_eq!(
            mistakes(&schema, &config),
            [
                "a/b.1: the value is not of type \"integer\"",
                "style: the value is not one of \"mask\", \"label\"",
                "token: the value is longer than 3 characters",
                "Additional properties are not allowed ('typo' was unexpected)",
            ]
        );
    }

    #[test]
    fn a_schema_cannot_reach_out_or_take_its_time() {
        for schema in [
            json!({"$ref": "http://127.0.0.1:1/schema"}),
            json!({"$ref": "file:///etc/passwd"}),
            json!({"type": "nothing"}),
            json!({"pattern": "(a"}),
        ] {
            assert!(
                matches!(Schema::new(&schema), Err(LoadError::Declaration(_))),
                "{schema}"
            );
        }
        let schema = json!({"properties": {"x": {"pattern": "^(a+)+$"}}});
        assert_eq!(mistakes(&schema, &json!({"x": "a".repeat(100_000) + "b"})).len(), 1);
    }
}
