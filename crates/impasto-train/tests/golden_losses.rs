//! Every loss, value and gradient, against PyTorch.

mod support;

use impasto_core::Padding;
use impasto_core::{Tensor, Weights};
use impasto_train::loss::coherence::coherence;
use impasto_train::loss::covariance::{self, Covariance, FeatureSums, balanced};
use impasto_train::loss::feature::{
    ContentTarget, StyleTerm, content_mse, style_mean_std, style_mean_std_sqrt,
};
use impasto_train::loss::gram::{gram, style_gram};
use impasto_train::loss::instance::instance_content;
use impasto_train::loss::similarity::self_similarity;
use impasto_train::loss::sliced::sliced;
use impasto_train::loss::{laplacian, phase, picture, ssim};
use impasto_train::optimiser::{Adam, clip, norm};
use impasto_train::walk::{Map, Moments, Plain, add_statistics_gradient, moments};
use support::{assert_near, get, golden, sample};

/// Runs `f` over both samples; PyTorch takes the mean over them, so that each gets half of the weight.
fn over_samples(case: &str, names: [&str; 2], f: impl Fn(&Tensor, &Tensor, f32, &mut Tensor) -> f32) {
    let golden = golden();
    let (a, b) = (get(&golden, case, names[0]), get(&golden, case, names[1]));
    let count = a.shape[0];
    let mut total = 0.0;
    for n in 0..count {
        let (y, x) = (sample(a, n), sample(b, n));
        let mut gradient = Tensor::zeros(y.shape());
        total += f(&y, &x, 1.0 / count as f32, &mut gradient) / count as f32;
        let expected = sample(get(&golden, case, &format!("g_{}", names[0])), n);
        assert_near(gradient.data(), expected.data(), case);
    }
    assert_near(&[total], &get(&golden, case, "loss").values, case);
}

#[test]
fn picture_losses() {
    over_samples("l1", ["y", "target"], picture::l1);
    over_samples("total_variation", ["y", "y"], |y, _, w, g| picture::total_variation(y, w, g));
    over_samples("range", ["y", "y"], |y, _, w, g| picture::range(y, w, g));
    over_samples("ssim_box8", ["y", "x"], ssim::ssim_loss);
    over_samples("laplacian", ["y", "x"], laplacian::laplacian);
    over_samples("phase_variance", ["y", "x"], phase::phase_variance);
}

#[test]
fn l1_to_both_sides() {
    let (golden, case) = (golden(), "l1_both");
    let [a, b] = ["a", "b"].map(|n| sample(get(&golden, case, n), 0));
    let (mut to_a, mut to_b) = (Tensor::zeros(a.shape()), Tensor::zeros(b.shape()));
    let value = picture::l1_both(&a, &b, 1.0, &mut to_a, &mut to_b);
    assert_near(&[value], &get(&golden, case, "loss").values, case);
    assert_near(to_a.data(), &get(&golden, case, "g_a").values, case);
    assert_near(to_b.data(), &get(&golden, case, "g_b").values, case);
}

fn targets(golden: &Weights, case: &str, n: usize) -> Moments {
    let part = |name: &str| get(golden, case, name).values[n * 6..(n + 1) * 6].to_vec();
    Moments { mean: part("mean"), std: part("std"), divisor: 1.0 }
}

#[test]
fn style_losses() {
    let golden = golden();
    // The root of a mean over both samples is not the mean of roots: that variant is checked on values below.
    let case = "style_mean_std";
    let mut total = 0.0;
    for n in 0..2 {
        let y = Map::<f32>::from_tensor(&sample(get(&golden, case, "y"), n));
        let own = moments(&y, 1e-5, false);
        let StyleTerm { value, d_mean, d_std } = style_mean_std(&own, &targets(&golden, case, n), 0.5);
        total += 0.5 * value;
        let mut dy = Map::zeros(y.shape());
        add_statistics_gradient(&y, &own, &d_mean, &d_std, false, false, &mut dy);
        assert_near(dy.to_tensor().data(), sample(get(&golden, case, "g_y"), n).data(), case);
    }
    assert_near(&[total], &get(&golden, case, "loss").values, case);
}

