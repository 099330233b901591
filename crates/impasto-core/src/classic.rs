//! The classic network: VGG-19 to relu4_1, AdaIN, and a mirrored decoder (Huang and Belongie 2017).
//!
//! Weights by name: `conv0` (1x1, from RGB `0..1` to the VGG's own range), `conv1_1` to `conv4_1`, and
//! `dec0` to `dec8`. All 3x3 convolutions see a reflected border.

use crate::network::{Network, NetworkBuilder, NodeId, Padding};

/// Added to variances, as in both common implementations.
pub const EPS: f32 = 1e-5;

/// Which variance is meant where; the weights are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Variance {
    /// Unbiased plus eps for content and style: the common PyTorch port.
    #[default]
    Port,
    /// Unbiased without eps for the style, biased plus eps for the content: the original Torch code.
    Original,
}

/// Convolutions of VGG-19 up to relu5_1: name, output channels, and whether a max pool follows.
pub const VGG19: [(&str, usize, bool); 13] = [
    ("conv1_1", 64, false),
    ("conv1_2", 64, true),
    ("conv2_1", 128, false),
    ("conv2_2", 128, true),
    ("conv3_1", 256, false),
    ("conv3_2", 256, false),
    ("conv3_3", 256, false),
    ("conv3_4", 256, true),
    ("conv4_1", 512, false),
    ("conv4_2", 512, false),
    ("conv4_3", 512, false),
    ("conv4_4", 512, true),
    ("conv5_1", 512, false),
];

/// Convolutions of the decoder: name, output channels, and whether upsampling follows. The last has no ReLU.
pub const DECODER: [(&str, usize, bool); 9] = [
    ("dec0", 256, true),
    ("dec1", 256, false),
    ("dec2", 256, false),
    ("dec3", 256, false),
    ("dec4", 128, true),
    ("dec5", 128, false),
    ("dec6", 64, true),
    ("dec7", 64, false),
    ("dec8", 3, false),
];

/// Adds the VGG up to and with the ReLU after convolution `last`; gives the ReLUs by convolution name.
///
/// # Panics
/// If there is no such convolution.
pub fn push_vgg(b: &mut NetworkBuilder, last: &str) -> Vec<(&'static str, NodeId)> {
    let picture = b.input(3);
    let mut x = b.conv("conv0", picture, 3, 1, 1, Padding::Reflect);
    let mut relus = Vec::new();
    for (name, channels, pooled) in VGG19 {
        x = b.conv(name, x, channels, 3, 1, Padding::Reflect);
        x = b.relu(x);
        relus.push((name, x));
        if name == last {
            return relus;
        }
        if pooled {
            x = b.max_pool2(x);
        }
    }
    panic!("VGG-19 has no layer `{last}` up to conv5_1");
}

/// The painter: VGG, AdaIN at relu4_1, decoder. 126.5 GMAC at 512x512.
pub fn painter(variance: Variance) -> Network {
    let mut b = NetworkBuilder::new("classic").fit_picture(1);
    let (_, relu4_1) = *push_vgg(&mut b, "conv4_1").last().expect("the VGG has layers");
    let mut x = match variance {
        Variance::Port => b.adain_unbiased("relu4_1", relu4_1, 512, EPS),
        Variance::Original => b.adain("relu4_1", relu4_1, 512, EPS),
    };
    for (name, channels, upsampled) in DECODER {
        x = b.conv(name, x, channels, 3, 1, Padding::Reflect);
        if channels == 3 {
            break;
        }
        x = b.relu(x);
        if upsampled {
            x = b.upsample2(x);
        }
    }
    b.finish()
}

/// The style encoder: VGG to relu4_1, mean and standard deviation, `[1024, 1, 1]`.
pub fn encoder(variance: Variance) -> Network {
    let mut b = NetworkBuilder::new("classic style encoder");
    let (_, relu4_1) = *push_vgg(&mut b, "conv4_1").last().expect("the VGG has layers");
    let eps = if variance == Variance::Port { EPS } else { 0.0 };
    b.mean_std(relu4_1, eps, true);
    b.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sound_and_cost_what_is_said() {
        for variance in [Variance::Port, Variance::Original] {
            painter(variance).check().unwrap();
            encoder(variance).check().unwrap();
        }
        let gmac = painter(Variance::Port).macs(512, 512).unwrap() as f64 / 1e9;
        assert!((gmac - 126.5).abs() < 0.1, "{gmac}");
        assert_eq!(painter(Variance::Port).style_len(), 1024);
        assert_eq!(encoder(Variance::Port).output_shape(65, 33).unwrap().len(), 1024);
    }
}
