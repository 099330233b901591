//! Answers: errors as JSON whoever makes them, and the headers that stand in all.

use super::Shared;
use crate::LiveError;
use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use impasto_studio::StudioError;
use serde_json::json;

/// No request that is answered with an error of another library has more words than this.
const MAX_WORDS: usize = 4096;

/// A request that is not done, and why.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    pub why: String,
}

impl Refusal {
    pub fn new(status: StatusCode, why: impl Into<String>) -> Self {
        Self { status, why: why.into() }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.status, Json(json!({ "error": self.why }))).into_response()
    }
}

impl From<LiveError> for Refusal {
    fn from(why: LiveError) -> Self {
        let status = match why {
            LiveError::Studio(StudioError::Style(_)) => StatusCode::NOT_FOUND,
            LiveError::Camera(_) | LiveError::Record(_) | LiveError::Deepen(_) | LiveError::Listen { .. } => {
                StatusCode::CONFLICT
            }
            LiveError::NoRoom(_) => StatusCode::INSUFFICIENT_STORAGE,
            LiveError::Studio(
                StudioError::Setting { .. }
                | StudioError::BuiltIn(_)
                | StudioError::Paint(_)
                | StudioError::StyleFile(_)
                | StudioError::Message(_),
            )
            | LiveError::Picture(_) => StatusCode::BAD_REQUEST,
        };
        Self::new(status, why.to_string())
    }
}

/// Nothing may be loaded from elsewhere, sent elsewhere, or shown inside a page of somebody else.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; media-src 'self' blob:; \
    connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const PERMISSIONS: &str = "camera=(self), microphone=(self), fullscreen=(self), midi=(self), display-capture=(), geolocation=(), \
    payment=(), usb=(), serial=(), hid=()";

/// In every answer.
const HEADERS: [(HeaderName, &str); 8] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_POLICY),
    (HeaderName::from_static("permissions-policy"), PERMISSIONS),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
];

/// Puts the headers into every answer, and words into JSON where an error is none yet.
pub(super) async fn complete(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let failed = response.status().is_client_error() || response.status().is_server_error();
    let kind = response.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    if failed && kind != Some("application/json") {
        response = worded(response).await;
    }
    for (name, value) in HEADERS {
        response.headers_mut().entry(name).or_insert(HeaderValue::from_static(value));
    }
    response
}

/// The error of another library, with its words or those of its status.
async fn worded(response: Response) -> Response {
    let status = response.status();
    let allow = response.headers().get(header::ALLOW).cloned();
    let words = axum::body::to_bytes(response.into_body(), MAX_WORDS).await.unwrap_or_default();
    let words = String::from_utf8_lossy(&words).trim().to_string();
    let usual = status.canonical_reason().unwrap_or("the request failed").to_lowercase();
    let mut response = Refusal::new(status, if words.is_empty() { usual } else { words }).into_response();
    if let Some(allow) = allow {
        response.headers_mut().insert(header::ALLOW, allow);
    }
    response
}

pub(super) async fn not_found() -> Refusal {
    Refusal::new(StatusCode::NOT_FOUND, "there is nothing at this address; docs/live.md lists what there is")
}

pub(super) async fn wrong_method() -> Refusal {
    Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "this address takes another method; docs/live.md lists them")
}

/// A page. A token in its address becomes a cookie, so that the page can take it out of the address bar.
pub(super) async fn page(State(shared): State<Shared>, request: Request, text: &'static str) -> Response {
    let mut response = Html(text).into_response();
    if shared.guard.is_known(&request)
        && let Ok(cookie) = HeaderValue::from_str(&shared.guard.cookie())
    {
        response.headers_mut().insert(header::SET_COOKIE, cookie);
    }
    response
}

/// A file of the page.
pub(super) fn asset(kind: &'static str, bytes: &'static str) -> Response {
    ([(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-cache")], Body::from(bytes)).into_response()
}
