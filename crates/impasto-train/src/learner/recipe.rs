//! The losses as one table: what a recipe weighs, what a step reports, and everything that is said of either (report, TensorBoard, detectors,
//! the GPU's refusal) walks [`LOSSES`].

use crate::loss::{laplacian, phase, picture, ssim};
use impasto_core::Tensor;
use serde::{Deserialize, Serialize};

/// The target of the pastiche's features.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContentKind {
    /// The photo's features with the painting's mean and deviation: AdaIN's own output (Huang and Belongie 2017).
    #[default]
    AdaIn,
    /// The photo's features as they are (Gatys et al. 2015).
    Features,
}

/// The part of the pastiche's features that is held to the painting's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StyleKind {
    /// Squares of differences of means and of deviations.
    #[default]
    Moments,
    /// Their roots, one for the means and one for the deviations of each layer.
    Root,
    /// Gram matrices.
    Gram,
    /// Covariances and means over all photos of a batch that share the painting, each over the size of both sides; mean of the layers.
    Balanced,
}

/// Which pictures a loss looks at.
#[derive(Clone, Copy, Debug)]
pub enum Stage {
    /// The pastiche through the loss network.
    Judge,
    /// The pastiche itself: the loss of `(pastiche, photo)`, which adds a weighted gradient to the pastiche.
    Picture(fn(&Tensor, &Tensor, f32, &mut Tensor) -> f32),
    /// The pastiche and that of the photo's twin.
    Twin,
    /// The photo painted in its own style.
    Identity,
}

/// Whether a GPU computes a loss.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGpu {
    /// In kernels.
    Kernel,
    /// By the processor, on what the GPU hands it.
    Host,
    /// Not at all: such a recipe is refused.
    No,
}

/// A row of the table.
pub struct Loss {
    /// The setting `recipe.NAME`, and the name in the log.
    pub name: &'static str,
    /// Heads its curve.
    pub title: &'static str,
    /// Which pictures it looks at.
    pub stage: Stage,
    /// Whether a GPU computes it.
    pub on_gpu: OnGpu,
    /// Its weight in a recipe.
    pub weight: fn(&Recipe) -> f32,
    /// The same, to change.
    pub weight_mut: fn(&mut Recipe) -> &mut f32,
    /// Its unweighted mean in a report.
    pub value: fn(&StepReport) -> f32,
    /// The same, to change.
    pub value_mut: fn(&mut StepReport) -> &mut f32,
}