#[test]
fn the_root_variant() {
    // Both samples as one: twelve channels, each with its own statistics, give PyTorch's mean over both.
    let (golden, case) = (golden(), "style_mean_std_sqrt");
    let maps = [0, 1].map(|n| Map::<f32>::from_tensor(&sample(get(&golden, case, "y"), n)));
    let own = maps.each_ref().map(|y| moments(y, 1e-5, false));
    let join = |parts: [&Moments; 2]| Moments {
        mean: parts.iter().flat_map(|m| m.mean.clone()).collect(),
        std: parts.iter().flat_map(|m| m.std.clone()).collect(),
        divisor: parts[0].divisor,
    };
    let wanted = [targets(&golden, case, 0), targets(&golden, case, 1)];
    let term = style_mean_std_sqrt(&join([&own[0], &own[1]]), &join([&wanted[0], &wanted[1]]), 1.0);
    assert_near(&[term.value], &get(&golden, case, "loss").values, case);
    for (n, (y, own)) in maps.iter().zip(&own).enumerate() {
        let (d_mean, d_std) = (&term.d_mean[n * 6..n * 6 + 6], &term.d_std[n * 6..n * 6 + 6]);
        let mut dy = Map::zeros(y.shape());
        add_statistics_gradient(y, own, d_mean, d_std, false, false, &mut dy);
        assert_near(dy.to_tensor().data(), sample(get(&golden, case, "g_y"), n).data(), case);
    }
}

#[test]
fn content_loss_and_its_target() {
    let (golden, case) = (golden(), "content_mse");
    let mut total = 0.0;
    for n in 0..2 {
        let [y, target] = ["y", "target"].map(|k| Map::<f32>::from_tensor(&sample(get(&golden, case, k), n)));
        let mut dy = Map::zeros(y.shape());
        let same = ContentTarget::features(6);
        total += 0.5 * content_mse(&y, &target, &same, 0.5, (false, false), &mut dy);
        assert_near(dy.to_tensor().data(), sample(get(&golden, case, "g_y"), n).data(), case);
    }
    assert_near(&[total], &get(&golden, case, "loss").values, case);

    let case = "adain_target";
    for n in 0..2 {
        let part = |name: &str| get(&golden, case, name).values[n * 6..(n + 1) * 6].to_vec();
        let content = Moments { mean: part("mean0"), std: part("std0"), divisor: 1.0 };
        let target = ContentTarget::new(&content, &targets(&golden, case, n), 5.0);
        let f = sample(get(&golden, case, "f"), n);
        let y = Tensor::from_fn(f.shape(), |c, v, u| f.row(c, v)[u] * target.gain[c] + target.shift[c]);
        assert_near(y.data(), sample(get(&golden, case, "y"), n).data(), case);
    }
}

#[test]
fn gram_matrices() {
    let (golden, case) = (golden(), "style_gram");
    let mut total = 0.0;
    for n in 0..2 {
        let mut y = Map::<f32>::from_tensor(&sample(get(&golden, case, "y"), n));
        // What a convolution has left in the rim does not count.
        y.fill_rim(Padding::Reflect);
        let target = &get(&golden, case, "gram_target").values[n * 36..(n + 1) * 36];
        let own = gram(Plain, &y, &mut ());
        let mut dy = Map::zeros(y.shape());
        total += 0.5 * style_gram(Plain, &y, &own, target, 0.5, (false, false), &mut dy);
        let expected = sample(get(&golden, case, "g_y"), n);
        assert_near(dy.to_tensor().data(), expected.data(), case);
        // Added to what is there, and gated where a ReLU's value is 0.
        style_gram(Plain, &y, &own, target, 0.5, (true, true), &mut dy);
        let twice = Tensor::from_fn(expected.shape(), |c, v, u| {
            let (g, gated) = (expected.row(c, v)[u], y.to_tensor().row(c, v)[u] <= 0.0);
            if gated { g } else { 2.0 * g }
        });
        assert_near(dy.to_tensor().data(), twice.data(), case);
    }
    assert_near(&[total], &get(&golden, case, "loss").values, case);
}

