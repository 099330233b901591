//! `impasto live`: the page.

use crate::args::{BrushArgs, ModelArgs, StyleWord, quarter_turn, unit};
use crate::camera::CameraArgs;
use crate::console::Console;
use crate::deepener::Trainer;
use crate::interrupt;
use crate::preset::PresetArgs;
use crate::recorder;
use crate::styles::Styles;
use anyhow::{Result, anyhow};
use impasto::{Stylizer, builtin};
use impasto_live::v4l2;
use impasto_live::{Chosen, Gallery, Server, ServerOptions, Settings, Studio};
use impasto_media::view::Crop;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// Paint what a camera sees, on a page of this computer
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto live
  impasto live --style wave.jpg:0.7 --style mosaic.style:0.3
  impasto live --camera demo --no-open --port 8000
  impasto live --camera film.mp4 --record painted.mp4
      a film as the camera, over and over; what is painted is recorded
  impasto live --camera 0 --virtual-camera /dev/video9
      on Linux: paints the first camera, and other programs see the painting as a camera (v4l2loopback; docs/live.md)
  impasto live --camera oak --oak-mode chip --oak-app oak
      a Luxonis OAK paints on its own chip; docs/oak.md (never run on a real one by us)

The page offers every dial; docs/live.md describes the HTTP API behind it. Only this computer can reach it, and only with
the token in the address. Ctrl-C ends it.")]
pub struct Args {
    /// Begin in this style: a built-in name, a picture, or a .style file, with a weight after a colon or without.
    #[arg(short, long = "style", value_name = "S")]
    styles: Vec<StyleWord>,
    #[command(flatten)]
    preset: PresetArgs,
    #[command(flatten)]
    painting: BrushArgs,
    /// From the camera's picture (0) to the style in full (1).
    #[arg(long, value_name = "0..1", default_value_t = 1.0, value_parser = unit)]
    strength: f32,
    /// From the painting's colours (0) to the camera's (1).
    #[arg(long, value_name = "0..1", default_value_t = 0.0, value_parser = unit)]
    keep_color: f32,
    /// From each frame by itself (0) to the calmest (1).
    #[arg(long, value_name = "0..1", default_value_t = Settings::default().steady, value_parser = unit)]
    steady: f32,
    /// Shorter side in px at which is painted, 64 to 1080; 0 chooses it to hold the rate.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = working_size)]
    size: usize,
    /// Frames a second that the choice of size aims at, 1 to 60.
    #[arg(long, value_name = "N", default_value_t = Settings::default().target_fps, value_parser = rate)]
    fps: f32,
    /// So many times smaller is painted, and shown at full size: strokes are larger.
    #[arg(long, value_name = "1..4", default_value_t = Settings::default().brush, value_parser = brush)]
    brush: f32,
    /// Show it mirrored, on the page and in all that is recorded or given out.
    #[arg(long)]
    mirror: bool,
    /// Turn the camera's picture clockwise by so many degrees.
    #[arg(long, value_name = "0|90|180|270", default_value_t = 0, value_parser = quarter_turn)]
    rotate: u16,
    /// Use a part of the (turned) picture only: a shape such as 9:16 from its middle, or WIDTHxHEIGHT+LEFT+TOP in px.
    #[arg(long, value_name = "W:H|WxH+X+Y", default_value_t = Crop::Whole, hide_default_value = true)]
    crop: Crop,
    /// More than three flashes a second (WCAG 2.3.1) are not counted, shown as a warning on the page, or damped.
    #[arg(long, value_name = "off|warn|limit", default_value = "warn")]
    flash: FlashWord,
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
    camera: CameraArgs,
    /// Record what is painted into this MP4 file, until the end. The page's API can record too.
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// With --record: ask the page for its microphone, and record that too (Opus). The page shows it, and can turn it off.
    #[arg(long, requires = "record")]
    record_sound: bool,
    /// On Linux: also write what is painted to this device of v4l2loopback, where other programs see a camera.
    #[arg(long, value_name = "N|/dev/videoN", value_parser = virtual_device)]
    virtual_camera: Option<PathBuf>,
    #[command(flatten)]
    model: ModelArgs,
}

/// Shown before all others: webcams see walls, and it gives a plain wall strokes that stand still and a face its features, where many
/// styles give blots.
const FIRST_STYLE: &str = "starry-night";

/// The word after `--flash`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum FlashWord {
    Off,
    Warn,
    Limit,
}

impl FlashWord {
    /// As the setting is written.
    fn setting(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Warn => "warn",
            Self::Limit => "limit",
        }
    }
}

fn token_word(word: &str) -> Result<String, String> {
    let plain = word.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
    if plain && word.len() >= 4 { Ok(word.into()) } else { Err("at least 4 letters, digits, - or _".into()) }
}

/// The shorter side at which is painted.
fn working_size(word: &str) -> Result<usize, String> {
    let size = word.parse().ok().filter(|size| *size == 0 || (64..=1080).contains(size));
    size.ok_or_else(|| "0, or a whole number from 64 to 1080, is needed".into())
}

fn rate(word: &str) -> Result<f32, String> {
    within(word, 1.0, 60.0)
}

fn brush(word: &str) -> Result<f32, String> {
    within(word, 1.0, 4.0)
}

fn within(word: &str, low: f32, high: f32) -> Result<f32, String> {
    let value = word.parse().ok().filter(|value| (low..=high).contains(value));
    value.ok_or_else(|| format!("a number from {low} to {high} is needed"))
}

