//! What is sent for a delivery.

use crate::config::Settings;
use http::{HeaderValue, Method, Request, header};
use patchpanel_plugin::{Delivery, Problem};

pub(crate) fn build(settings: &Settings, delivery: &Delivery) -> Result<Request<String>, Problem> {
    // Ids hold no control characters, but may hold more than ASCII. One that HTTP cannot carry is not replaced by
    // another: it has to come back the same.
    let id = HeaderValue::from_bytes(delivery.id.as_bytes())
        .map_err(|_| Problem::Reject("the delivery's id cannot be a header".to_owned()))?;
    let body = delivery.event.to_json();
    let length = HeaderValue::from(body.len());
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = settings.url.clone();
    *request.headers_mut() = settings.headers.clone();
    let headers = request.headers_mut();
    headers.insert("webhook-id", id);
    if delivery.replay > 0 {
        headers.insert("patchpanel-replay", HeaderValue::from(delivery.replay));
    }
    // Else the body would come in chunks, which not every receiver reads.
    headers.insert(header::CONTENT_LENGTH, length);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let own_agent = HeaderValue::from_static(concat!("patchpanel-webhook/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(own_agent);
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
        assert!(!request.headers().contains_key("patchpanel-replay"));
        assert!(request.body().starts_with(r#"{"id":"d1","type":"a.b""#));
        let mut again = delivery("d1#3", "a.b");
        again.replay = 3;
        let request = build(&settings, &again).unwrap();
        assert_eq!(request.headers().get("patchpanel-replay").unwrap(), "3");
        let id = build(&settings, &delivery("ü/all", "a.b"))
            .unwrap()
            .headers()
            .get("webhook-id")
            .cloned();
        assert_eq!(id.unwrap().as_bytes(), "ü/all".as_bytes());
        assert!(matches!(
            build(&settings, &delivery("d\n1", "a.b")),
            Err(Problem::Reject(_))
        ));
    }
}