#[test]
fn balanced_covariances_over_two_pictures() {
    let (golden, case) = (golden(), "style_balanced");
    let target = Map::<f32>::from_tensor(&sample(get(&golden, case, "target"), 0));
    let target = Covariance::of(Plain, &target, &mut ());
    let mut sums = FeatureSums::new(6);
    let maps = [0, 1].map(|n| {
        let mut y = Map::<f32>::from_tensor(&sample(get(&golden, case, "y"), n));
        // What a convolution has left in the rim does not count.
        y.fill_rim(Padding::Reflect);
        sums.add(Plain, &y, &mut ());
        y
    });
    let own = sums.covariance();
    let (value, slope) = balanced(&own, &target, 1.0);
    assert_near(&[value], &get(&golden, case, "loss").values, case);
    for (n, y) in maps.iter().enumerate() {
        let expected = sample(get(&golden, case, "g_y"), n);
        let mut dy = Map::zeros(y.shape());
        covariance::back(Plain, y, &own, &slope, (false, false), &mut dy);
        assert_near(dy.to_tensor().data(), expected.data(), case);
        covariance::back(Plain, y, &own, &slope, (true, true), &mut dy);
        let twice = Tensor::from_fn(expected.shape(), |c, v, u| {
            let (g, gated) = (expected.row(c, v)[u], y.to_tensor().row(c, v)[u] <= 0.0);
            if gated { g } else { 2.0 * g }
        });
        assert_near(dy.to_tensor().data(), twice.data(), case);
    }
    // Sums of the two apart are the sums of both.
    let mut parts = maps.map(|y| {
        let mut sums = FeatureSums::new(6);
        sums.add(Plain, &y, &mut ());
        sums
    });
    let (first, second) = parts.split_at_mut(1);
    first[0].merge(&second[0]);
    let merged = first[0].covariance();
    assert_near(&merged.matrix, &own.matrix, case);
}

/// A loss over features of both samples, of which PyTorch takes the mean.
fn over_maps(case: &str, f: impl Fn(&Map<f32>, &Map<f32>, f32, bool, &mut Map<f32>) -> f32) {
    let golden = golden();
    let mut total = 0.0;
    for n in 0..2 {
        let [y, x] = ["y", "x"].map(|k| Map::<f32>::from_tensor(&sample(get(&golden, case, k), n)));
        let expected = sample(get(&golden, case, "g_y"), n);
        let mut dy = Map::zeros(y.shape());
        total += 0.5 * f(&y, &x, 0.5, false, &mut dy);
        assert_near(dy.to_tensor().data(), expected.data(), case);
        // Added to what is there.
        f(&y, &x, 0.5, true, &mut dy);
        let twice: Vec<f32> = expected.data().iter().map(|g| 2.0 * g).collect();
        assert_near(dy.to_tensor().data(), &twice, case);
    }
    assert_near(&[total], &get(&golden, case, "loss").values, case);
}

#[test]
fn content_of_normalised_features() {
    over_maps("instance_content", |y, x, weight, keep, dy| {
        let [own, photo] = [y, x].map(|f| moments(f, 1e-5, false));
        instance_content((y, &own), (x, &photo), weight, keep, dy)
    });
}

#[test]
fn likeness_between_places() {
    let places: Vec<(usize, usize)> = (0..12).map(|i| (i / 4, i % 4)).collect();
    over_maps("self_similarity", |y, x, weight, keep, dy| {
        self_similarity(y, x, &places, weight, (false, keep), dy)
    });
}

