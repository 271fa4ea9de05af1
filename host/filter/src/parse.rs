//! Reads the objects of a pattern: fields, paths, `$or` and `not`.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::cloudevents;
use crate::collisions;
use crate::limits::MAX_PATH_NAMES;
use crate::mistake::{Report, nearest, suggestion};
use crate::operators::{self, OPERATORS, list_length};
use crate::source::{Key, Source, SourceValue};
use crate::terms::{Origin, Term};
use crate::way::Way;

/// The key whose objects are alternatives.
pub(crate) const OR: &str = "$or";
/// The key whose object must not hold; an addition to event-ruler.
pub(crate) const NOT: &str = "not";

/// Where the reader is.
#[derive(Clone)]
struct Place<'s, 'w> {
    /// Names since the innermost `not`.
    names: Vec<&'s str>,
    /// Names outside the innermost `not`.
    outside: usize,
    /// The way here through the text.
    way: Way<'w>,
    /// Whether the object here is the value of a field, rather than the pattern itself or an operand of `$or` or `not`.
    of_field: bool,
}

impl Place<'_, '_> {
    fn is_top(&self) -> bool {
        self.names.is_empty() && self.outside == 0
    }
}

/// Reads patterns for events that have these top-level fields; `None` is any.
pub(crate) struct Reader<'s, 'r> {
    pub(crate) fields: Option<&'s [&'s str]>,
    pub(crate) report: &'r mut Report,
}

