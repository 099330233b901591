//! Viewers over WebSockets.
//!
//! A viewer says `{"hello": {"format": "i420" | "jpeg" | "rgba", "steer": true | false}}`. Then binary messages are
//! frames (see [`crate::codec`]), and text messages are JSON:
//!
//! * from the server `{"you": {"steering": bool}}`, `{"state": …}` whenever it changes, and `{"stats": …}` once a second;
//! * from the server to the viewer that steers `{"taken": {"sequence": n, "free_in_ms": x}}` when the painter has taken a frame: it
//!   will want the next in so many ms;
//! * from the viewer `{"shown": {"sequence": n, "latency_ms": x}}` after each frame, which asks for the next, and
//!   `{"steer": true}` to take over.
//!
//! One frame is under way to a viewer at a time, and a camera hands in its next frame when its last was taken, so nothing ever queues. Frames
//! and sound are taken only from the viewer that steers.

use super::Shared;
use crate::LiveError;
use crate::codec::{self, WireFormat};
use crate::stats::Stage;
use crate::studio::{Frame, Taken};
use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use serde::Deserialize;
use serde_json::json;
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
}

pub(super) async fn open(State(shared): State<Shared>, upgrade: WebSocketUpgrade) -> Response {
    let upgrade = upgrade.max_message_size(MAX_MESSAGE_BYTES).max_frame_size(MAX_MESSAGE_BYTES);
    upgrade.on_upgrade(move |socket| async move {
        let number = shared.next_viewer.fetch_add(1, Ordering::SeqCst);
        let mut viewer = Viewer { shared, number, format: None, under_way: None };
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
}

impl Viewer {
    async fn serve(&mut self, mut socket: WebSocket) {
        let _looking = self.shared.studio.looking();
        let mut painted = self.shared.studio.watch();
        let mut changes = self.shared.studio.changes();
        let mut taken = self.shared.studio.takings();
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        let mut steered = None;
        changes.mark_changed();
        loop {
            let steering = self.is_steering();
            if self.format.is_some() && steered != Some(steering) {
                steered = Some(steering);
                changes.mark_changed();
            }
            let sent = tokio::select! {
                message = socket.recv() => match message {
                    Some(Ok(message)) => self.heard(message, &mut socket).await,
                    _ => return,
                },
                change = painted.changed(), if self.under_way.is_none() && self.format.is_some() => {
                    if change.is_err() { return }
                    let newest = painted.borrow_and_update().clone();
                    match newest {
                        Some(newest) => {
                            self.under_way = Some(newest.sequence);
                            let start = Instant::now();
                            let bytes = newest.message(self.format.unwrap_or(WireFormat::Jpeg));
                            self.shared.studio.stage(Stage::Encode, start.elapsed());
                            socket.send(Message::Binary(bytes)).await.is_ok()
                        }
                        None => true,
                    }
                },
                change = taken.changed(), if steering && self.format.is_some() => {
                    if change.is_err() { return }
                    let Taken { sequence, free_in_ms } = *taken.borrow_and_update();
                    let text = json!({"taken": {"sequence": sequence, "free_in_ms": free_in_ms}});
                    socket.send(Message::Text(text.to_string().into())).await.is_ok()
                },
                change = changes.changed(), if self.format.is_some() => {
                    if change.is_err() { return }
                    changes.borrow_and_update();
                    let text = json!({"state": self.shared.studio.state(), "you": {"steering": steering}});
                    socket.send(Message::Text(text.to_string().into())).await.is_ok()
                },
                _ = tick.tick(), if self.format.is_some() => {
                    let text = json!({ "stats": self.shared.studio.report() });
                    socket.send(Message::Text(text.to_string().into())).await.is_ok()
                },
            };
            if !sent {
                return;
            }
        }
    }

    /// Whether to go on.
    async fn heard(&mut self, message: Message, socket: &mut WebSocket) -> bool {
        let done = match message {
            Message::Text(text) => self.said(&text),
            Message::Binary(bytes) => self.frame(&bytes),
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
        match serde_json::from_str(text).map_err(|e| LiveError::Message(e.to_string()))? {
            Said::Hello { format, steer } => {
                self.format = Some(format.parse()?);
                if steer {
                    // The first takes the wheel; later ones have to ask for it.
                    let _ = self.shared.steering.compare_exchange(
                        0,
                        self.number,
                        Ordering::SeqCst,
                        Ordering::SeqCst,
                    );
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
            Said::Steer(true) => self.shared.steering.store(self.number, Ordering::SeqCst),
            Said::Steer(false) => self.leave(),
        }
        Ok(())
    }

    fn frame(&self, bytes: &[u8]) -> Result<(), LiveError> {
        if !self.is_steering() {
            return Ok(());
        }
        if let Some(sound) = codec::sound(bytes) {
            let (packet, captured_ms) = sound?;
            self.shared.studio.hear(packet, captured_ms);
            return Ok(());
        }
        let start = Instant::now();
        let (header, picture) = codec::decode(bytes)?;
        let studio = &self.shared.studio;
        studio.stage(Stage::Decode, start.elapsed());
        let (sequence, captured_ms) = (header.sequence, header.captured_ms);
        studio.offer_from_browser(Frame { picture, sequence, captured_ms, painted: false })
    }

    fn is_steering(&self) -> bool {
        self.shared.steering.load(Ordering::SeqCst) == self.number
    }

    fn leave(&self) {
        let _ = self.shared.steering.compare_exchange(self.number, 0, Ordering::SeqCst, Ordering::SeqCst);
    }
}
