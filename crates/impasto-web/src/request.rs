//! Requests of the page, and replies.

use crate::WebError;
use serde::Deserialize;
use serde_json::Value;

/// A request of the page. As JSON it is `{"open": {"threads": 2}}` or `"state"`; bytes go beside it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Loads the network in the bytes, with so many threads (0: as many as there are). Gives the state.
    Open {
        /// Threads that paint.
        threads: usize,
    },
    /// Adds the built-in styles in the bytes: `.style` files one after another, each behind its length in 4 bytes,
    /// little-endian. Gives the state.
    Styles,
    /// Adds the `.style` file in the bytes. Gives `{"id": …}`.
    StyleFile,
    /// Makes a style of the painting in the bytes, RGBA. Gives `{"id": …}`.
    Painting {
        /// The file's name.
        name: String,
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
    },
    /// Takes an added style away.
    Remove {
        /// Its id.
        id: String,
    },
    /// Changes parts of the settings. Gives all of them.
    Settings(Value),
    /// Settings, styles, engine.
    State,
    /// Speed figures.
    Stats,
    /// A frame was seen so many ms after its capture.
    Seen {
        /// The time.
        latency_ms: f32,
    },
    /// Gives a small painting in that style, JPEG.
    Thumb {
        /// The style.
        id: String,
        /// Of the camera's last picture.
        #[serde(default)]
        of_camera: bool,
    },
    /// Gives the painting of an added style, small, JPEG.
    SmallPainting {
        /// The style.
        id: String,
    },
    /// Gives the mix that paints now as a `.style` file.
    Mix {
        /// Its name.
        name: String,
    },
    /// Paints the frame in the bytes (see [`impasto_studio::codec`]). Gives the painted one as bytes, of the same format.
    Frame,
    /// Paints the moving scene that the program draws. Gives the frame as bytes.
    Scene {
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
        /// Moment of the scene.
        seconds: f32,
        /// Number of the frame.
        sequence: u32,
        /// When it is shown, ms since 1970.
        captured_ms: f64,
    },
    /// Takes the photo in the bytes, RGBA; without bytes, the one before again. Gives it painted as a frame of RGBA.
    Photo {
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
        /// Number of the frame.
        sequence: u32,
        /// When it was asked for, ms since 1970.
        captured_ms: f64,
    },
    /// Starts afresh at the next frame: what follows is another film.
    Cut,
    /// Runs the conformance suite. Gives `{"failures": […]}`.
    Conformance,
    /// Paints the picture in the bytes, RGBA, so often with nothing around the network. Gives `{"ms": […]}` and the last painting, RGB.
    Bench {
        /// Width in px.
        width: usize,
        /// Height in px.
        height: usize,
        /// Times.
        frames: usize,
    },
}

impl Request {
    /// Reads a request.
    pub fn read(json: &[u8]) -> Result<Self, WebError> {
        serde_json::from_slice(json)
            .map_err(|why| WebError::Request(format!("this request is unknown: {why}")))
    }
}

/// An answer: JSON, and bytes beside it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reply {
    /// The JSON; `null` where there is nothing to say.
    pub json: Value,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl From<Value> for Reply {
    fn from(json: Value) -> Self {
        Self { json, bytes: vec![] }
    }
}

impl From<Vec<u8>> for Reply {
    fn from(bytes: Vec<u8>) -> Self {
        Self { json: Value::Null, bytes }
    }
}
