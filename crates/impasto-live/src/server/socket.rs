//! Viewers over WebSockets.
//!
//! A viewer says `{"hello": {"format": "i420" | "jpeg" | "rgba", "steer": true | false}}`. Then binary messages are
//! frames (see [`crate::codec`]), and text messages are JSON:
//!
//! * from the server `{"you": {"steering": bool, "wanted": bool}, "state": …}` whenever it changes (`wanted`: somebody looks or records, so
//!   that frames are needed), and `{"stats": …, "deepening": …}` once a
//!   second (`deepening` as in the state);
//! * from the server to the viewer that steers `{"taken": {"sequence": n, "free_in_ms": x}}` when the painter has taken a frame: it
//!   will want the next in so many ms;
//! * from the viewer `{"shown": {"sequence": n, "latency_ms": x}}` after each frame, which asks for the next, and
//!   `{"steer": true}` to take over; `{"rest": true}` while it is hidden: it is then sent no frames, and does not count as one who looks.
//!
//! One frame is under way to a viewer at a time, and a camera hands in its next frame when its last was taken, so nothing ever queues. Frames
//! and sound are taken only from the viewer that steers.

use super::Shared;
use super::api::beside;
use super::connections::Visit;
use crate::LiveError;
use crate::codec::{self, WireFormat};
use crate::studio::{Looking, Painted, Taken};
use axum::body::Bytes;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, State};
use axum::response::Response;
use impasto_studio::{Frame, Stage, StudioError};
use serde::Deserialize;
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// A frame of the largest size in RGBA, and its header.
const MAX_MESSAGE_BYTES: usize = 4 * codec::MAX_SIDE * codec::MAX_SIDE + codec::HEADER;

/// A message of a viewer.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Said {
    Hello { format: String, steer: bool },
    Shown { sequence: u32, latency_ms: f32 },
    Steer(bool),
    Rest(bool),
}

pub(super) async fn open(
    State(shared): State<Shared>,
    visit: Option<Extension<Arc<Visit>>>,
    upgrade: WebSocketUpgrade,
) -> Response {
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    upgrade.on_upgrade(move |socket| async move {
        // The connection counts as long as its socket lives.
        let _visit = visit;
        let number = shared.next_viewer.fetch_add(1, Ordering::SeqCst);
        let looking = Some(shared.studio.looking());
        let mut viewer = Viewer { shared, number, format: None, under_way: None, looking };
        viewer.serve(socket).await;
        viewer.leave();
    })
}

struct Viewer {
    shared: Shared,
    number: u64,
    /// Known once it has said hello.
    format: Option<WireFormat>,
    /// Number of the frame that it was sent and has not shown yet.
    under_way: Option<u32>,
    /// `None` while it rests.
    looking: Option<Looking>,
}

