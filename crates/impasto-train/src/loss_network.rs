//! The frozen network that judges: VGG-19 up to relu4_1, or the small judge of our own that was distilled from it.

mod own;

pub use own::{JudgeFileError, JudgeShape};

use crate::walk::{Packed, Parameters, Plain, Program, Tape, moments};
use impasto_core::Random;
use impasto_core::classic::{self, VGG19};
use impasto_core::network::{Network, NetworkBuilder, NodeId, Padding};
use impasto_core::weights::WeightsError;
use impasto_core::{Tensor, Weights};
use impasto_import::ImportError;

/// ReLUs whose means and deviations are a style; the last one's features are the content.
pub const LAYERS: [&str; 4] = ["conv1_1", "conv2_1", "conv3_1", "conv4_1"];

/// The first filters of the VGG-19 that its authors published: bit `i` tells that filter `i` answers to red more than to blue. Normalising
/// multiplies filters by positive numbers, and does not change it.
const REDDER: u64 = 0xEC31_412B_BC2B_C598;

/// Source of a VGG-19, for messages.
pub const WHERE_FROM: &str = "The loss network is VGG-19: `vgg_normalised.pth` from the releases page of naoto0804/pytorch-AdaIN on GitHub, or \
    torchvision's `vgg19-dcbb9e9d.pth`, which is normalised here on your photos; a classic model that `impasto import` made of \
    them serves too";

/// Why a file is no loss network.
#[derive(Debug, thiserror::Error)]
pub enum LossNetworkError {
    /// A tensor is missing or of another shape.
    #[error(
        "{0}. The loss network is the normalised VGG-19 up to relu4_1 (conv0, conv1_1 to conv4_1); \
         `impasto import` makes it from the published files"
    )]
    Weights(#[from] WeightsError),
    /// The file cannot be used.
    #[error("{0}. {WHERE_FROM}")]
    Import(#[from] ImportError),
    /// A judge of our own that cannot be used.
    #[error(transparent)]
    Judge(#[from] JudgeFileError),
    /// Activations far from a mean of one: not normalised.
    #[error(
        "this VGG-19 is not normalised: the mean activation of {layer} on a test picture is {mean:.1}, and about 1 is expected. \
         Trained against it, everything turns a muddy brown; `impasto import` normalises torchvision's weights"
    )]
    NotNormalised {
        /// The layer.
        layer: String,
        /// Mean activation.
        mean: f32,
    },
}

/// A table, its weights, and where its four looks are.
#[derive(Clone, Debug)]
pub struct LossNetwork {
    /// The table: RGB in `0..1` to relu4_1.
    pub network: Network,
    /// Weights; `conv0` is folded into `conv1_1`.
    pub weights: Weights,
    /// The ReLUs of [`LAYERS`].
    pub looks: [NodeId; 4],
}

impl LossNetwork {
    /// The normalised VGG-19, of whose weights `conv0` turns RGB in `0..1` into what `conv1_1` expects.
    pub fn normalised(weights: &Weights) -> Result<Self, LossNetworkError> {
        let loss = Self::unchecked(weights)?;
        loss.check_scale()?;
        Ok(loss)
    }

    /// The same of a VGG-19 that may not be normalised, to compare with one that is.
    pub fn unchecked(weights: &Weights) -> Result<Self, LossNetworkError> {
        let mut b = NetworkBuilder::new("vgg19-relu4_1");
        let mut x = b.input(3);
        let mut looks = Vec::new();
        for (name, channels, pooled) in VGG19 {
            x = b.conv(name, x, channels, 3, 1, Padding::Reflect);
            x = b.relu(x);
            if LAYERS.contains(&name) {
                looks.push(x);
            }
            if name == LAYERS[3] {
                break;
            }
            if pooled {
                x = b.max_pool2(x);
            }
        }
        let network = b.finish();
        let mut own = Weights::new();
        for (name, shape) in network.weight_shapes().expect("the table is sound") {
            own.insert(name.clone(), shape.clone(), weights.expect(&name, &shape)?.to_vec());
        }
        fold_first(weights, &mut own)?;
        Ok(Self { network, weights: own, looks: looks.try_into().expect("four layers") })
    }