#[test]
fn sliced_wasserstein() {
    let (golden, case) = (golden(), "sliced");
    let values = |name: &str| get(&golden, case, name).values.clone();
    let (own, target, directions) = (values("own"), values("target"), values("directions"));
    let mut gradient = vec![0.0; own.len()];
    let value = sliced(&own, &target, 6, &directions, 1.0, &mut gradient);
    assert_near(&[value], &values("loss"), case);
    assert_near(&gradient, &values("g_own"), case);
}

#[test]
fn contrastive_coherence() {
    let (golden, case) = (golden(), "ccpl");
    let places: Vec<(usize, usize)> =
        get(&golden, case, "anchors").values.chunks(2).map(|p| (p[0] as usize, p[1] as usize)).collect();
    let mut total = 0.0;
    for n in 0..2 {
        let [y, x] = ["y", "x"].map(|k| Map::<f32>::from_tensor(&sample(get(&golden, case, k), n)));
        let mut dy = Map::zeros(y.shape());
        total += 0.5 * coherence(&y, &x, &places, 0.5, (false, false), &mut dy);
        let expected = sample(get(&golden, case, "g_y"), n);
        assert_near(dy.to_tensor().data(), expected.data(), case);
        coherence(&y, &x, &places, 0.5, (true, true), &mut dy);
        let twice = Tensor::from_fn(expected.shape(), |c, v, u| {
            let (g, gated) = (expected.row(c, v)[u], y.to_tensor().row(c, v)[u] <= 0.0);
            if gated { g } else { 2.0 * g }
        });
        assert_near(dy.to_tensor().data(), twice.data(), case);
    }
    assert_near(&[total], &get(&golden, case, "loss").values, case);
}

#[test]
fn the_optimiser() {
    let golden = golden();
    for (case, decay) in [("adam", 0.0), ("adamw", 0.1)] {
        let mut values = get(&golden, case, "start").values.clone();
        let mut adam = Adam { decay, ..Adam::new(values.len()) };
        let (gradients, after) = (get(&golden, case, "grads"), get(&golden, case, "after"));
        for (gradient, expected) in gradients.values.chunks(7).zip(after.values.chunks(7)) {
            adam.step(&mut values, gradient, 1e-2);
            assert_near(&values, expected, case);
        }
    }
    let part = |name: &str| get(&golden, "clip_norm", name).values.clone();
    let mut gradient = [part("a"), part("b")].concat();
    let length = norm(&gradient);
    assert_near(&[length], &part("norm"), "clip_norm");
    clip(&mut gradient, length, 1.0);
    assert_near(&gradient, &[part("clipped_a"), part("clipped_b")].concat(), "clip_norm");
}

/// bf16 keeps 8 significant bits; a Gram matrix sums many products.
#[cfg(all(target_arch = "x86_64", target_os = "linux"))]
#[test]
fn gram_matrices_on_tiles() {
    let Some(tiles) = impasto_train::walk::Tiles::detect() else {
        println!("skipped: gram_matrices_on_tiles: this processor has no AMX");
        return;
    };
    use impasto_core::{Shape, conformance::Random};
    let mut random = Random::new(3);
    let features = random.tensor(Shape::new(48, 12, 20), 0.0, 1.0);
    let (mut plain, mut coarse) = (Map::<f32>::from_tensor(&features), Map::from_tensor(&features));
    plain.fill_rim(Padding::Reflect);
    coarse.fill_rim(Padding::Reflect);
    let expected = gram(Plain, &plain, &mut ());
    let found = gram(tiles, &coarse, &mut Default::default());
    support::assert_within(&found, &expected, 0.01, "gram");
    let target: Vec<f32> = expected.iter().map(|g| 0.5 * g).collect();
    let (mut dy, mut coarse_dy) = (Map::zeros(plain.shape()), Map::zeros(coarse.shape()));
    style_gram(Plain, &plain, &expected, &target, 1e3, (true, false), &mut dy);
    style_gram(tiles, &coarse, &found, &target, 1e3, (true, false), &mut coarse_dy);
    support::assert_within(coarse_dy.to_tensor().data(), dy.to_tensor().data(), 0.03, "gradient");
}
