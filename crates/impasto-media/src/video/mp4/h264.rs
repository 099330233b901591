//! H.264 through OpenH264, built from its source.
//!
//! The decoder knows 8-bit 4:2:0 of whole frames. It is never asked to flush between frames: only then do B-frames come out in the order
//! in which they are shown. Its threads stay off: the crate marks them unsafe.

use super::entry::AvcConfig;
use super::sps::Sps;
use crate::video::frame::{Chroma, Color, Matrix, Planes};
use openh264::OpenH264API;
use openh264::decoder::{DecodedYUV, Decoder as Inner, DecoderConfig, Flush};
use openh264::encoder::{
    BitRate, ColorPrimaries, Encoder as InnerEncoder, EncoderConfig, FrameRate, FrameType,
    MatrixCoefficients, QpRange, RateControlMode, TransferCharacteristics, VuiConfig,
};
use openh264::formats::YUVSource;

/// Begins a NAL unit in a stream.
const START: [u8; 4] = [0, 0, 0, 1];

/// The highest level that OpenH264 decodes, times ten.
const MAX_LEVEL: u8 = 52;

/// Says in a noun phrase why the built-in decoder cannot do a stream.
pub(crate) fn unsupported(sps: &Sps) -> Option<String> {
    let layout = ["grey", "4:2:0", "4:2:2", "4:4:4"].get(sps.chroma as usize).unwrap_or(&"unknown");
    match sps {
        Sps { bits: 9.., .. } => Some(format!("H.264 of {} bits", sps.bits)),
        Sps { chroma: 0 | 2.., .. } => Some(format!("H.264 with {layout} colour")),
        Sps { progressive: false, .. } => Some("interlaced H.264".into()),
        Sps { level, .. } if *level > MAX_LEVEL => {
            Some(format!("H.264 of level {}.{}", level / 10, level % 10))
        }
        _ => None,
    }
}

/// Decodes samples of an MP4 track.
pub(crate) struct Decoder {
    inner: Inner,
    length_bytes: usize,
    color: Color,
    stream: Vec<u8>,
}

impl Decoder {
    pub fn new(color: Color) -> Result<Self, String> {
        let config = DecoderConfig::new().flush_after_decode(Flush::NoFlush);
        let inner = Inner::with_api_config(OpenH264API::from_source(), config).map_err(|e| e.to_string())?;
        Ok(Self { inner, length_bytes: 4, color, stream: Vec::new() })
    }

    /// Takes the parameter sets of a sample entry.
    pub fn configure(&mut self, config: &AvcConfig) {
        self.length_bytes = config.length_bytes;
        self.stream.clear();
        for set in config.sps.iter().chain(&config.pps) {
            self.stream.extend(START);
            self.stream.extend(set);
        }
    }

    /// Decodes one sample; a picture comes out when its turn has come.
    pub fn decode(&mut self, sample: &[u8]) -> Result<Option<Planes>, String> {
        let mut rest = sample;
        while !rest.is_empty() {
            let (length, after) =
                rest.split_at_checked(self.length_bytes).ok_or("a sample ends inside a length")?;
            let length = length.iter().fold(0, |n, &b| n << 8 | usize::from(b));
            let (unit, after) = after.split_at_checked(length).ok_or("a sample is shorter than its parts")?;
            self.stream.extend(START);
            self.stream.extend(unit);
            rest = after;
        }
        let decoded = self.inner.decode(&self.stream).map_err(|e| e.to_string());
        let planes = decoded.map(|yuv| yuv.map(|yuv| planes_of(&yuv, self.color)));
        self.stream.clear();
        planes
    }

    /// What is left inside, in order.
    pub fn finish(&mut self) -> Result<Vec<Planes>, String> {
        let color = self.color;
        let left = self.inner.flush_remaining().map_err(|e| e.to_string())?;
        Ok(left.iter().map(|yuv| planes_of(yuv, color)).collect())
    }
}

/// The planes without the padding between rows.
fn planes_of(yuv: &DecodedYUV, color: Color) -> Planes {
    let (width, height) = yuv.dimensions();
    let strides = yuv.strides();
    let (cw, ch) = Chroma::C420.plane(width, height);
    let tight = |plane: &[u8], stride: usize, width: usize, height: usize| {
        let mut bytes = Vec::with_capacity(width * height);
        plane.chunks(stride).take(height).for_each(|row| bytes.extend_from_slice(&row[..width]));
        bytes
    };
    Planes {
        width,
        height,
        chroma: Chroma::C420,
        color,
        y: tight(yuv.y(), strides.0, width, height),
        u: tight(yuv.u(), strides.1, cw, ch),
        v: tight(yuv.v(), strides.2, cw, ch),
    }
}

/// Planes as the encoder reads them.
struct Source<'a>(&'a Planes);

