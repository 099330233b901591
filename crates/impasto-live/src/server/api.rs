//! The HTTP API: JSON in and out; errors are `{"error": "…"}`. Described in `docs/live.md`.

use super::Shared;
use crate::LiveError;
use crate::record::Recording;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
use serde::Deserialize;
use serde_json::{Value, json};

impl IntoResponse for LiveError {
    fn into_response(self) -> Response {
        let status = match self {
            LiveError::Style(_) => StatusCode::NOT_FOUND,
            LiveError::Camera(_) | LiveError::Record(_) | LiveError::Listen { .. } => StatusCode::CONFLICT,
            _ => StatusCode::BAD_REQUEST,
        };
        (status, Json(json!({ "error": self.to_string() }))).into_response()
    }
}

/// Runs what takes longer than a moment beside the server.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(value) => value,
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}

pub(super) async fn state(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.studio.state())
}

pub(super) async fn stats(State(shared): State<Shared>) -> Response {
    Json(shared.studio.report()).into_response()
}

pub(super) async fn settings(
    State(shared): State<Shared>,
    Json(patch): Json<Value>,
) -> Result<Response, LiveError> {
    Ok(Json(shared.studio.patch(&patch)?).into_response())
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: Option<String>,
}

pub(super) async fn add_style(
    State(shared): State<Shared>,
    Query(named): Query<Named>,
    bytes: Bytes,
) -> Result<Response, LiveError> {
    let name = named.name.unwrap_or_else(|| "dropped".into());
    let id = beside(move || shared.studio.drop_style(&bytes, &name)).await?;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

pub(super) async fn remove_style(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, LiveError> {
    shared.studio.remove_style(&id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn thumb(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, LiveError> {
    let bytes = shared.studio.thumb(&id).ok_or(LiveError::Style(id))?;
    Ok(([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-cache")], bytes).into_response())
}

pub(super) async fn snapshot(State(shared): State<Shared>) -> Result<Response, LiveError> {
    let painted = shared.studio.watch().borrow().clone();
    let painted = painted.ok_or_else(|| LiveError::Camera("no frame has been painted yet".into()))?;
    let encode = move || {
        let still = Still::from_image(painted.image().clone());
        still::encode(&still, OutputFormat::Png, WriteOptions::default())
    };
    Ok(([(header::CONTENT_TYPE, "image/png")], beside(encode).await?).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RecordRequest {
    on: bool,
    file: Option<String>,
    #[serde(default)]
    sound: bool,
}

pub(super) async fn record(
    State(shared): State<Shared>,
    Json(request): Json<RecordRequest>,
) -> Result<Response, LiveError> {
    let refuse = |what: &str| Err(LiveError::Record(what.into()));
    if !request.on {
        let studio = shared.studio.clone();
        let file = beside(move || studio.finish_recording()).await?;
        return Ok(Json(json!({ "recording": null, "finished": file })).into_response());
    }
    let Some(recorders) = shared.recorders.clone() else { return refuse("this server cannot record") };
    let name = request.file.unwrap_or_else(|| format!("impasto-{:.0}.mp4", crate::now_ms() / 1e3));
    if name.contains(['/', '\\']) || name.starts_with('.') || !name.ends_with(".mp4") {
        return refuse(
            "the file is a plain name ending in .mp4; it is written to the folder where `impasto live` runs",
        );
    }
    let path = shared.folder.join(&name);
    if path.exists() {
        return refuse("that file exists; choose another name");
    }
    shared.studio.record(Recording::new(name.clone(), request.sound, recorders(&path, request.sound)?))?;
    Ok(Json(json!({ "recording": name })).into_response())
}
