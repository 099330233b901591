//! Bodies of requests: bounded in size and in time.

use super::Shared;
use super::answer::Refusal;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use serde::de::DeserializeOwned;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

/// JSON is never longer.
const MAX_JSON_BYTES: usize = 64 << 10;

/// How long others may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For the whole head of a request, from the connection or from the last request on.
    pub head: Duration,
    /// For each next part of a body.
    pub part: Duration,
    /// For a whole body.
    pub body: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self { head: Duration::from_secs(10), part: Duration::from_secs(10), body: Duration::from_secs(120) }
    }
}

/// Reads a body of at most `most` bytes.
pub(super) async fn read(request: Request, most: usize, patience: Patience) -> Result<Bytes, Refusal> {
    let too_large = || {
        Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is too large; here it may have {most} bytes"),
        )
    };
    let claimed =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if claimed.is_some_and(|bytes: usize| bytes > most) {
        return Err(too_large());
    }
    let mut body: Body = request.into_body();
    let (end, mut bytes) =
        (Instant::now() + patience.body, Vec::with_capacity(claimed.unwrap_or(0).min(1 << 20)));
    loop {
        let next = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let late = |_| Refusal::new(StatusCode::REQUEST_TIMEOUT, "the body did not come in time");
        match timeout_at(end.min(Instant::now() + patience.part), next).await.map_err(late)? {
            None => return Ok(bytes.into()),
            Some(Err(why)) => {
                return Err(Refusal::new(StatusCode::BAD_REQUEST, format!("the body broke off: {why}")));
            }
            Some(Ok(frame)) => bytes.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
        }
        if bytes.len() > most {
            return Err(too_large());
        }
    }
}

/// A body of JSON.
pub(super) struct Parsed<T>(pub T);

impl<T: DeserializeOwned> FromRequest<Shared> for Parsed<T> {
    type Rejection = Refusal;

    async fn from_request(request: Request, shared: &Shared) -> Result<Self, Refusal> {
        let kind =
            request.headers().get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("");
        // Pages of other origins cannot send this kind without asking first.
        if kind.split(';').next().is_none_or(|kind| !kind.trim().eq_ignore_ascii_case("application/json")) {
            return Err(Refusal::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "the body must be JSON, with the header content-type: application/json",
            ));
        }
        let bytes = read(request, MAX_JSON_BYTES, shared.patience).await?;
        let value = serde_json::from_slice(&bytes);
        let wrong = |why| {
            Refusal::new(StatusCode::BAD_REQUEST, format!("the body is not the JSON that is wanted: {why}"))
        };
        value.map(Parsed).map_err(wrong)
    }
}