impl YUVSource for Source<'_> {
    fn dimensions(&self) -> (usize, usize) {
        (self.0.width, self.0.height)
    }

    fn strides(&self) -> (usize, usize, usize) {
        let chroma = self.0.chroma.plane(self.0.width, self.0.height).0;
        (self.0.width, chroma, chroma)
    }

    fn y(&self) -> &[u8] {
        &self.0.y
    }

    fn u(&self) -> &[u8] {
        &self.0.u
    }

    fn v(&self) -> &[u8] {
        &self.0.v
    }
}

/// One encoded frame, as an MP4 sample.
pub struct Encoded {
    /// NAL units, each behind its length in four bytes.
    pub bytes: Vec<u8>,
    /// Decodes without others.
    pub key: bool,
}

/// Encodes frames of one size at one quality. What comes out depends on the frames since the last [`Encoder::restart`] alone.
pub struct Encoder {
    inner: Option<InnerEncoder>,
    config: EncoderConfig,
    avc: AvcConfig,
}

impl Encoder {
    /// `quality` is `1..=100`; `hz` is the usual rate, `width` and `height` are in px.
    pub fn new(width: usize, height: usize, hz: f64, quality: u8, color: Color) -> Self {
        let qp = quantiser(quality);
        // The bit rate only chooses the level that is announced; the quantiser is fixed.
        let bits = (width * height) as f64 * hz.clamp(1.0, 120.0) * 0.2;
        let config = EncoderConfig::new()
            .skip_frames(false)
            .bitrate(BitRate::from_bps(bits.clamp(1e5, 5e7) as u32))
            .max_frame_rate(FrameRate::from_hz(hz.clamp(1.0, 60.0) as f32))
            .rate_control_mode(RateControlMode::Bufferbased)
            .qp(QpRange::new(qp, qp))
            .scene_change_detect(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .num_threads(1)
            .vui(vui(color));
        Self { inner: None, config, avc: AvcConfig { length_bytes: 4, sps: Vec::new(), pps: Vec::new() } }
    }

    /// The next frame stands by itself and nothing before it counts.
    pub fn restart(&mut self) {
        self.inner = None;
    }

    /// The parameter sets; empty before the first frame.
    pub(crate) fn config(&self) -> &AvcConfig {
        &self.avc
    }

    /// Encodes planar 4:2:0 of even size.
    pub fn encode(&mut self, planes: &Planes) -> Result<Encoded, String> {
        if self.inner.is_none() {
            let made = InnerEncoder::with_api_config(OpenH264API::from_source(), self.config);
            self.inner = Some(made.map_err(|e| e.to_string())?);
        }
        let encoder = self.inner.as_mut().expect("it was just made");
        let stream = encoder.encode(&Source(planes)).map_err(|e| e.to_string())?;
        let mut encoded = Encoded { bytes: Vec::new(), key: stream.frame_type() == FrameType::IDR };
        let (mut sps, mut pps) = (Vec::new(), Vec::new());
        for layer in (0..stream.num_layers()).filter_map(|i| stream.layer(i)) {
            for unit in (0..layer.nal_count()).filter_map(|i| layer.nal_unit(i)) {
                let unit = without_start(unit);
                match unit.first().map(|byte| byte & 31) {
                    Some(7) => sps.push(unit.to_vec()),
                    Some(8) => pps.push(unit.to_vec()),
                    Some(_) => {
                        encoded.bytes.extend((unit.len() as u32).to_be_bytes());
                        encoded.bytes.extend(unit);
                    }
                    None => {}
                }
            }
        }
        if encoded.bytes.is_empty() {
            return Err("the encoder left a frame out".into());
        }
        if self.avc.sps.is_empty() {
            (self.avc.sps, self.avc.pps) = (sps, pps);
        }
        Ok(encoded)
    }
}

fn without_start(unit: &[u8]) -> &[u8] {
    let zeros = unit.iter().take_while(|&&b| b == 0).count();
    unit.get(zeros + 1..).unwrap_or_default()
}

/// From quality 1..=100 to the quantiser 51..=12.
pub(crate) fn quantiser(quality: u8) -> u8 {
    let quality = f32::from(quality.clamp(1, 100));
    (51.0 - 39.0 * (quality - 1.0) / 99.0).round() as u8
}

fn vui(color: Color) -> VuiConfig {
    let vui = match color.matrix {
        Matrix::Bt601 => VuiConfig::bt601(),
        Matrix::Bt709 => VuiConfig::bt709(),
        Matrix::Bt2020 => VuiConfig::bt2020()
            .color_primaries(ColorPrimaries::Bt2020)
            .transfer_characteristics(TransferCharacteristics::Bt2020_10)
            .matrix_coefficients(MatrixCoefficients::Bt2020Ncl),
    };
    vui.full_range(color.full)
}
