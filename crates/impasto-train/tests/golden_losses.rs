//! Every loss, value and gradient, against PyTorch.

mod support;

use impasto_core::{Tensor, Weights};
use impasto_train::loss::feature::{
    ContentTarget, StyleTerm, content_mse, style_mean_std, style_mean_std_sqrt,
};
use impasto_train::loss::{picture, ssim};
use impasto_train::walk::{Map, Moments, add_statistics_gradient, moments};
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
