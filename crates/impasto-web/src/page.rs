//! The painter behind a page without a server.

use crate::{Reply, Request, WebError};
use impasto::flash::FlashLimiter;
use impasto::{Dials, EngineChoice, Image, Model, Style, Stylizer, scene};
use impasto_core::conformance::{self, Tolerance};
use impasto_core::reference::ReferenceEngine;
use impasto_studio::clock::Instant;
use impasto_studio::codec::{self, Header, WireFormat};
use impasto_studio::gallery::{entry_from_file, entry_from_painting, small_painting};
use impasto_studio::{
    Finished, Frame, Gallery, Painter, Picture, Settings, Stage, Stats, StudioError, finished, turned,
};
use serde_json::{Value, json};
use std::sync::Arc;

/// Styles, settings and the painter of one page. Nothing is there until [`Request::Open`].
#[derive(Default)]
pub struct Page {
    open: Option<Open>,
}

/// State once a network is loaded.
struct Open {
    stylizer: Stylizer,
    threads: usize,
    gallery: Gallery,
    settings: Settings,
    painter: Painter,
    limiter: FlashLimiter,
    stats: Stats,
    /// The camera's last picture.
    original: Option<Arc<Picture>>,
    photo: Option<Image>,
}

impl Page {
    /// Answers a request; `bytes` are those that go beside it.
    pub fn answer(&mut self, request: Request, bytes: &[u8]) -> Result<Reply, WebError> {
        if let Request::Open { threads } = request {
            let open = self.open.insert(Open::new(bytes, threads)?);
            return Ok(open.state().into());
        }
        self.open.as_mut().ok_or(WebError::NotOpen)?.answer(request, bytes)
    }
}

impl Open {
    fn new(model: &[u8], threads: usize) -> Result<Self, WebError> {
        let model = Arc::new(Model::from_bytes(model, "light.safetensors")?);
        let stylizer = Stylizer::builder(model).engine(EngineChoice::Cpu).threads(threads).build()?;
        Ok(Self {
            painter: Painter::new(&stylizer),
            stylizer,
            threads,
            gallery: Gallery::default(),
            settings: Settings::default(),
            limiter: FlashLimiter::new(),
            stats: Stats::new(),
            original: None,
            photo: None,
        })
    }

    fn answer(&mut self, request: Request, bytes: &[u8]) -> Result<Reply, WebError> {
        Ok(match request {
            Request::Open { .. } => unreachable!("the page has answered it"),
            Request::Styles => self.add_styles(bytes)?.into(),
            Request::StyleFile => self.added(entry_from_file(&self.stylizer, bytes)?)?,
            Request::Painting { name, width, height } => {
                let painting = image_from_rgba(width, height, bytes)?;
                self.added(entry_from_painting(&self.stylizer, painting, &name)?)?
            }
            Request::Remove { id } => self.remove(&id)?,
            Request::Settings(patch) => self.patch(&patch)?.into(),
            Request::State => self.state().into(),
            Request::Stats => json!(self.stats.report(Instant::now())).into(),
            Request::Seen { latency_ms } => {
                self.stats.latency(latency_ms);
                Reply::default()
            }
            Request::Thumb { id, of_camera } => self.thumb(&id, of_camera)?.into(),
            Request::SmallPainting { id } => {
                let painting = self.gallery.painting(&id);
                painting.ok_or(StudioError::Style(id))?.to_vec().into()
            }
            Request::Mix { name } => self.mix(name)?.into(),
            Request::Frame => self.frame(bytes)?,
            Request::Scene { width, height, seconds, sequence, captured_ms } => {
                let picture = scene::draw(width.clamp(16, 1920), height.clamp(16, 1080), seconds).into();
                self.paint(Frame { picture, sequence, captured_ms, painted: false }, WireFormat::Rgba)?
            }
            Request::Photo { width, height, sequence, captured_ms } => {
                if !bytes.is_empty() {
                    self.photo = Some(image_from_rgba(width, height, bytes)?);
                }
                self.paint_photo(sequence, captured_ms)?
            }
            Request::Cut => {
                self.painter = Painter::new(&self.stylizer);
                Reply::default()
            }
            Request::Conformance => self.conformance(),
            Request::Bench { width, height, frames } => {
                self.bench(&image_from_rgba(width, height, bytes)?, frames)?
            }
        })
    }

    fn add_styles(&mut self, mut pack: &[u8]) -> Result<Value, WebError> {
        let damaged = || WebError::Request("the pack of styles is damaged".into());
        while !pack.is_empty() {
            let (length, rest) = pack.split_first_chunk::<4>().ok_or_else(damaged)?;
            let (file, rest) =
                rest.split_at_checked(u32::from_le_bytes(*length) as usize).ok_or_else(damaged)?;
            let style = Style::from_bytes(file)?;
            style.check(self.stylizer.model())?;
            self.gallery.add_unpainted(style)?;
            pack = rest;
        }
        Ok(self.state())
    }

    fn added(&mut self, entry: impasto_studio::Entry) -> Result<Reply, WebError> {
        Ok(json!({ "id": self.gallery.add_dropped(entry)? }).into())
    }

    fn remove(&mut self, id: &str) -> Result<Reply, WebError> {
        self.gallery.remove(id)?;
        self.settings.styles.retain(|chosen| chosen.id != id);
        Ok(Reply::default())
    }

    fn patch(&mut self, patch: &Value) -> Result<Value, WebError> {
        let changed = self.settings.patched(patch)?;
        self.gallery.mix(&changed.styles)?;
        self.settings = changed;
        Ok(json!(self.settings))
    }

