//! Reads the filters of the CloudEvents Subscriptions API, a second spelling of patterns.
//!
//! They become the same terms as event patterns: `all` lists its terms, `any` is `$or`, and `not` is `not`. What event
//! patterns refuse is that one field is asked twice; here it means "and", and becomes the matcher `all`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::matcher::{Leaf, Matcher};
use crate::mistake::{nearest, suggestion};
use crate::operators::{list_length, text, wrong_operand};
use crate::parse::{NOT, Reader};
use crate::source::{Key, Source, SourceValue};
use crate::terms::{Origin, Term};
use crate::way::Way;

const DIALECTS: [&str; 6] = ["exact", "prefix", "suffix", "all", "any", NOT];
/// An optional dialect, and its name in an early implementation.
const SQL: [&str; 2] = ["sql", "cesql"];
/// Attributes that CloudEvents must not have, or that would be shadowed by a field that is no attribute.
const NOT_ATTRIBUTES: [&str; 4] = ["channels", "data", "metadata", "payload"];
/// The field that holds the attributes that are no fields themselves.
const METADATA: &str = "metadata";

impl<'s> Reader<'s, '_> {
    /// Reads a list of filters: the terms of each.
    pub(crate) fn filters(&mut self, items: &'s [Source], span: &Range<usize>, way: &Way<'_>) -> Vec<Vec<Term<'s>>> {
        if list_length(items, span, way, self.report).is_none() {
            return Vec::new();
        }
        let items = items.iter().enumerate();
        items
            .map(|(index, item)| self.filter(item, &way.item(index)).unwrap_or_default())
            .collect()
    }

    fn filter(&mut self, source: &'s Source, way: &Way<'_>) -> Option<Vec<Term<'s>>> {
        let SourceValue::Object(members) = &source.value else {
            let message = format!("a CloudEvents filter is an object, and this is {}", source.kind());
            let help = "such as {\"exact\": {\"type\": \"git.commit\"}}";
            return self.report.advise(&source.span, way, message, help);
        };
        if is_event_pattern(members) {
            let message = "an event pattern stands where a CloudEvents filter belongs";
            let help = "a list holds CloudEvents filters; an event pattern is an object, and its alternatives are {\"$or\": [...]}";
            return self.report.advise(&source.span, way, message, help);
        }
        let [(key, operand)] = members.as_slice() else {
            let message = format!("one dialect is expected in a filter, and this has {}", members.len());
            let help = "write an object for each, such as {\"exact\": {\"type\": \"git.commit\"}}";
            return self.report.advise(&source.span, way, message, help);
        };
        let way = way.member(&key.name);
        match key.name.as_str() {
            "exact" => self.attributes(operand, &way, |text| Matcher::Text(text.into())),
            "prefix" => self.attributes(operand, &way, |text| Matcher::Prefix(text.into())),
            "suffix" => self.attributes(operand, &way, |text| Matcher::Suffix(text.into())),
            "all" => Some(self.operands(operand, &way)?.into_iter().flatten().collect()),
            "any" => Some(vec![Term::Or(self.operands(operand, &way)?)]),
            NOT => Some(vec![Term::Not {
                path: Vec::new(),
                terms: self.filter(operand, &way)?,
                origin: origin(key, &way),
            }]),
            unknown if SQL.contains(&unknown) => {
                let message = format!("`{unknown}` filters are not supported");
                let help = "write it with the other dialects, or as an event pattern, which is an object and no list";
                self.report.advise(&key.span, &way, message, help)
            }
            unknown => {
                let help = suggestion(unknown, &DIALECTS);
                self.report
                    .advise(&key.span, &way, format!("unknown dialect `{unknown}`"), help)
            }
        }
    }

    /// The operand of `all` and `any`.
    fn operands(&mut self, operand: &'s Source, way: &Way<'_>) -> Option<Vec<Vec<Term<'s>>>> {
        match &operand.value {
            SourceValue::Array(items) => Some(self.filters(items, &operand.span, way)),
            _ => wrong_operand(operand, way, "a list of filters", "[{\"exact\": {...}}]", self.report),
        }
    }

    /// The operand of `exact`, `prefix` and `suffix`: attributes, all of which must be so.
    fn attributes(
        &mut self,
        operand: &'s Source,
        way: &Way<'_>,
        matcher: impl Fn(&str) -> Matcher,
    ) -> Option<Vec<Term<'s>>> {
        let SourceValue::Object(members) = &operand.value else {
            return wrong_operand(operand, way, "an object", "{\"type\": \"git.commit\"}", self.report);
        };
        if members.is_empty() {
            let help = "such as {\"type\": \"git.commit\"}";
            return self.report.advise(&operand.span, way, "an attribute is missing", help);
        }
        let mut terms = Vec::with_capacity(members.len());
        let mut seen = BTreeSet::new();
        for (key, value) in members {
            let way = way.member(&key.name);
            if !seen.insert(&key.name) {
                let message = format!("`{}` is given twice", key.name);
                let help = "write one filter for each; put them into `any` if one is enough";
                self.report.advise::<()>(&key.span, &way, message, help);
                continue;
            }
            let path = self.attribute(key, &way);
            let text = text(value, &way, self.report);
            if text == Some("") {
                let help = "give at least one character";
                self.report.advise::<()>(&value.span, &way, "the string is empty", help);
            }
            if let (Some(path), Some(text)) = (path, text) {
                let leaf = Leaf {
                    any: Box::new([matcher(text)]),
                    or_absent: false,
                };
                let origin = origin(key, &way);
                terms.push(Term::Field { path, leaf, origin });
            }
        }
        Some(terms)
    }

    /// Where the attribute of that name stands in an event.
    fn attribute(&mut self, key: &'s Key, way: &Way<'_>) -> Option<Vec<&'s str>> {
        let name = key.name.as_str();
        if !is_attribute(name) {
            let message = format!("`{name}` cannot be an attribute");
            let help = "their names are lower-case letters and digits, and `not` is a keyword; event patterns can name other fields";
            return self.report.advise(&key.span, way, message, help);
        }
        let Some(fields) = self.fields else {
            return Some(vec![name]);
        };
        if NOT_ATTRIBUTES.contains(&name) {
            let message = format!("`{name}` is not an attribute");
            let help = "an event pattern, which is an object and no list, can look into every field";
            return self.report.advise(&key.span, way, message, help);
        }
        if name == "specversion" {
            let help = "leave it out: it is the same for all";
            return self
                .report
                .advise(&key.span, way, "events do not keep `specversion`", help);
        }
        // CloudEvents have no underscores in names: `correlationid` is the field `correlation_id`.
        let field = fields
            .iter()
            .find(|field| **field == name || field.replace('_', "") == name);
        match field {
            Some(field) => Some(vec![field]),
            None if fields.contains(&METADATA) => Some(vec![METADATA, name]),
            None => {
                let message = format!("events have no field `{name}`");
                self.report.advise(&key.span, way, message, suggestion(name, fields))
            }
        }
    }
}

