//! What is sent for a delivery.

use crate::config::Settings;
use http::{HeaderValue, Method, Request, header};
use patchpanel_plugin::{Delivery, Problem};

pub(crate) fn build(settings: &Settings, delivery: &Delivery) -> Result<Request<String>, Problem> {
    // The id has to come back the same, so one that HTTP cannot carry is not replaced by another.
    let id = HeaderValue::from_str(&delivery.id)
        .map_err(|_| Problem::Reject("the delivery's id cannot be a header".to_owned()))?;
    let mut request = Request::new(delivery.event.to_json());
    *request.method_mut() = Method::POST;
    *request.uri_mut() = settings.url.clone();
    *request.headers_mut() = settings.headers.clone();
    let headers = request.headers_mut();
    headers.insert("webhook-id", id);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        header::USER_AGENT,
        HeaderValue::from_static(concat!("patchpanel-webhook/", env!("CARGO_PKG_VERSION"))),
    );
    Ok(request)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Config;
    use patchpanel_plugin::testing::delivery;

    #[test]
    fn a_request() {
        let config: Config = serde_json::from_str(r#"{"url": "http://h.example/x", "headers": {"X-A": "b"}}"#).unwrap();
        let settings = config.check().unwrap();
        let request = build(&settings, &delivery("d1", "a.b")).unwrap();
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "http://h.example/x")
        );
        for (name, value) in [("webhook-id", "d1"), ("x-a", "b"), ("content-type", "application/json")] {
            assert_eq!(request.headers().get(name).unwrap(), value);
        }
        assert!(request.body().starts_with(r#"{"id":"d1","type":"a.b""#));
        assert!(matches!(
            build(&settings, &delivery("d\n1", "a.b")),
            Err(Problem::Reject(_))
        ));
    }
}