    fn state(&self) -> Value {
        json!({
            "model": self.stylizer.model().name,
            "engine": self.stylizer.engine_name(),
            "threads": self.threads,
            "settings": self.settings,
            "styles": self.gallery.entries(),
        })
    }

    fn dials(&self) -> Dials {
        let Settings { strength, keep_color, .. } = self.settings;
        Dials { strength, keep_color, ..Dials::default() }
    }

    fn thumb(&self, id: &str, of_camera: bool) -> Result<Vec<u8>, WebError> {
        let painted = self.gallery.thumb(id).ok_or_else(|| StudioError::Style(id.into()))?;
        let picture = self.original.as_ref().filter(|_| of_camera);
        if picture.is_none() && !painted.is_empty() {
            return Ok(painted.to_vec());
        }
        let chosen = [impasto_studio::Chosen { id: id.into(), weight: 1.0 }];
        let style = self.gallery.mix(&chosen)?.ok_or_else(|| StudioError::Style(id.into()))?;
        let dials = if picture.is_some() { self.dials() } else { Dials::default() };
        Ok(small_painting(&self.stylizer, &style, picture.map(|picture| picture.image()), &dials)?)
    }

    fn mix(&self, name: String) -> Result<Vec<u8>, WebError> {
        let style = self.gallery.mix(&self.settings.styles)?;
        let mut style = style.ok_or_else(|| WebError::Request("no style is chosen".into()))?;
        style.provenance.name = name;
        Ok(style.to_bytes())
    }

    fn frame(&mut self, message: &[u8]) -> Result<Reply, WebError> {
        let start = Instant::now();
        let (Header { format, sequence, captured_ms, .. }, picture) = codec::decode(message, |_| {
            Err(StudioError::Message("frames of JPEG are for servers; send i420 or rgba".into()))
        })?;
        let picture = turned(picture, self.settings.rotate, self.settings.crop);
        self.stats.stage(Stage::Decode, start.elapsed());
        self.paint(Frame { picture, sequence, captured_ms, painted: false }, format)
    }

    /// Paints a frame at a working size that holds the rate.
    fn paint(&mut self, frame: Frame, format: WireFormat) -> Result<Reply, WebError> {
        let style = self.gallery.mix(&self.settings.styles)?;
        let stats = &mut self.stats;
        let painting =
            self.painter.paint(frame, style, &self.settings, |stage, took| stats.stage(stage, took))?;
        let Finished { picture, original, sequence, captured_ms, working, measured } =
            finished(painting, &self.settings, &mut self.limiter);
        if let Some((flashes, took)) = measured {
            self.stats.flashes(flashes);
            self.stats.stage(Stage::Enlarge, took);
        }
        let start = Instant::now();
        let message = codec::encode(&picture, format, sequence, captured_ms);
        self.stats.stage(Stage::Encode, start.elapsed());
        self.stats.painted(Instant::now(), working, (picture.width(), picture.height()));
        self.original = Some(original);
        Ok(Reply { json: json!({ "free_in_ms": self.painter.busy().as_secs_f64() * 1e3 }), bytes: message })
    }

    /// Paints the photo at its own size.
    fn paint_photo(&mut self, sequence: u32, captured_ms: f64) -> Result<Reply, WebError> {
        let photo = self.photo.as_ref().ok_or(WebError::NoPhoto)?;
        let (start, style) = (Instant::now(), self.gallery.mix(&self.settings.styles)?);
        let painted = match &style {
            Some(style) => self.stylizer.paint(photo, style, &self.dials())?,
            None => photo.clone(),
        };
        self.stats.stage(Stage::Paint, start.elapsed());
        let original = Picture::from(photo.clone());
        let picture =
            impasto_studio::seen(painted.into(), &original, self.settings.mirror, self.settings.split);
        let size = (picture.width(), picture.height());
        self.stats.painted(Instant::now(), size, size);
        self.original = Some(Arc::new(original));
        Ok(codec::encode(&picture, WireFormat::Rgba, sequence, captured_ms).into())
    }

    fn conformance(&self) -> Reply {
        let engine = self.stylizer.engine();
        let mut failures = conformance::failures(engine.as_ref(), Tolerance::F32);
        // A suite that the judge itself fails says nothing about others.
        failures.extend(conformance::failures(&ReferenceEngine, Tolerance::F32));
        json!({ "engine": self.stylizer.engine_name(), "failures": failures }).into()
    }

    fn bench(&self, picture: &Image, frames: usize) -> Result<Reply, WebError> {
        let style = self.gallery.mix(&self.settings.styles)?;
        let style = style.ok_or_else(|| WebError::Request("no style is chosen".into()))?;
        let (mut session, dials) = (self.stylizer.session(), self.dials());
        let mut painted = Image::black(1, 1);
        let mut times = Vec::with_capacity(frames);
        for _ in 0..frames {
            let start = Instant::now();
            session.paint(picture, &style, &dials, &mut painted)?;
            times.push(start.elapsed().as_secs_f64() * 1e3);
        }
        Ok(Reply { json: json!({ "ms": times }), bytes: painted.rgb().to_vec() })
    }
}

fn image_from_rgba(width: usize, height: usize, rgba: &[u8]) -> Result<Image, WebError> {
    let fits = width > 0
        && height > 0
        && width.checked_mul(height).and_then(|n| n.checked_mul(4)) == Some(rgba.len());
    if !fits {
        return Err(WebError::Request(format!("{} bytes for a picture of {width}x{height} px", rgba.len())));
    }
    let rgb = rgba.chunks_exact(4).flat_map(|pixel| [pixel[0], pixel[1], pixel[2]]).collect();
    Ok(Image::new(width, height, rgb).expect("the length was checked"))
}