/// A device by its number or path.
fn virtual_device(word: &str) -> Result<PathBuf, String> {
    match word.parse::<u16>() {
        Ok(number) => Ok(format!("/dev/video{number}").into()),
        Err(_) if word.contains('/') => Ok(word.into()),
        Err(_) => Err("a number N or a path such as /dev/video9 is needed".into()),
    }
}

/// Serves the page until Ctrl-C.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    // What is typed wrong ends here, before a model is loaded.
    let typed = crate::styles::resolved(&args.styles)?;
    let stylizer = args.model.stylizer_for_frames()?;
    let (gallery, settings) = gallery(args, &typed, &stylizer, console)?;
    let camera = args.camera.choose(&stylizer)?;
    let trainer = Trainer::new(stylizer.model().clone());
    let studio = Studio::new(stylizer, gallery, settings)?;
    studio.with_deepener(Arc::new(trainer));
    let painter = studio.start();
    let token = args.token.clone().map_or_else(new_token, Ok)?;
    let options = ServerOptions {
        address: args.address,
        port: args.port,
        recorders: Some(recorder::factory()),
        ..ServerOptions::new(token)
    };
    let server = Server::start(studio.clone(), options)?;
    if args.port != 0 && server.address().port() != args.port {
        console.note(format!("port {} is taken; using {}", args.port, server.address().port()));
    }
    // Ctrl-C waits until the camera is closed, so that no program that drives one is left behind.
    let whole = interrupt::hold();
    args.record.as_deref().map(|path| recorder::begin(&studio, path, args.record_sound)).transpose()?;
    let output =
        args.virtual_camera.as_deref().map(|path| v4l2::virtual_camera(&studio, path)).transpose()?;
    let camera = camera.start(&studio);
    console.result(server.url())?;
    console.note("Open that address in a browser on this computer. Ctrl-C ends it.");
    if !args.no_open && webbrowser::open(&server.url()).is_err() {
        console.note("No browser could be opened from here.");
    }
    watch(&studio, &painter, console);
    drop(server);
    let ended: Vec<_> = [painter, camera].into_iter().chain(output).map(JoinHandle::join).collect();
    if interrupt::asked() {
        interrupt::leave();
    }
    drop(whole);
    ended
        .into_iter()
        .collect::<Result<(), _>>()
        .map_err(|_| anyhow!("a thread ended unexpectedly; please report this"))
}

/// Waits for Ctrl-C, or the painter's end, and tells what happens to the camera and beside the painting.
fn watch(studio: &Studio, painter: &JoinHandle<()>, console: &Console) {
    let (mut told, mut troubles) = (None, BTreeMap::new());
    while !interrupt::asked() && !painter.is_finished() {
        let error = studio.camera().error;
        if error != told {
            console.note(
                error.as_ref().map_or("camera: works again".into(), |why| format!("{why}; trying again")),
            );
            told = error;
        }
        let now = studio.troubles();
        for (part, why) in &now {
            if troubles.get(part) != Some(why) {
                console.note(format!("{part}: {why}"));
            }
        }
        troubles = now;
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// All built-in styles, then those that were typed; the typed ones are chosen, else the first.
fn gallery(
    args: &Args,
    typed: &[StyleWord],
    stylizer: &Stylizer,
    console: &Console,
) -> Result<(Gallery, Settings)> {
    let mut gallery = Gallery::default();
    let (mut chosen, mut first) = (Vec::new(), None);
    let mut styles: Vec<_> =
        builtin::styles().into_iter().filter(|style| style.check(stylizer.model()).is_ok()).collect();
    styles.sort_by_key(|style| style.provenance.name != FIRST_STYLE);
    for style in styles {
        let id = gallery.add(stylizer, style)?;
        first.get_or_insert(Chosen { id, weight: 1.0 });
    }
    let reader = Styles { stylizer, style_px: args.painting.style_size };
    for word in typed {
        let weight = word.weight.unwrap_or(1.0);
        let known =
            gallery.entries().iter().find(|entry| entry.id == word.what).map(|entry| entry.id.clone());
        let id = known.map_or_else(|| added(&mut gallery, &reader, &word.what), Ok)?;
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
        "resolution": args.size, "target_fps": args.fps, "mirror": args.mirror, "rotate": args.rotate,
        "crop": args.crop.to_string(), "brush": args.brush, "flash": args.flash.setting(),
    });
    let settings =
        Settings::default().patched(&dials).map_err(|e| crate::failure::wrong_use(e.to_string()))?;
    Ok((gallery, settings))
}

/// Adds the style that a word stands for; a picture comes with its painting, so that it can be deepened.
fn added(gallery: &mut Gallery, reader: &Styles, what: &str) -> Result<String> {
    let style = reader.read(what)?;
    Ok(match reader.painting(what)? {
        Some(painting) => gallery.add_painted(reader.stylizer, style, &painting)?,
        None => gallery.add(reader.stylizer, style)?,
    })
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
        assert!(token_word("abc").is_err() && token_word("a b c d").is_err() && token_word("a-b_c9").is_ok());
    }

    #[test]
    fn numbers_are_refused_at_once() {
        assert_eq!((working_size("0"), working_size("64")), (Ok(0), Ok(64)));
        assert!(working_size("63").is_err() && working_size("1081").is_err() && rate("0").is_err());
        assert!(brush("0.5").is_err() && brush("nan").is_err() && brush("4") == Ok(4.0));
        assert_eq!(virtual_device("9"), Ok("/dev/video9".into()));
        assert!(virtual_device("nine").is_err() && virtual_device("/dev/video7").is_ok());
    }

    #[test]
    fn tokens_differ() {
        let (a, b) = (new_token().unwrap(), new_token().unwrap());
        assert!(a.len() == 32 && a != b);
    }
}
