//! What is sent for a delivery.

use crate::config::Settings;
use crate::sign;
use http::{HeaderValue, Method, Request, header};
use patchpanel_plugin::{Delivery, Problem};
use std::time::{SystemTime, UNIX_EPOCH};

/// The request of an attempt that is made `now`.
pub(crate) fn build(settings: &Settings, delivery: &Delivery, now: SystemTime) -> Result<Request<String>, Problem> {
    // Ids hold no control characters, but may hold more than ASCII. One that HTTP cannot carry is not replaced by
    // another: it has to come back the same.
    let id = HeaderValue::from_bytes(delivery.id.as_bytes())
        .map_err(|_| Problem::Reject("the delivery's id cannot be a header".to_owned()))?;
    let mut headers = settings.headers.clone();
    let body = settings.body.write(delivery, &mut headers)?;
    if body.len() > settings.max_body {
        return Err(Problem::Reject(format!(
            "the body has {} bytes, more than `max_body` ({})",
            body.len(),
            settings.max_body
        )));
    }
    let timestamp = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    headers.insert("webhook-id", id);
    headers.insert("webhook-timestamp", HeaderValue::from(timestamp));
    if !settings.keys.is_empty() {
        let signatures = sign::header(&settings.keys, &delivery.id, timestamp, &body);
        let signatures = HeaderValue::try_from(signatures)
            .map_err(|_| Problem::Reject("the signatures cannot be a header".to_owned()))?;
        headers.insert("webhook-signature", signatures);
    }
    if delivery.replay > 0 {
        headers.insert("patchpanel-replay", HeaderValue::from(delivery.replay));
    }
    let own_agent = HeaderValue::from_static(concat!("patchpanel-webhook/", env!("CARGO_PKG_VERSION")));
    headers.entry(header::USER_AGENT).or_insert(own_agent);
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    *request.uri_mut() = settings.url.clone();
    *request.headers_mut() = headers;
    Ok(request)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use crate::Config;
    use patchpanel_plugin::testing::{delivery, grant_secret};
    use std::time::Duration;

    fn settings(json: &str) -> Settings {
        serde_json::from_str::<Config>(json).unwrap().check().unwrap()
    }

    fn built(settings: &Settings, delivery: &Delivery) -> Result<Request<String>, Problem> {
        build(
            settings,
            delivery,
            UNIX_EPOCH + Duration::from_millis(1_614_265_330_900),
        )
    }

    #[test]
    fn a_request() {
        let settings = settings(r#"{"url": "http://h.example/x", "headers": {"X-A": "b"}}"#);
        let request = built(&settings, &delivery("d1", "a.b")).unwrap();
        assert_eq!(
            (request.method(), request.uri().to_string().as_str()),
            (&Method::POST, "http://h.example/x")
        );
        for (name, value) in [
            ("webhook-id", "d1"),
            ("webhook-timestamp", "1614265330"),
            ("x-a", "b"),
            ("content-type", "application/json"),
        ] {
            assert_eq!(request.headers().get(name).unwrap(), value);
        }
        for absent in ["patchpanel-replay", "webhook-signature"] {
            assert!(!request.headers().contains_key(absent));
        }
        assert!(request.body().starts_with(r#"{"id":"d1","type":"a.b""#));
        let mut again = delivery("d1#3", "a.b");
        again.replay = 3;
        let request = built(&settings, &again).unwrap();
        assert_eq!(request.headers().get("patchpanel-replay").unwrap(), "3");
        let request = built(&settings, &delivery("ü/all", "a.b")).unwrap();
        assert_eq!(
            request.headers().get("webhook-id").unwrap().as_bytes(),
            "ü/all".as_bytes()
        );
        assert!(matches!(
            built(&settings, &delivery("d\n1", "a.b")),
            Err(Problem::Reject(_))
        ));
    }

    #[test]
    fn what_is_signed_is_what_is_sent() {
        grant_secret("key", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let settings = settings(
            r#"{"url": "http://h.example/x", "sign": ["key"], "body": {"template": "{\"test\": {{ payload.n }}}"}}"#,
        );
        let mut delivery = delivery("msg_p5jXN8AQM9LWM0D4loKWxJek", "a.b");
        delivery.event.payload = r#"{"n": 2432232314}"#.to_owned();
        let request = built(&settings, &delivery).unwrap();
        assert_eq!(
            request.headers().get("webhook-signature").unwrap(),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }

    #[test]
    fn a_body_at_the_limit_goes_and_one_byte_more_does_not() {
        let template = |limit: usize| {
            settings(&format!(
                r#"{{"url": "http://h.example/x", "max_body": {limit}, "body": {{"template": "12345", "content_type": "text/plain"}}}}"#
            ))
        };
        let request = built(&template(5), &delivery("d", "t")).unwrap();
        assert_eq!(request.headers().get("content-type").unwrap(), "text/plain");
        assert!(
            matches!(built(&template(4), &delivery("d", "t")), Err(Problem::Reject(why)) if why.contains("5 bytes"))
        );
    }

    #[test]
    fn cloudevents_in_both_modes() {
        for (body, content_type) in [
            ("cloudevents", "application/cloudevents+json; charset=utf-8"),
            ("cloudevents-binary", "application/json"),
        ] {
            let settings = settings(&format!(r#"{{"url": "http://h.example/x", "body": "{body}"}}"#));
            let request = built(&settings, &delivery("d", "t")).unwrap();
            assert_eq!(request.headers().get("content-type").unwrap(), content_type);
            assert_eq!(request.headers().contains_key("ce-id"), body == "cloudevents-binary");
        }
    }
}