macro_rules! loss_table {
    (
        losses { $($(#[$doc:meta])* $name:ident = $weight:expr, $title:expr, $stage:expr, $gpu:ident;)* }
        settings { $($(#[$about:meta])* $setting:ident: $kind:ty = $value:expr;)* }
    ) => {
        /// Weights of the losses, and the step's size.
        #[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Recipe {
            $($(#[$doc])* pub $name: f32,)*
            $($(#[$about])* pub $setting: $kind,)*
        }

        impl Default for Recipe {
            fn default() -> Self {
                Self { $($name: $weight,)* $($setting: $value,)* }
            }
        }

        /// Measurements of one step; losses are unweighted means over the batch.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct StepReport {
            $($(#[$doc])* pub $name: f32,)*
            /// Length of the gradient before clipping.
            pub gradient_norm: f32,
        }

        /// All losses.
        pub const LOSSES: [Loss; [$(stringify!($name)),*].len()] = [$(Loss {
            name: stringify!($name),
            title: $title,
            stage: $stage,
            on_gpu: OnGpu::$gpu,
            weight: |recipe| recipe.$name,
            weight_mut: |recipe| &mut recipe.$name,
            value: |report| report.$name,
            value_mut: |report| &mut report.$name,
        }),*];
    };
}

loss_table! {
    losses {
        /// Content: MSE of features to [`Recipe::content_target`].
        content = 0.0, "Content", Stage::Judge, Kernel;
        /// Content as drawing alone: MSE of the deepest features, each channel of mean 0 and deviation 1 in photo and pastiche.
        #[serde(default)]
        instance_content = 0.1, "Content, normalised features", Stage::Judge, No;
        /// Content as likeness between places: how alike any two places of relu3_1 and relu4_1 are, whatever their colours.
        #[serde(default)]
        self_similarity = 0.0, "Self-similarity", Stage::Judge, No;
        /// Style, at four layers: see [`Recipe::style_kind`].
        style = 2.0, "Style", Stage::Judge, Kernel;
        /// Style as sliced Wasserstein distances of the features of relu2_1 and relu3_1, over all photos that share the painting.
        #[serde(default)]
        wasserstein = 0.0, "Sliced Wasserstein", Stage::Judge, No;
        /// Contrastive coherence (CCPL) at relu2_1, relu3_1 and relu4_1.
        coherence = 0.0, "Coherence", Stage::Judge, Host;
        /// Structural similarity of luma to the photo: `1 - SSIM`.
        ssim = 0.05, "1 - SSIM with the photo", Stage::Picture(ssim::ssim_loss), Kernel;
        /// L1 between Laplacians of the pastiche's and the photo's brightness.
        laplacian = 0.0, "Laplacian", Stage::Picture(laplacian::laplacian), Host;
        /// Total variation.
        total_variation = 0.0, "Total variation", Stage::Picture(|y, _, w, g| picture::total_variation(y, w, g)), Host;
        /// Loss on detail that repeats every 8 px, beyond the photo's own: the variance of the means over the 64 phases.
        #[serde(default)]
        phase = 0.0, "Phase variance", Stage::Picture(phase::phase_variance), No;
        /// Keeps the pastiche in `0..1`.
        range = 3.0, "Range", Stage::Picture(|y, _, w, g| picture::range(y, w, g)), Kernel;
        /// L1 between the pastiches of a photo and of its twin, which is moved and noisy, where they show the same.
        noise = 0.5, "Twin (noise and motion), L1", Stage::Twin, Kernel;
        /// L1 to the photo, painted in its own style.
        identity = 0.0, "Reconstruction (identity), L1", Stage::Identity, Kernel;
    }
    settings {
        /// Target of the content's features.
        content_target: ContentKind = ContentKind::AdaIn;
        /// Layers whose features are the content, counted from relu4_1 upwards: 1 to 4. Their losses are added.
        content_layers: usize = 1;
        /// The part of the style that is compared.
        style_kind: StyleKind = StyleKind::Balanced;
        /// Deviation of the twin's noise, in `0..1`.
        noise_sigma: f32 = 0.018;
        /// Limit of the AdaIN target's gain.
        gain_limit: f32 = 5.0;
        /// Adam's rate.
        rate: f32 = 8e-4;
        /// AdamW: the part of the rate by which weights shrink each step; 0 is Adam.
        decay: f32 = 0.0;
        /// Limit of the gradient's length.
        clip: f32 = 1.0;
        /// Share of the averaged weights that is kept each step.
        average: f32 = 0.998;
    }
}

impl Recipe {
    /// No loss at all, and the optimiser's usual numbers.
    pub fn empty() -> Self {
        let mut recipe = Self::default();
        LOSSES.iter().for_each(|loss| *(loss.weight_mut)(&mut recipe) = 0.0);
        recipe
    }

    /// The recipe of `light` up to its thirteenth run, and of the toy: AdaIN's content, means and deviations, much likeness to the photo.
    pub fn moments() -> Self {
        Self {
            content: 1.0,
            style: 3.0,
            style_kind: StyleKind::Moments,
            ssim: 2.0,
            identity: 10.0,
            noise: 5.0,
            noise_sigma: 0.012,
            range: 10.0,
            rate: 1.5e-3,
            clip: 10.0,
            ..Self::empty()
        }
    }

    /// Whether a loss needs the loss network.
    pub fn asks_judge(&self) -> bool {
        LOSSES.iter().any(|loss| match loss.stage {
            Stage::Judge => (loss.weight)(self) > 0.0,
            Stage::Picture(_) | Stage::Twin | Stage::Identity => false,
        })
    }

    /// The same without the losses that need the loss network.
    pub fn without_judge(mut self) -> Self {
        for loss in &LOSSES {
            match loss.stage {
                Stage::Judge => *(loss.weight_mut)(&mut self) = 0.0,
                Stage::Picture(_) | Stage::Twin | Stage::Identity => {}
            }
        }
        self
    }

    /// Settings of this recipe that a GPU cannot compute.
    pub fn missing_on_gpu(&self) -> Vec<String> {
        let asked = |loss: &&Loss| loss.on_gpu == OnGpu::No && (loss.weight)(self) > 0.0;
        let mut missing: Vec<String> =
            LOSSES.iter().filter(asked).map(|loss| format!("recipe.{}", loss.name)).collect();
        if self.style > 0.0 && self.style_kind == StyleKind::Balanced {
            missing.push("recipe.style_kind=balanced".into());
        }
        missing
    }
}

impl StepReport {
    /// Adds `part` of `other`'s losses.
    pub fn add(&mut self, other: &Self, part: f32) {
        for loss in &LOSSES {
            *(loss.value_mut)(self) += part * (loss.value)(other);
        }
        self.gradient_norm += part * other.gradient_norm;
    }

    /// Whether every number is finite.
    pub fn is_finite(&self) -> bool {
        LOSSES.iter().all(|loss| (loss.value)(self).is_finite()) && self.gradient_norm.is_finite()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_names_a_setting_and_a_number_of_the_log() {
        let (recipe, report) = (Recipe::default(), StepReport::default());
        let (recipe, report) = (serde_json::to_value(recipe).unwrap(), serde_json::to_value(report).unwrap());
        for loss in &LOSSES {
            assert!(recipe.get(loss.name).is_some() && report.get(loss.name).is_some(), "{}", loss.name);
        }
    }

    #[test]
    fn reports_add_up_and_notice_every_number() {
        for loss in &LOSSES {
            let mut sum = StepReport::default();
            let mut one = StepReport::default();
            *(loss.value_mut)(&mut one) = 3.0;
            sum.add(&one, 0.5);
            assert_eq!((loss.value)(&sum), 1.5, "{}", loss.name);
            *(loss.value_mut)(&mut one) = f32::NAN;
            assert!(!one.is_finite(), "{}", loss.name);
        }
    }

    #[test]
    fn a_recipe_of_an_older_run_gets_no_new_losses() {
        let old: Recipe = serde_json::from_str(r#"{"content": 1, "style": 3}"#).unwrap();
        assert_eq!(
            (old.instance_content, old.self_similarity, old.wasserstein, old.phase),
            (0.0, 0.0, 0.0, 0.0)
        );
    }

    #[test]
    fn what_a_gpu_lacks_is_named() {
        assert!(Recipe::moments().missing_on_gpu().is_empty());
        let recipe = Recipe { phase: 1.0, ..Recipe::moments() };
        assert_eq!(recipe.missing_on_gpu(), ["recipe.phase"]);
        assert!(Recipe::default().missing_on_gpu().contains(&"recipe.style_kind=balanced".to_string()));
    }
}
