//! What stands in a request.

use crate::cloudevents;
use http::{HeaderMap, HeaderValue, header};
use patchpanel_plugin::{ConfigError, Delivery, Problem};
use plugin_message::Templates;
use serde::Deserialize;

/// As written.
#[derive(Debug, Deserialize)]
#[serde(
    untagged,
    deny_unknown_fields,
    expecting = "expected \"native\", \"cloudevents\", \"cloudevents-binary\" or { template = \"...\" }"
)]
pub(crate) enum Written {
    Named(Named),
    Template {
        template: String,
        #[serde(default)]
        content_type: Option<String>,
    },
}

#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Named {
    Native,
    Cloudevents,
    CloudeventsBinary,
}

/// As needed.
#[derive(Debug)]
pub(crate) enum Body {
    Native,
    CloudEvents,
    CloudEventsBinary,
    Template {
        templates: Box<Templates>,
        content_type: HeaderValue,
    },
}

/// What the template is called in messages.
const PATH: &str = "body.template";

impl Written {
    pub(crate) fn check(self, errors: &mut Vec<ConfigError>) -> Body {
        let (template, content_type) = match self {
            Self::Named(Named::Native) => return Body::Native,
            Self::Named(Named::Cloudevents) => return Body::CloudEvents,
            Self::Named(Named::CloudeventsBinary) => return Body::CloudEventsBinary,
            Self::Template { template, content_type } => (template, content_type),
        };
        let mut templates = Templates::new();
        errors.extend(templates.add(PATH, &template).err());
        let content_type = content_type.as_deref().unwrap_or("application/json");
        let content_type = HeaderValue::from_str(content_type).unwrap_or_else(|_| {
            errors.push(ConfigError::new(
                "body.content_type",
                "must have visible ASCII characters only",
            ));
            HeaderValue::from_static("")
        });
        Body::Template {
            templates: Box::new(templates),
            content_type,
        }
    }
}

impl Body {
    /// The body of a request, and its headers.
    ///
    /// # Errors
    /// Where a template fails.
    pub(crate) fn write(&self, delivery: &Delivery, headers: &mut HeaderMap) -> Result<String, Problem> {
        let event = &delivery.event;
        let (content_type, body) = match self {
            Self::Native => (HeaderValue::from_static("application/json"), event.to_json()),
            Self::CloudEvents => (
                HeaderValue::from_static("application/cloudevents+json; charset=utf-8"),
                cloudevents::structured(event),
            ),
            Self::CloudEventsBinary => (
                HeaderValue::from_static("application/json"),
                cloudevents::binary(event, headers),
            ),
            Self::Template {
                templates,
                content_type,
            } => (content_type.clone(), templates.render(PATH, delivery)?),
        };
        headers.insert(header::CONTENT_TYPE, content_type);
        Ok(body)
    }
}