    /// A small network of random weights, scaled to mean activations of 1: enough of a judge for colours and simple textures, for trying
    /// the trainer where there is no VGG.
    pub fn random(seed: u64) -> Self {
        let mut b = NetworkBuilder::new("random-judge");
        let mut x = b.input(3);
        let mut looks = Vec::new();
        for (i, channels) in [16, 32, 48, 64].into_iter().enumerate() {
            if i > 0 {
                x = b.max_pool2(x);
            }
            x = b.conv(&format!("random{}", i + 1), x, channels, 3, 1, Padding::Reflect);
            x = b.relu(x);
            looks.push(x);
        }
        let network = b.finish();
        let weights = crate::init::painter(&network, &mut Random::new(seed));
        let mut loss = Self { network, weights, looks: looks.try_into().expect("four layers") };
        for i in 0..4 {
            let mean = loss.means()[i].max(1e-3);
            let name = format!("random{}.weight", i + 1);
            let weight = loss.weights.get_mut(&name).expect("the table has this layer");
            weight.values.iter_mut().for_each(|w| *w /= mean);
        }
        loss
    }

    /// Mean activation at each look on the test picture.
    fn means(&self) -> [f32; 4] {
        let program = Program::new(&self.network).expect("a plain chain of layers");
        let parameters = Parameters::from_weights(&program, &self.weights).expect("the weights fit");
        let packed = Packed::new(Plain, &parameters, &parameters.values);
        let picture = Self::test_picture();
        let mut tape = Tape::new(Plain, &program, picture.shape().height, picture.shape().width)
            .expect("the table takes any size");
        tape.run(&program, &packed, &picture, &[]);
        self.looks.map(|id| {
            let own = moments(tape.value(id).map(), EPS, false);
            own.mean.iter().sum::<f32>() / own.mean.len() as f32
        })
    }

    /// Whatever looks wrong with the published VGG-19's weights, though they can be used; `None` for other weights.
    pub fn suspicion(&self) -> Option<String> {
        let weight = self.weights.get("conv1_1.weight").filter(|w| w.values.len() == 64 * 27)?;
        let redder = |filter: &[f32]| filter[..9].iter().sum::<f32>() > filter[18..].iter().sum::<f32>();
        let same = |(i, filter): (usize, &[f32])| redder(filter) == (REDDER >> i & 1 == 1);
        let agree = weight.values.chunks_exact(27).enumerate().filter(|&f| same(f)).count();
        // Other weights agree by chance, in about half of the filters.
        (agree <= 8).then(|| {
            "the loss network takes blue for red: its first filters are the published VGG-19's with red and blue exchanged, as when BGR was \
             taken for RGB while it was converted. Colours will be judged wrongly; convert it again with `impasto import`, or take another file"
                .into()
        })
    }

    fn check_scale(&self) -> Result<(), LossNetworkError> {
        for (mean, layer) in self.means().into_iter().zip(LAYERS) {
            if !(0.1..10.0).contains(&mean) {
                return Err(LossNetworkError::NotNormalised { layer: layer.into(), mean });
            }
        }
        Ok(())
    }

    /// A picture with some of everything, on which a normalised VGG's layers have means near 1.
    pub fn test_picture() -> Tensor {
        Tensor::from_fn(impasto_core::Shape::new(3, 64, 64), |c, y, x| {
            let (x, y) = (x as f32, y as f32);
            0.5 + 0.25 * (x / (3.0 + c as f32)).sin() + 0.25 * (y * x / 90.0).cos()
        })
    }
}

/// A 1x1 convolution in front of a reflecting 3x3 one is a change of the latter's weights.
fn fold_first(weights: &Weights, own: &mut Weights) -> Result<(), LossNetworkError> {
    let first = weights.expect("conv0.weight", &[3, 3, 1, 1])?;
    let bias = weights.expect("conv0.bias", &[3])?;
    let inner = weights.expect("conv1_1.weight", &[64, 3, 3, 3])?;
    let at = |o: usize, i: usize, t: usize| inner[(o * 3 + i) * 9 + t];
    let folded = &mut own.get_mut("conv1_1.weight").expect("inserted above").values;
    for (n, value) in folded.iter_mut().enumerate() {
        let (o, j, t) = (n / 27, n / 9 % 3, n % 9);
        *value = (0..3).map(|i| at(o, i, t) * first[i * 3 + j]).sum();
    }
    let shifts = &mut own.get_mut("conv1_1.bias").expect("inserted above").values;
    for (o, shift) in shifts.iter_mut().enumerate() {
        *shift += (0..27).map(|n| at(o, n / 9, n % 9) * bias[n / 9]).sum::<f32>();
    }
    Ok(())
}

/// Added to variances in the losses.
pub const EPS: f32 = classic::EPS;