impl Viewer {
    async fn serve(&mut self, mut socket: WebSocket) {
        let mut painted = self.shared.studio.watch();
        let mut changes = self.shared.studio.changes();
        let mut taken = self.shared.studio.takings();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        changes.mark_changed();
        loop {
            let steering = self.is_steering();
            let format = self.format;
            let sent = tokio::select! {
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.heard(message, &mut socket).await,
                    _ => return,
                },
                change = painted.changed(), if self.wants_frames() => {
                    if change.is_err() { return }
                    let newest = painted.borrow_and_update().clone();
                    match (newest, format) {
                        (Some(newest), Some(format)) => self.send_frame(&mut socket, newest, format).await,
                        _ => true,
                    }
                },
                change = taken.changed(), if steering && format.is_some() => {
                    if change.is_err() { return }
                    let Taken { sequence, free_in_ms } = *taken.borrow_and_update();
                    send(&mut socket, json!({"taken": {"sequence": sequence, "free_in_ms": free_in_ms}})).await
                },
                change = changes.changed(), if format.is_some() => {
                    if change.is_err() { return }
                    changes.borrow_and_update();
                    let studio = &self.shared.studio;
                    let you = json!({"steering": self.is_steering(), "wanted": studio.is_wanted()});
                    send(&mut socket, json!({"state": studio.state(), "you": you})).await
                },
                _ = tick.tick(), if format.is_some() => {
                    let (stats, deepening) = (self.shared.studio.report(), self.shared.studio.deepenings.shown());
                    send(&mut socket, json!({ "stats": stats, "deepening": deepening })).await
                },
            };
            if !sent {
                return;
            }
        }
    }

    fn wants_frames(&self) -> bool {
        self.under_way.is_none() && self.format.is_some() && self.looking.is_some()
    }

    /// Sends a painted frame; coding it takes a while, and others are served meanwhile.
    async fn send_frame(
        &mut self,
        socket: &mut WebSocket,
        painted: Arc<Painted>,
        format: WireFormat,
    ) -> bool {
        self.under_way = Some(painted.sequence);
        let start = Instant::now();
        let Ok(bytes) = beside(move || painted.message(format)).await else { return false };
        self.shared.studio.stage(Stage::Encode, start.elapsed());
        socket.send(Message::Binary(bytes)).await.is_ok()
    }

    /// Whether to go on.
    async fn heard(&mut self, message: Message, socket: &mut WebSocket) -> bool {
        let done = match message {
            Message::Text(text) => self.said(&text),
            Message::Binary(bytes) => self.frame(bytes).await,
            Message::Close(_) => return false,
            Message::Ping(_) | Message::Pong(_) => Ok(()),
        };
        let Err(why) = done else { return true };
        // A close reason has at most 123 bytes.
        let reason: String = why.to_string().chars().filter(char::is_ascii).take(120).collect();
        let _ = socket
            .send(Message::Close(Some(CloseFrame { code: close_code::POLICY, reason: reason.into() })))
            .await;
        false
    }

    fn said(&mut self, text: &str) -> Result<(), LiveError> {
        match serde_json::from_str(text).map_err(|e| StudioError::Message(e.to_string()))? {
            Said::Hello { format, steer } => {
                self.format = Some(format.parse()?);
                // The first takes the wheel; later ones have to ask for it.
                if steer {
                    self.shared.wheel.join(self.number);
                    self.shared.studio.changed();
                }
            }
            Said::Shown { sequence, latency_ms } => {
                if self.under_way == Some(sequence) {
                    self.under_way = None;
                }
                if self.is_steering() {
                    self.shared.studio.seen_after(latency_ms);
                }
            }
            Said::Steer(true) => {
                self.shared.wheel.take(self.number);
                self.shared.studio.changed();
            }
            Said::Steer(false) => self.leave(),
            Said::Rest(true) => (self.looking, self.under_way) = (None, None),
            Said::Rest(false) if self.looking.is_none() => self.looking = Some(self.shared.studio.looking()),
            Said::Rest(false) => {}
        }
        Ok(())
    }

    /// A frame or a packet of sound. Reading a frame takes a while, and others are served meanwhile.
    async fn frame(&self, bytes: Bytes) -> Result<(), LiveError> {
        if !self.is_steering() {
            return Ok(());
        }
        if let Some(sound) = codec::sound(&bytes) {
            let (packet, captured_ms) = sound?;
            self.shared.studio.hear(packet, captured_ms);
            return Ok(());
        }
        let studio = self.shared.studio.clone();
        let read = move || {
            let start = Instant::now();
            let (header, picture) = codec::decode(&bytes)?;
            studio.stage(Stage::Decode, start.elapsed());
            let (sequence, captured_ms) = (header.sequence, header.captured_ms);
            studio.offer_from_browser(Frame { picture, sequence, captured_ms, painted: false })
        };
        beside(read).await.unwrap_or_else(|why| Err(StudioError::Message(why.why).into()))
    }

    fn is_steering(&self) -> bool {
        self.shared.wheel.is_held_by(self.number)
    }

    fn leave(&self) {
        if self.shared.wheel.leave(self.number) {
            self.shared.studio.changed();
        }
    }
}

async fn send(socket: &mut WebSocket, message: serde_json::Value) -> bool {
    socket.send(Message::Text(message.to_string().into())).await.is_ok()
}