impl<'s> Reader<'s, '_> {
    /// Reads a whole pattern. What it returns is of use only if nothing was reported.
    pub(crate) fn read(&mut self, source: &'s Source) -> Vec<Term<'s>> {
        match &source.value {
            SourceValue::Object(_) if cloudevents::is_filter(source) => {
                let message = "CloudEvents filters are a list, and this is one filter alone";
                self.report
                    .advise::<()>(&source.span, &Way::Top, message, "put it into brackets: [{...}]");
                Vec::new()
            }
            SourceValue::Object(members) => {
                let top = Place {
                    names: Vec::new(),
                    outside: 0,
                    way: Way::Top,
                    of_field: false,
                };
                let terms = self.object(members, &source.span, &top);
                collisions::refuse(&terms, self.report);
                terms
            }
            SourceValue::Array(items) => {
                let filters = self.filters(items, &source.span, &Way::Top);
                filters.into_iter().flatten().collect()
            }
            _ => {
                let message = format!("a pattern is an object, and this is {}", source.kind());
                self.report
                    .advise::<()>(&source.span, &Way::Top, message, "such as {\"type\": [\"git.commit\"]}");
                Vec::new()
            }
        }
    }

    fn object(&mut self, members: &'s [(Key, Source)], span: &Range<usize>, place: &Place<'s, '_>) -> Vec<Term<'s>> {
        if members.is_empty() {
            let help = if place.is_top() {
                "to match every event, give no pattern"
            } else {
                "give at least one field"
            };
            self.report
                .advise::<()>(span, &place.way, "an empty object asks for nothing", help);
        }
        let mut terms = Vec::new();
        let mut seen = BTreeSet::new();
        for (key, value) in members {
            if !seen.insert(key.name.as_str()) {
                let message = format!("`{}` is given twice", key.name);
                let help = "put all of its values into one list";
                self.report
                    .advise::<()>(&key.span, &place.way.member(&key.name), message, help);
                continue;
            }
            match key.name.as_str() {
                OR => terms.extend(self.or(value, place)),
                NOT => terms.extend(self.not(key, value, place)),
                _ => self.field(key, value, place, &mut terms),
            }
        }
        terms
    }

    fn or(&mut self, value: &'s Source, place: &Place<'s, '_>) -> Option<Term<'s>> {
        let way = place.way.member(OR);
        let SourceValue::Array(items) = &value.value else {
            let message = format!("`$or` takes a list of objects, and this is {}", value.kind());
            let help = "such as [{\"type\": [\"a\"]}, {\"source\": [\"b\"]}]";
            return self.report.advise(&value.span, &way, message, help);
        };
        if items.len() < 2 {
            let help = "with one object alone, write its fields beside the others";
            self.report
                .advise::<()>(&value.span, &way, "`$or` needs at least two objects", help);
        } else {
            list_length(items, &value.span, &way, self.report);
        }
        let mut branches = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            let branch = Place {
                way: way.item(index),
                of_field: false,
                ..place.clone()
            };
            match &item.value {
                SourceValue::Object(members) => branches.push(self.object(members, &item.span, &branch)),
                _ => {
                    let message = format!("an object is expected in `$or`, and this is {}", item.kind());
                    self.report
                        .advise::<()>(&item.span, &branch.way, message, "such as {\"type\": [\"git.commit\"]}");
                }
            }
        }
        Some(Term::Or(branches))
    }

    fn not(&mut self, key: &'s Key, value: &'s Source, place: &Place<'s, '_>) -> Option<Term<'s>> {
        let way = place.way.member(NOT);
        let SourceValue::Object(members) = &value.value else {
            let message = format!("`not` takes a pattern, and this is {}", value.kind());
            let help = "write \"not\": {\"field\": [...]}; a field that is named `not` cannot be used";
            return self.report.advise(&value.span, &way, message, help);
        };
        let inside = Place {
            names: Vec::new(),
            outside: place.outside.saturating_add(place.names.len()),
            way,
            of_field: false,
        };
        let terms = self.object(members, &value.span, &inside);
        let origin = Origin {
            span: key.span.clone(),
            path: way.to_string(),
        };
        Some(Term::Not {
            path: place.names.clone(),
            terms,
            origin,
        })
    }

    fn field(&mut self, key: &'s Key, value: &'s Source, place: &Place<'s, '_>, terms: &mut Vec<Term<'s>>) {
        let way = place.way.member(&key.name);
        if self.misplaced_operator(key, value, place, &way) || self.misspelt_or(key, value, &way) {
            return;
        }
        // A wrong path is no reason to keep quiet about what is wrong below it.
        let names = self.path(key, place, &way).unwrap_or_else(|| vec![&key.name]);
        match &value.value {
            SourceValue::Array(items) => {
                if let Some(leaf) = operators::leaf(items, &value.span, &way, self.report) {
                    let origin = Origin {
                        span: key.span.clone(),
                        path: way.to_string(),
                    };
                    terms.push(Term::Field {
                        path: names,
                        leaf,
                        origin,
                    });
                }
            }
            SourceValue::Object(members) => {
                let inside = Place {
                    names,
                    outside: place.outside,
                    way,
                    of_field: true,
                };
                terms.extend(self.object(members, &value.span, &inside));
            }
            _ => {
                let message = format!("a list or an object is expected, and this is {}", value.kind());
                let help = format!("write [{}]", value.scalar_text().unwrap_or_default());
                self.report.advise::<()>(&value.span, &way, message, help);
            }
        }
    }

    /// The names from the innermost `not` down to this key's field.
    fn path(&mut self, key: &'s Key, place: &Place<'s, '_>, way: &Way<'_>) -> Option<Vec<&'s str>> {
        let mut names = place.names.clone();
        for name in key.name.split('.') {
            match name {
                "" => {
                    let help = "a dot separates two names, as in `payload.user`";
                    return self.report.advise(&key.span, way, "a name in the path is empty", help);
                }
                OR | NOT => {
                    let message = format!("`{name}` is a keyword and cannot be part of a path");
                    let help = format!("write it as a key of its own: {{\"payload\": {{\"{name}\": ...}}}}");
                    return self.report.advise(&key.span, way, message, help);
                }
                name => names.push(name),
            }
        }
        if place.outside.saturating_add(names.len()) > MAX_PATH_NAMES {
            return self
                .report
                .refuse(&key.span, way, format!("the path has more than {MAX_PATH_NAMES} names"));
        }
        if let (true, Some(fields), Some(first)) = (place.is_top(), self.fields, names.first())
            && !fields.contains(first)
        {
            let mut help = suggestion(first, fields);
            if nearest(first, fields).is_none() && fields.contains(&"payload") {
                help.push_str(&format!("; a field of the payload is written `payload.{}`", key.name));
            }
            return self
                .report
                .advise(&key.span, way, format!("events have no field `{first}`"), help);
        }
        Some(names)
    }

    /// Refuses an operator where a field's name belongs, as in `{"type": {"prefix": "git."}}`.
    fn misplaced_operator(&mut self, key: &Key, value: &Source, place: &Place<'_, '_>, way: &Way<'_>) -> bool {
        if !OPERATORS.contains(&key.name.as_str()) {
            return false;
        }
        let operand_like = match (&value.value, key.name.as_str()) {
            (SourceValue::Array(_), "anything-but" | "all") => place.of_field,
            (SourceValue::Array(items), "numeric") => {
                let sign = items.first().map(|item| &item.value);
                place.of_field
                    && matches!(sign, Some(SourceValue::String(sign)) if sign.starts_with(['=', '<', '>', '!']))
            }
            (SourceValue::Object(members), "anything-but" | "prefix" | "suffix") => {
                place.of_field && matches!(members.as_slice(), [(inner, _)] if OPERATORS.contains(&inner.name.as_str()))
            }
            (SourceValue::Array(_) | SourceValue::Object(_), _) => false,
            _ => true,
        };
        if operand_like {
            let message = format!("the operator `{}` stands where a field's name belongs", key.name);
            let name = key.name.as_str();
            let path: Vec<&str> = place.names.iter().copied().chain([name]).collect();
            let mut help = format!("put it into the field's list: [{{\"{name}\": ...}}]");
            if path.len() > 1 {
                help.push_str(&format!("; if it is a field, write the key \"{}\"", path.join(".")));
            }
            self.report.advise::<()>(&key.span, way, message, help);
        }
        operand_like
    }

    /// Refuses other spellings of `$or`.
    fn misspelt_or(&mut self, key: &Key, value: &Source, way: &Way<'_>) -> bool {
        let alike = ["or", "$or", "any", "$any", "anyof", "||"]
            .iter()
            .any(|or| key.name.eq_ignore_ascii_case(or));
        let SourceValue::Array(items) = &value.value else {
            return false;
        };
        let of_pattern = |item: &Source| match &item.value {
            SourceValue::Object(members) => members.iter().all(|(key, _)| !OPERATORS.contains(&key.name.as_str())),
            _ => false,
        };
        let misspelt = alike && items.len() > 1 && items.iter().all(of_pattern);
        if misspelt {
            let message = format!("alternatives are written `$or`, not `{}`", key.name);
            self.report
                .advise::<()>(&key.span, way, message, "write \"$or\": [{...}, {...}]");
        }
        misspelt
    }
}
