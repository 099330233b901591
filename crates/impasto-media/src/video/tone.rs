//! HDR and wide-gamut pixels as a screen shows them: light by their own curve, BT.709 primaries, and highlights rolled off.
//!
//! 1.0 is reference white (203 nits, ITU-R BT.2408). Up to [`KNEE`] light stays as it is; above it a Möbius curve, whose slope joins without
//! a kink, brings the film's peak to 1 (the same as ffmpeg's `tonemap=mobius`). The result is coded for BT.1886 screens.

use super::frame::Matrix;
use std::sync::Arc;

/// Nits of white that is no light source.
const WHITE_NITS: f32 = 203.0;
/// The peak where a film tells none, and that of HLG's usual screen.
const USUAL_PEAK_NITS: f32 = 1000.0;
/// Light up to here is not compressed.
const KNEE: f32 = 0.3;
/// Exponent of a screen (BT.1886).
const GAMMA: f32 = 2.4;
/// Steps of the table that codes light, by its square root.
const STEPS: usize = 4096;

/// The map from a pixel's number to light.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfer {
    /// A usual screen's.
    Sdr,
    /// Perceptual quantiser (SMPTE ST 2084).
    Pq,
    /// Hybrid log-gamma (ARIB STD-B67).
    Hlg,
}

/// The colours of pure red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Primaries {
    /// HD's and sRGB's.
    Bt709,
    /// UHD's.
    Bt2020,
    /// Those of cinema and of phones (P3 with a white of D65).
    DisplayP3,
}

/// Colours other than those of a screen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tone {
    /// From numbers to light.
    pub transfer: Transfer,
    /// From light to colour.
    pub primaries: Primaries,
    /// The brightest that there is, in nits.
    pub peak_nits: f32,
}

impl Tone {
    /// From the codes of ITU-T H.273; `None` for colours of a usual screen and unknown ones.
    pub(crate) fn of(primaries: Option<u8>, transfer: Option<u8>) -> Option<Self> {
        let transfer = match transfer {
            Some(16) => Transfer::Pq,
            Some(18) => Transfer::Hlg,
            _ => Transfer::Sdr,
        };
        let primaries = match primaries {
            Some(9) => Primaries::Bt2020,
            Some(12) => Primaries::DisplayP3,
            _ => Primaries::Bt709,
        };
        let usual = transfer == Transfer::Sdr && primaries == Primaries::Bt709;
        (!usual).then_some(Self { transfer, primaries, peak_nits: USUAL_PEAK_NITS })
    }

    /// With the peak that a film tells, if that can be.
    pub(crate) fn with_peak(self, nits: Option<f32>) -> Self {
        match nits.filter(|nits| self.transfer == Transfer::Pq && (WHITE_NITS..=10_000.0).contains(nits)) {
            Some(peak_nits) => Self { peak_nits, ..self },
            None => self,
        }
    }

    /// One sentence for a person.
    pub fn note(&self) -> String {
        let gamut = match self.primaries {
            Primaries::Bt709 => "BT.709",
            Primaries::Bt2020 => "BT.2020",
            Primaries::DisplayP3 => "P3",
        };
        match self.transfer {
            Transfer::Sdr => format!("Its colours are {gamut}: they are brought to BT.709."),
            Transfer::Pq => format!("It is HDR (PQ, {gamut}): it is tone-mapped to SDR (BT.709)."),
            Transfer::Hlg => format!("It is HDR (HLG, {gamut}): it is tone-mapped to SDR (BT.709)."),
        }
    }

    /// What maps pixels; `levels` is 256 or 65536.
    pub(crate) fn mapper(&self, levels: usize) -> Mapper {
        let most = (levels - 1) as f32;
        let to_light = (0..levels).map(|value| self.light(value as f32 / most)).collect();
        let coded = |step: usize| {
            let light = (step as f32 / (STEPS - 1) as f32).powi(2);
            (255.0 * light.powf(1.0 / GAMMA)).round() as u8
        };
        let peak = self.peak_nits / WHITE_NITS;
        Mapper {
            to_light,
            hlg: self.transfer == Transfer::Hlg,
            matrix: to_bt709(self.primaries),
            curve: (self.transfer != Transfer::Sdr).then(|| Mobius::new(peak)),
            to_code: Arc::new((0..STEPS).map(coded).collect()),
        }
    }

    /// The light of a number in `0..=1`, in units of white; for HLG that of the scene, in `0..=1`.
    fn light(&self, v: f32) -> f32 {
        match self.transfer {
            Transfer::Sdr => v.powf(GAMMA),
            Transfer::Pq => pq(v) * 10_000.0 / WHITE_NITS,
            Transfer::Hlg => hlg(v),
        }
    }
}

/// SMPTE ST 2084: share of 10,000 nits.
fn pq(v: f32) -> f32 {
    let (m1, m2) = (2610.0 / 16_384.0, 2523.0 / 32.0);
    let (c1, c2, c3) = (3424.0 / 4096.0, 2413.0 / 128.0, 2392.0 / 128.0);
    let p = f64::from(v).powf(1.0 / m2);
    ((p - c1).max(0.0) / (c2 - c3 * p)).powf(1.0 / m1) as f32
}

