//! `impasto live`: the page.

use crate::args::{ModelArgs, StyleWord, unit};
use crate::console::Console;
use crate::styles::Styles;
use anyhow::{Result, anyhow};
use impasto::{Stylizer, builtin};
use impasto_live::camera::{self, Camera, DemoCamera, Opener};
use impasto_live::{Chosen, Gallery, LiveError, Server, ServerOptions, Settings, Studio};
use std::net::IpAddr;
use std::sync::Arc;

/// Paint what a camera sees, on a page of this computer
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto live
  impasto live --style wave.jpg:0.7 --style mosaic.style:0.3
  impasto live --camera demo --no-open --port 8000

The page offers every dial; docs/live.md describes the HTTP API behind it. Only this computer can reach it, and only with
the token in the address. Ctrl-C ends it.")]
pub struct Args {
    /// Begin in this style: a built-in name, a picture, or a .style file, with a weight after a colon or without.
    #[arg(short, long = "style", value_name = "S")]
    styles: Vec<StyleWord>,
    /// Where frames come from: `browser` (the demo scene until it hands in its own) or `demo`.
    #[arg(long, value_name = "browser|demo", default_value = "browser")]
    camera: CameraWord,
    /// Size of the demo scene.
    #[arg(long, value_name = "WxH", default_value = "640x360", value_parser = size)]
    demo_size: (usize, usize),
    /// From the camera's picture (0) to the style in full (1).
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = unit)]
    strength: f32,
    /// From the painting's colours (0) to the camera's (1).
    #[arg(long, value_name = "0..1", default_value_t = 0.0, value_parser = unit)]
    keep_color: f32,
    /// From each frame by itself (0) to the calmest (1).
    #[arg(long, value_name = "0..1", default_value_t = Settings::default().steady, value_parser = unit)]
    steady: f32,
    /// Shorter side in px at which is painted; 0 chooses it to hold the rate.
    #[arg(long, value_name = "N", default_value_t = 0)]
    size: usize,
    /// Frames a second that the choice of size aims at.
    #[arg(long, value_name = "N", default_value_t = Settings::default().target_fps)]
    fps: f32,
    /// Port to listen on; the next free one if it is taken.
    #[arg(long, value_name = "N", default_value_t = 7878)]
    port: u16,
    /// Address to listen on. Anything but this computer's own is open to the network, guarded by the token alone.
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    address: IpAddr,
    /// The token of the address, instead of a new one each time.
    #[arg(long, value_name = "T", value_parser = token_word)]
    token: Option<String>,
    /// Do not open the page in a browser.
    #[arg(long)]
    no_open: bool,
    #[command(flatten)]
    model: ModelArgs,
}

/// Where frames come from, as typed.
#[derive(Clone, Debug, PartialEq)]
enum CameraWord {
    Browser,
    Demo,
}

impl std::str::FromStr for CameraWord {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        match word {
            "browser" => Ok(Self::Browser),
            "demo" => Ok(Self::Demo),
            _ => Err("a camera is `browser` or `demo`".into()),
        }
    }
}

fn size(word: &str) -> Result<(usize, usize), String> {
    let sides = word.split_once('x').and_then(|(w, h)| Some((w.parse().ok()?, h.parse().ok()?)));
    match sides {
        Some((width, height)) if (16..=3840).contains(&width) && (16..=2160).contains(&height) => {
            Ok((width, height))
        }
        _ => Err("a size is WIDTHxHEIGHT, from 16x16 to 3840x2160".into()),
    }
}

fn token_word(word: &str) -> Result<String, String> {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain && word.len() >= 4 { Ok(word.into()) } else { Err("at least 4 letters, digits, - or _".into()) }
}

/// Serves the page until Ctrl-C.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let stylizer = args.model.stylizer()?;
    let (gallery, settings) = gallery(args, &stylizer, console)?;
    let studio = Studio::new(stylizer, gallery, settings)?;
    let painter = studio.start();
    let token = args.token.clone().map_or_else(new_token, Ok)?;
    let options = ServerOptions { address: args.address, port: args.port, ..ServerOptions::new(token) };
    let server = Server::start(studio.clone(), options)?;
    if args.port != 0 && server.address().port() != args.port {
        console.note(format!("port {} is taken; using {}", args.port, server.address().port()));
    }
    start_camera(args, &studio);
    console.result(server.url())?;
    console.note("Open that address in a browser on this computer. Ctrl-C ends it.");
    if !args.no_open && webbrowser::open(&server.url()).is_err() {
        console.note("No browser could be opened from here.");
    }
    painter.join().map_err(|_| anyhow!("the painter's thread ended unexpectedly; please report this"))
}

fn start_camera(args: &Args, studio: &Arc<Studio>) {
    let (width, height) = args.demo_size;
    let open = move || -> Result<Box<dyn Camera>, LiveError> {
        Ok(Box::new(DemoCamera::new(width, height, DEMO_FPS)))
    };
    let open: Opener = Box::new(open);
    camera::run(studio, "demo", args.camera == CameraWord::Browser, open);
}

/// Pictures a second of the demo scene.
const DEMO_FPS: f32 = 24.0;

/// All built-in styles, then those that were typed; the typed ones are chosen, else the first.
fn gallery(args: &Args, stylizer: &Stylizer, console: &Console) -> Result<(Gallery, Settings)> {
    crate::styles::check_weights(&args.styles)?;
    let mut gallery = Gallery::default();
    let (mut chosen, mut first) = (Vec::new(), None);
    for style in builtin::styles().into_iter().filter(|style| style.check(stylizer.model()).is_ok()) {
        let id = gallery.add(stylizer, style)?;
        first.get_or_insert(Chosen { id, weight: 1.0 });
    }
    let reader = Styles { stylizer, style_px: 512 };
    for word in &args.styles {
        let weight = word.weight.unwrap_or(1.0);
        let known =
            gallery.entries().iter().find(|entry| entry.id == word.what).map(|entry| entry.id.clone());
        let id = known.map_or_else(|| anyhow::Ok(gallery.add(stylizer, reader.read(&word.what)?)?), Ok)?;
        chosen.push(Chosen { id, weight });
    }
    if chosen.is_empty() {
        chosen.extend(first);
    }
    if chosen.is_empty() {
        console
            .note("This model has no built-in styles: drop a picture on the page, or give one with --style.");
    }
    let dials = serde_json::json!({
        "styles": chosen, "strength": args.strength, "keep_color": args.keep_color, "steady": args.steady,
        "resolution": args.size, "target_fps": args.fps,
    });
    let settings =
        Settings::default().patched(&dials).map_err(|e| crate::failure::wrong_use(e.to_string()))?;
    Ok((gallery, settings))
}

/// 128 random bits in hexadecimal.
fn new_token() -> Result<String> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|e| anyhow!("the system gives no random numbers ({e}); use --token"))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read() {
        assert_eq!("demo".parse(), Ok(CameraWord::Demo));
        assert!("cam".parse::<CameraWord>().is_err());
        assert_eq!(size("640x360"), Ok((640, 360)));
        for bad in ["640", "0x0", "640x", "99999x20", "axb"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(token_word("abc").is_err() && token_word("a b c d").is_err() && token_word("a-b_c9").is_ok());
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (new_token().unwrap(), new_token().unwrap());
        assert!(a.len() == 32 && a != b);
    }
}
