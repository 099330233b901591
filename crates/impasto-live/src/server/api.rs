//! The HTTP API: JSON in and out; errors are `{"error": "…"}`. Described in `docs/live.md`.

use super::Shared;
use super::answer::Refusal;
use super::body::{self, Parsed};
use crate::dropped::MAX_DROP_BYTES;
use crate::record::Recording;
use crate::{DeepenRequest, LiveError, Studio};
use axum::Json;
use axum::extract::{Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use impasto_media::still::{self, OutputFormat, Still, WriteOptions};
use impasto_studio::StudioError;
use serde::Deserialize;
use serde_json::{Value, json};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Mutex, Semaphore};

/// Pictures that may wait to become styles.
const MAX_WAITING_STYLES: usize = 8;

/// What is done by one helper at a time, so that it cannot take all of them.
pub(super) struct Turns {
    /// Decoding a picture takes hundreds of megabytes.
    styles: Semaphore,
    waiting_styles: AtomicUsize,
    thumbs: Semaphore,
    recording: Mutex<()>,
}

impl Default for Turns {
    fn default() -> Self {
        let (styles, thumbs) = (Semaphore::new(1), Semaphore::new(1));
        Self { styles, waiting_styles: AtomicUsize::new(0), thumbs, recording: Mutex::new(()) }
    }
}

/// Counts as long as it lives.
struct Waits<'a>(&'a AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs what takes longer than a moment beside the server.
pub(super) async fn beside<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(|_| {
        Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, "the program failed at this; please report it")
    })
}

pub(super) async fn state(State(shared): State<Shared>) -> Json<Value> {
    Json(shared.studio.state())
}

pub(super) async fn stats(State(shared): State<Shared>) -> Response {
    Json(shared.studio.report()).into_response()
}

pub(super) async fn settings(
    State(shared): State<Shared>,
    Parsed(patch): Parsed<Value>,
) -> Result<Response, Refusal> {
    Ok(Json(shared.studio.patch(&patch)?).into_response())
}

#[derive(Deserialize)]
pub(super) struct Named {
    name: Option<String>,
}

pub(super) async fn add_style(
    State(shared): State<Shared>,
    Query(named): Query<Named>,
    request: Request,
) -> Result<Response, Refusal> {
    let turns = shared.turns.clone();
    let waits = Waits(&turns.waiting_styles);
    if turns.waiting_styles.fetch_add(1, Ordering::SeqCst) >= MAX_WAITING_STYLES {
        let why = "too many pictures at once; they are read one at a time, try again in a moment";
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, why));
    }
    let _turn = turns.styles.acquire().await.expect("it is never closed");
    drop(waits);
    let bytes = body::read(request, MAX_DROP_BYTES, shared.patience).await?;
    let name = named.name.unwrap_or_else(|| "dropped".into());
    let id = beside(move || shared.studio.drop_style(&bytes, &name)).await??;
    Ok((StatusCode::CREATED, Json(json!({ "id": id }))).into_response())
}

pub(super) async fn remove_style(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    shared.studio.remove_style(&id)?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
pub(super) struct ThumbOf {
    of: Option<String>,
}

pub(super) async fn thumb(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Query(ThumbOf { of }): Query<ThumbOf>,
) -> Result<Response, Refusal> {
    let bytes = match of.as_deref() {
        None => shared.studio.thumb(&id).ok_or_else(|| LiveError::from(StudioError::Style(id)))?,
        Some("camera") => {
            let turns = shared.turns.clone();
            let _turn = turns.thumbs.acquire().await.expect("it is never closed");
            beside(move || shared.studio.thumb_of_camera(&id)).await??
        }
        Some(_) => return Err(Refusal::new(StatusCode::BAD_REQUEST, "`of` is `camera`, or is left out")),
    };
    Ok(jpeg(bytes))
}

pub(super) async fn painting(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let bytes = shared.studio.style_painting(&id);
    let none = || Refusal::new(StatusCode::NOT_FOUND, format!("there is no painting of the style `{id}`"));
    bytes.map(jpeg).ok_or_else(none)
}

pub(super) async fn deepening(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    Ok(Json(shared.studio.deepen_status(&id)?).into_response())
}

pub(super) async fn deepen(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    Parsed(request): Parsed<DeepenRequest>,
) -> Result<Response, Refusal> {
    Ok(Json(shared.studio.deepen(&id, &request)?).into_response())
}

pub(super) async fn style_file(
    State(shared): State<Shared>,
    Path(id): Path<String>,
) -> Result<Response, Refusal> {
    let (name, bytes) = beside(move || shared.studio.style_file(&id)).await??;
    // Ids are letters, digits and dashes, or names of files that were typed: nothing else goes into the header.
    let name: String = name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.".contains(*c)).collect();
    let headers = [
        (header::CONTENT_TYPE, "application/octet-stream".to_string()),
        (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
        (header::CACHE_CONTROL, "no-store".to_string()),
    ];
    Ok((headers, bytes).into_response())
}

fn jpeg(bytes: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "image/jpeg"), (header::CACHE_CONTROL, "no-cache")], bytes).into_response()
}

pub(super) async fn snapshot(State(shared): State<Shared>) -> Result<Response, Refusal> {
    let painted = shared.studio.watch().borrow().clone();
    let painted = painted.ok_or_else(|| LiveError::Camera("no frame has been painted yet".into()))?;
    let encode = move || {
        let still = Still::from_image(painted.image().clone());
        still::encode(&still, OutputFormat::Png, WriteOptions::default())
    };
    let png = beside(encode).await?.map_err(LiveError::from)?;
    Ok(([(header::CONTENT_TYPE, "image/png")], png).into_response())
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
    Parsed(request): Parsed<RecordRequest>,
) -> Result<Response, Refusal> {
    // One after another: a disk that does not answer then holds up other recordings and nothing else.
    let turns = shared.turns.clone();
    let _turn = turns.recording.lock().await;
    if !request.on {
        let file = beside(move || shared.studio.finish_recording()).await??;
        return Ok(Json(json!({ "recording": null, "finished": file })).into_response());
    }
    let name = beside(move || begin(&shared, &request)).await??;
    Ok(Json(json!({ "recording": name })).into_response())
}

/// Creates the file and starts its recording; gives the file's name.
fn begin(shared: &Shared, request: &RecordRequest) -> Result<String, LiveError> {
    let refuse = |what: &str| Err(LiveError::Record(what.into()));
    let Some(recorders) = &shared.recorders else { return refuse("this server cannot record") };
    let usual = || format!("impasto-{:.0}.mp4", crate::now_ms() / 1e3);
    let name = request.file.clone().unwrap_or_else(usual);
    if name.contains(['/', '\\', ':', '\0'])
        || name.starts_with('.')
        || !name.ends_with(".mp4")
        || name.len() > 200
    {
        return refuse(
            "the file is a plain name ending in .mp4; it is written to the folder where `impasto live` runs",
        );
    }
    let path: PathBuf = shared.folder.join(&name);
    if path.exists() {
        return refuse("that file exists; choose another name");
    }
    let studio: &Arc<Studio> = &shared.studio;
    // The one that runs is completed before another file is begun.
    studio.finish_recording()?;
    studio.record(Recording::new(name.clone(), request.sound, recorders(&path, request.sound)?))?;
    Ok(name)
}