/// ARIB STD-B67: light of the scene.
fn hlg(v: f32) -> f32 {
    let (a, b, c) = (0.178_832_77f32, 0.284_668_92, 0.559_910_7);
    if v <= 0.5 { v * v / 3.0 } else { (((v - c) / a).exp() + b) / 12.0 }
}

/// Linear light of these primaries to that of BT.709.
fn to_bt709(primaries: Primaries) -> [[f32; 3]; 3] {
    match primaries {
        Primaries::Bt709 => [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]],
        Primaries::Bt2020 => [
            [1.660_491, -0.587_641, -0.072_850],
            [-0.124_550, 1.132_9, -0.008_349],
            [-0.018_151, -0.100_579, 1.118_73],
        ],
        Primaries::DisplayP3 => {
            [[1.224_94, -0.224_94, 0.0], [-0.042_057, 1.042_057, 0.0], [-0.019_638, -0.078_636, 1.098_274]]
        }
    }
}

/// Shares of red, green and blue in luma (ITU-R BT.601, BT.709, BT.2020).
fn luma_of(matrix: Matrix) -> [f32; 3] {
    match matrix {
        Matrix::Bt601 => [0.299, 0.587, 0.114],
        Matrix::Bt709 => [0.2126, 0.7152, 0.0722],
        Matrix::Bt2020 => [0.2627, 0.678, 0.0593],
    }
}

/// `scale * (x + a) / (x + b)` above the knee.
#[derive(Clone, Copy)]
struct Mobius {
    a: f32,
    b: f32,
    scale: f32,
}

impl Mobius {
    fn new(peak: f32) -> Self {
        let j = KNEE;
        let a = -j * j * (peak - 1.0) / (j * j - 2.0 * j + peak);
        let b = (j * j - 2.0 * j * peak + peak) / (peak - 1.0).max(1e-6);
        Self { a, b, scale: (b * b + 2.0 * b * j + j * j) / (b - a) }
    }

    fn at(&self, light: f32) -> f32 {
        if light <= KNEE { light } else { self.scale * (light + self.a) / (light + self.b) }
    }
}

/// Tables and numbers of one [`Tone`].
#[derive(Clone)]
pub(crate) struct Mapper {
    to_light: Vec<f32>,
    hlg: bool,
    matrix: [[f32; 3]; 3],
    curve: Option<Mobius>,
    to_code: Arc<Vec<u8>>,
}

impl Mapper {
    /// Interleaved RGB of 8 bits, in place.
    pub fn map_8(&self, rgb: &mut [u8]) {
        for pixel in rgb.as_chunks_mut::<3>().0 {
            *pixel = self.pixel(pixel.map(usize::from));
        }
    }

    /// Planes of luma, Cb and Cr of one size, one after another, 16 bits, little-endian, limited range, to interleaved RGB of 8 bits.
    pub fn map_16(&self, planes: &[u8], matrix: Matrix) -> Vec<u8> {
        let planes = planes.as_chunks::<2>().0;
        let (y, chroma) = planes.split_at(planes.len() / 3);
        let (cb, cr) = chroma.split_at(y.len());
        let value = |bytes: &[u8; 2]| f32::from(u16::from_le_bytes(*bytes));
        let [red, green, blue] = luma_of(matrix);
        let number = |v: f32| (v.clamp(0.0, 1.0) * 65_535.0 + 0.5) as usize;
        let pixel = |((y, cb), cr): ((&[u8; 2], &[u8; 2]), &[u8; 2])| {
            let y = (value(y) - 4096.0) / 56_064.0;
            let [cb, cr] = [cb, cr].map(|c| (value(c) - 32_768.0) / 57_344.0);
            let (r, b) = (y + 2.0 * (1.0 - red) * cr, y + 2.0 * (1.0 - blue) * cb);
            self.pixel([r, (y - red * r - blue * b) / green, b].map(number))
        };
        y.iter().zip(cb).zip(cr).flat_map(pixel).collect()
    }