fn origin(key: &Key, way: &Way<'_>) -> Origin {
    Origin {
        span: key.span.clone(),
        path: way.to_string(),
    }
}

/// Letters and digits as in CloudEvents, and underscores for fields of ours. The keyword cannot be part of a path.
fn is_attribute(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    !name.is_empty() && name.bytes().all(fits) && name != NOT
}

/// Whether an object in a list is an event pattern rather than a misspelt filter.
fn is_event_pattern(members: &[(Key, Source)]) -> bool {
    let is_field = |(key, value): &(Key, Source)| {
        matches!(value.value, SourceValue::Array(_) | SourceValue::Object(_)) && nearest(&key.name, &DIALECTS).is_none()
    };
    !members.is_empty() && members.iter().all(is_field)
}

/// Whether this is a filter to its end. No event pattern is: none has a string where a list belongs.
pub(crate) fn is_filter(source: &Source) -> bool {
    let SourceValue::Object(members) = &source.value else {
        return false;
    };
    match members.as_slice() {
        [(key, operand)] => match (key.name.as_str(), &operand.value) {
            ("exact" | "prefix" | "suffix", SourceValue::Object(members)) => {
                let is_text = |value: &Source| matches!(value.value, SourceValue::String(_));
                !members.is_empty()
                    && members
                        .iter()
                        .all(|(key, value)| is_attribute(&key.name) && is_text(value))
            }
            ("all" | "any", SourceValue::Array(items)) => !items.is_empty() && items.iter().all(is_filter),
            (NOT, _) => is_filter(operand),
            _ => false,
        },
        _ => false,
    }
}
