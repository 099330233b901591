//! The painting as a stream of JPEGs, for OBS, VLC and ffmpeg.

use super::Shared;
use crate::codec::{HEADER, WireFormat};
use crate::studio::{Looking, Painted};
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::sync::watch;

const BOUNDARY: &str = "impasto-frame";

pub(super) async fn mjpeg(State(shared): State<Shared>) -> Response {
    let kind = format!("multipart/x-mixed-replace; boundary={BOUNDARY}");
    let parts = Parts::new(shared.studio.watch(), shared.studio.looking());
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store".into())];
    (headers, Body::new(parts)).into_response()
}

type NextFrame = Pin<Box<dyn Future<Output = (watch::Receiver<Option<Arc<Painted>>>, Option<Bytes>)> + Send>>;

/// Each painted frame as one part; slow readers miss frames.
struct Parts {
    next: Option<NextFrame>,
    _looking: Looking,
}

impl Parts {
    fn new(frames: watch::Receiver<Option<Arc<Painted>>>, looking: Looking) -> Self {
        Self { next: Some(Box::pin(next_part(frames))), _looking: looking }
    }
}

async fn next_part(
    mut frames: watch::Receiver<Option<Arc<Painted>>>,
) -> (watch::Receiver<Option<Arc<Painted>>>, Option<Bytes>) {
    loop {
        if frames.changed().await.is_err() {
            return (frames, None);
        }
        let newest = frames.borrow_and_update().clone();
        if let Some(painted) = newest {
            // Coding takes a while; others are served meanwhile.
            return (frames, tokio::task::spawn_blocking(move || part(&painted)).await.ok());
        }
    }
}

fn part(painted: &Painted) -> Bytes {
    let message = painted.message(WireFormat::Jpeg);
    let jpeg = &message[HEADER..];
    let mut bytes =
        format!("--{BOUNDARY}\r\nContent-Type: image/jpeg\r\nContent-Length: {}\r\n\r\n", jpeg.len())
            .into_bytes();
    bytes.extend_from_slice(jpeg);
    bytes.extend_from_slice(b"\r\n");
    bytes.into()
}

impl axum::body::HttpBody for Parts {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Infallible>>> {
        let Some(next) = &mut self.next else { return Poll::Ready(None) };
        let Poll::Ready((frames, part)) = next.as_mut().poll(context) else { return Poll::Pending };
        self.next = part.is_some().then(|| Box::pin(next_part(frames)) as NextFrame);
        Poll::Ready(part.map(|bytes| Ok(http_body::Frame::data(bytes))))
    }
}