    fn pixel(&self, numbers: [usize; 3]) -> [u8; 3] {
        let mut light = numbers.map(|number| self.to_light[number]);
        if self.hlg {
            // From the scene to a screen of 1,000 nits (ITU-R BT.2100, system gamma 1.2).
            let luma = 0.2627 * light[0] + 0.678 * light[1] + 0.0593 * light[2];
            let gain = luma.powf(0.2) * USUAL_PEAK_NITS / WHITE_NITS;
            light = light.map(|c| c * gain);
        }
        let mut light = self.matrix.map(|row| (0..3).map(|k| row[k] * light[k]).sum::<f32>());
        if let Some(curve) = self.curve {
            let brightest = light[0].max(light[1]).max(light[2]).max(1e-6);
            let gain = curve.at(brightest) / brightest;
            light = light.map(|c| c * gain);
        }
        light.map(|c| self.to_code[(c.clamp(0.0, 1.0).sqrt() * (STEPS - 1) as f32 + 0.5) as usize])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_colours_need_nothing() {
        assert_eq!(Tone::of(Some(1), Some(1)), None);
        assert_eq!(Tone::of(None, None), None);
        assert_eq!(Tone::of(Some(6), Some(13)), None);
        assert_eq!(Tone::of(Some(9), Some(16)).unwrap().transfer, Transfer::Pq);
        let tone = Tone::of(Some(9), Some(16)).unwrap();
        assert_eq!(tone.with_peak(Some(4000.0)).peak_nits, 4000.0);
        assert_eq!(tone.with_peak(Some(0.0)).peak_nits, USUAL_PEAK_NITS);
    }

    /// White of 203 nits is 58 % of PQ and 75 % of HLG (ITU-R BT.2408).
    #[test]
    fn curves_are_those_of_the_standards() {
        assert!((pq(0.58) * 10_000.0 - 203.0).abs() < 3.0, "{}", pq(0.58) * 10_000.0);
        assert!((pq(1.0) - 1.0).abs() < 1e-5 && pq(0.0) == 0.0);
        assert!((hlg(0.75) - 0.265).abs() < 1e-3 && (hlg(1.0) - 1.0).abs() < 1e-4);
    }

    /// A colour of HLG, worked out by hand in the formulas of BT.2100: the system gamma of 1.2 acts on the luminance of the scene, not
    /// on each colour as zimg (ffmpeg's zscale) has it, so that hues stay.
    #[test]
    fn the_gamma_of_hlg_keeps_the_hue() {
        let tone = Tone::of(Some(1), Some(18)).unwrap();
        let mut pixel = vec![128, 64, 32];
        tone.mapper(256).map_8(&mut pixel);
        // Scene light v²/3, luminance of BT.2020, displayed light over 203 nits; none is above the knee.
        let scene = [128.0f64, 64.0, 32.0].map(|v| (v / 255.0).powi(2) / 3.0);
        let luminance = 0.2627 * scene[0] + 0.678 * scene[1] + 0.0593 * scene[2];
        let shown = scene.map(|light| light * luminance.powf(0.2) * 1000.0 / 203.0);
        assert!(shown[0] < f64::from(KNEE), "{shown:?}");
        for (found, light) in pixel.iter().zip(shown) {
            let expected = 255.0 * light.powf(1.0 / 2.4);
            assert!((f64::from(*found) - expected).abs() < 1.5, "{pixel:?} {shown:?}");
        }
    }

    #[test]
    fn the_peak_is_white_grey_stays_grey_and_brighter_stays_brighter() {
        for tone in [Tone::of(Some(9), Some(16)), Tone::of(Some(9), Some(18))].map(Option::unwrap) {
            let mapper = tone.mapper(256);
            let mut grey: Vec<u8> = (0..=255).flat_map(|v| [v; 3]).collect();
            mapper.map_8(&mut grey);
            assert_eq!((&grey[..3], &grey[765..]), (&[0, 0, 0][..], &[255, 255, 255][..]));
            for pair in grey.chunks_exact(3).collect::<Vec<_>>().windows(2) {
                assert!(pair[0][0].abs_diff(pair[0][2]) <= 1, "{pair:?}");
                assert!(pair[1][0] >= pair[0][0], "{pair:?}");
            }
        }
    }

    #[test]
    fn eight_and_sixteen_bits_agree() {
        let mapper = (
            Tone::of(Some(9), Some(18)).unwrap().mapper(256),
            Tone::of(Some(9), Some(18)).unwrap().mapper(65_536),
        );
        let mut eight: Vec<u8> = vec![10, 200, 30, 255, 128, 0];
        let [red, green, blue] = luma_of(Matrix::Bt2020);
        let planes = eight.as_chunks::<3>().0.iter().map(|pixel| {
            let [r, g, b] = pixel.map(|v| f32::from(v) / 255.0);
            let y = red * r + green * g + blue * b;
            [
                y * 56_064.0 + 4096.0,
                (b - y) / (2.0 - 2.0 * blue) * 57_344.0 + 32_768.0,
                (r - y) / (2.0 - 2.0 * red) * 57_344.0 + 32_768.0,
            ]
        });
        let planes: Vec<_> = planes.collect();
        let sixteen: Vec<u8> = (0..3)
            .flat_map(|k| planes.iter().flat_map(move |p| (p[k].round() as u16).to_le_bytes()))
            .collect();
        mapper.0.map_8(&mut eight);
        let sixteen = mapper.1.map_16(&sixteen, Matrix::Bt2020);
        assert!(eight.iter().zip(&sixteen).all(|(a, b)| a.abs_diff(*b) <= 1), "{eight:?} {sixteen:?}");
    }

    #[test]
    fn wide_colours_without_hdr_keep_their_grey() {
        let mapper = Tone::of(Some(9), Some(1)).unwrap().mapper(256);
        let mut pixels = vec![128, 128, 128, 200, 60, 60];
        mapper.map_8(&mut pixels);
        assert!(pixels[..3].iter().all(|v| v.abs_diff(128) <= 1), "{pixels:?}");
        assert!(pixels[3] > 200 && pixels[4] < 60, "a red of BT.2020 is redder: {pixels:?}");
    }
}
