//! A stylizer over a small network with random weights.

use impasto::{Dials, EngineChoice, Image, Mask, Model, PaintError, Provenance, Style, Stylizer, scene};
use impasto_core::conformance::Case;
use impasto_core::image::psnr_db;
use impasto_core::model::StrengthKind;
use impasto_core::style::Update;
use impasto_core::weights::Weight;
use impasto_core::{NetworkBuilder, Padding};
use std::sync::Arc;

/// The classic network's kinds of layer: pooling before the only AdaIN, upsampling after it.
fn model(strength: StrengthKind) -> Arc<Model> {
    let mut b = NetworkBuilder::new("painter").fit_picture(1);
    let x = b.input(3);
    let x = b.conv("a", x, 8, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.max_pool2(x);
    let x = b.conv("b", x, 8, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let features = x;
    let x = b.adain_unbiased("site", x, 8, 1e-5);
    let x = b.conv("c", x, 8, 3, 1, Padding::Reflect);
    let x = b.upsample2(x);
    let x = b.conv("d", x, 3, 3, 1, Padding::Reflect);
    b.scale(x, 0.2, 0.4);
    let painter = Case::new("painter", b.finish(), 8, 8, 3);
    let mut encoder = painter.network.truncated(features);
    encoder.name = "encoder".into();
    let mut b = NetworkBuilder::new("encoder");
    b.input(3);
    encoder.nodes[1..].iter().for_each(|node| {
        b.push(&node.name, node.op.clone());
    });
    b.mean_std(features, 1e-5, true);
    let weights = (*painter.weights).clone();
    Arc::new(
        Model::new("tiny", painter.network, b.finish(), weights, strength, "CC0-1.0", serde_json::json!({}))
            .unwrap(),
    )
}

fn stylizer(strength: StrengthKind) -> Stylizer {
    Stylizer::builder(model(strength)).engine(EngineChoice::Reference).build().unwrap()
}

/// The style of stripes, wider with `seconds`.
fn style(stylizer: &Stylizer, seconds: f32) -> Style {
    let painting = Image::from_fn(40, 30, |x, y| match ((x + y) as f32 / seconds * 20.0) as usize % 3 {
        0 => [230, 40, 30],
        1 => [20, 20, (6 * x) as u8],
        _ => [250, 240, 90],
    });
    stylizer.encode(&painting, Provenance::default()).unwrap()
}

#[test]
fn a_photo_keeps_its_size_at_any_size() {
    let stylizer = stylizer(StrengthKind::Features);
    let style = style(&stylizer, 30.0);
    for (width, height) in [(1, 1), (2, 1), (7, 5), (33, 18)] {
        let photo = scene::draw(width, height, 0.0);
        let painted = stylizer.paint(&photo, &style, &Dials::default()).unwrap();
        assert_eq!((painted.width(), painted.height()), (width, height));
    }
}

/// Five AdaIN sites one behind the other, a noise field, strides: each site's statistics are those of the whole picture. On so small
/// a picture they differ a little at its ragged end, everywhere alike: what must not be is a difference along the cuts.
#[test]
fn the_light_network_leaves_no_seam() {
    let Some(model) = impasto::builtin::model("light") else { return };
    let build = |tile_px| {
        Stylizer::builder(model.clone())
            .engine(EngineChoice::Cpu)
            .threads(1)
            .tile_px(tile_px)
            .build()
            .unwrap()
    };
    let photo = scene::draw(601, 83, 2.0);
    let style = impasto::builtin::style("waves").unwrap();
    for strength in [1.0, 0.6] {
        let dials = Dials { strength, ..Dials::default() };
        let [whole, tiled] = [4096, 128].map(|px| build(px).paint(&photo, &style, &dials).unwrap());
        let db = psnr_db(&whole, &tiled);
        assert!(db > 35.0, "strength {strength}: {db:.1} dB");
        let column = |x: usize| -> u32 {
            let apart = |y| {
                whole
                    .pixel(x, y)
                    .iter()
                    .zip(tiled.pixel(x, y))
                    .map(|(a, b)| u32::from(a.abs_diff(b)))
                    .sum::<u32>()
            };
            (0..83).map(apart).sum()
        };
        let mean = (0..601).map(column).sum::<u32>() / 601;
        for cut in [128, 256, 384, 512] {
            let there = (cut - 4..cut + 4).map(column).sum::<u32>() / 8;
            assert!(there < 2 * mean + 83, "strength {strength}, a seam at {cut}: {there}, elsewhere {mean}");
        }
    }
}

#[test]
fn tiles_leave_no_seam() {
    let whole = stylizer(StrengthKind::Features);
    let photo = scene::draw(101, 75, 0.0);
    let style = style(&whole, 30.0);
    for strength in [1.0, 0.4] {
        let dials = Dials { strength, ..Dials::default() };
        let expected = whole.paint(&photo, &style, &dials).unwrap();
        let tiled = Stylizer::builder(whole.model().clone())
            .engine(EngineChoice::Reference)
            .tile_px(24)
            .build()
            .unwrap();
        let found = tiled.paint(&photo, &style, &dials).unwrap();
        assert!(psnr_db(&expected, &found) > 60.0, "{}", psnr_db(&expected, &found));
        let worst = expected.rgb().iter().zip(found.rgb()).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst <= Some(1), "{worst:?}");
    }
}

#[test]
fn strength_goes_from_the_photo_to_the_style() {
    for kind in [StrengthKind::Features, StrengthKind::Code] {
        let stylizer = stylizer(kind);
        let photo = scene::draw(40, 30, 0.0);
        let (wave, own) = (style(&stylizer, 30.0), stylizer.encode(&photo, Provenance::default()).unwrap());
        let at = |style: &Style, strength| {
            stylizer.paint(&photo, style, &Dials { strength, ..Dials::default() }).unwrap()
        };
        assert_eq!(at(&wave, 0.0), photo, "strength 0 is the photo itself");
        assert_eq!(at(&own, 0.0), photo);
        let away: Vec<f64> =
            [0.1, 0.25, 0.5, 1.0].map(|strength| psnr_db(&at(&wave, strength), &photo)).to_vec();
        assert!(away.is_sorted_by(|a, b| a > b), "more strength is further from the photo: {away:?}");
        assert!(psnr_db(&at(&wave, 0.5), &at(&wave, 1.0)) < 45.0, "strength does something");
    }
}

#[test]
fn strength_0_shows_films_and_tiles_as_they_are() {
    let stylizer = stylizer(StrengthKind::Code);
    let wave = style(&stylizer, 30.0);
    let mut session = stylizer.session();
    let mut out = Image::black(1, 1);
    for (i, strength) in [1.0, 0.0, 0.0, 0.7, 0.0].into_iter().enumerate() {
        let frame = scene::draw(40, 30, i as f32);
        let dials = Dials { strength, steady: 0.6, keep_color: 0.3, ..Dials::default() };
        session.paint(&frame, &wave, &dials, &mut out).unwrap();
        assert_eq!(out == frame, strength == 0.0, "frame {i}");
    }
    let tiled = Stylizer::builder(stylizer.model().clone()).engine(EngineChoice::Reference).tile_px(24);
    let photo = scene::draw(101, 75, 0.0);
    let dials = Dials { strength: 0.0, ..Dials::default() };
    assert_eq!(tiled.build().unwrap().paint(&photo, &wave, &dials).unwrap(), photo);
}

#[test]
fn a_tuned_styles_plan_is_made_beside() {
    let stylizer = stylizer(StrengthKind::Features);
    let quick = style(&stylizer, 30.0);
    let mut update = Update::new();
    update.insert("d.bias", Weight { shape: vec![3], values: vec![0.5, -0.5, 0.0] });
    let tuned = quick.clone().tuned(stylizer.model(), update).unwrap();
    let (photo, dials) = (scene::draw(40, 30, 0.0), Dials::default());
    let mut session = stylizer.session();
    assert!(session.is_ready(&tuned), "before the first frame there is nothing to keep up");
    let mut out = Image::black(1, 1);
    session.paint(&photo, &quick, &dials, &mut out).unwrap();
    assert!(session.is_ready(&quick) && !session.is_ready(&tuned));
    let end = std::time::Instant::now() + std::time::Duration::from_secs(60);
    while !session.is_ready(&tuned) {
        assert!(std::time::Instant::now() < end, "the plan never comes");
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    let quickly = out.clone();
    session.paint(&photo, &tuned, &dials, &mut out).unwrap();
    assert!(out == stylizer.paint(&photo, &tuned, &dials).unwrap() && out != quickly);
    assert!(session.is_ready(&quick), "the one before is kept");
    // The same vector with other weights is another look: nothing of the one before is held still.
    let steady = Dials { steady: 1.0, ..dials };
    let mut session = stylizer.session();
    let mut settled = |style: &Style| {
        (0..3).for_each(|_| session.paint(&photo, style, &steady, &mut out).unwrap());
        out.clone()
    };
    let (quickly, tuned, again) = (settled(&quick), settled(&tuned), settled(&quick));
    assert!(psnr_db(&quickly, &again) > psnr_db(&quickly, &tuned) + 10.0);
}

#[test]
fn regions_are_painted_where_their_masks_say() {
    let stylizer = stylizer(StrengthKind::Features);
    let photo = scene::draw(32, 24, 0.0);
    let (a, b) = (style(&stylizer, 30.0), style(&stylizer, 90.0));
    let half = |left: bool| {
        Mask::new(32, 24, (0..32 * 24).map(|i| if (i % 32 < 16) == left { 255 } else { 0 }).collect())
    };
    let painted = stylizer.paint_regions(
        &photo,
        &[(half(true), a.clone()), (half(false), b.clone())],
        &Dials::default(),
    );
    let painted = painted.unwrap();
    let alone = |style: &Style| stylizer.paint(&photo, style, &Dials::default()).unwrap();
    let (left, right) = (alone(&a), alone(&b));
    for y in 0..24 {
        assert_eq!(painted.pixel(3, y), left.pixel(3, y));
        assert_eq!(painted.pixel(29, y), right.pixel(29, y));
    }
    let only = stylizer.paint_regions(&photo, &[(half(true), a)], &Dials::default()).unwrap();
    assert_eq!(only.pixel(29, 5), photo.pixel(29, 5));
    let wrong = Mask::new(1, 1, vec![255]);
    assert!(matches!(
        stylizer.paint_regions(&photo, &[(wrong, b)], &Dials::default()),
        Err(PaintError::MaskSize { .. })
    ));
    assert!(matches!(stylizer.paint_regions(&photo, &[], &Dials::default()), Err(PaintError::NoRegion)));
}

#[test]
fn a_session_follows_sizes_and_refuses_bad_dials() {
    let stylizer = stylizer(StrengthKind::Features);
    let style = style(&stylizer, 30.0);
    let (mut session, mut out) = (stylizer.session(), Image::black(1, 1));
    for (width, height) in [(20, 10), (12, 16), (20, 10)] {
        let frame = scene::draw(width, height, 0.0);
        session.paint(&frame, &style, &Dials::default(), &mut out).unwrap();
        assert_eq!(out, stylizer.paint(&frame, &style, &Dials::default()).unwrap());
    }
    let frame = scene::draw(20, 10, 40.0);
    let steady = Dials { steady: 0.9, ..Dials::default() };
    let (mut first, mut second) = (Image::black(1, 1), Image::black(1, 1));
    session.paint(&frame, &style, &steady, &mut first).unwrap();
    let next = Image::from_fn(20, 10, |x, y| frame.pixel(x, y).map(|v| v.saturating_add(9)));
    session.paint(&next, &style, &steady, &mut second).unwrap();
    let mut alone = stylizer.session();
    alone.paint(&next, &style, &steady, &mut out).unwrap();
    assert_ne!(out, second, "something is carried from frame to frame");
    session.reset();
    session.paint(&next, &style, &steady, &mut second).unwrap();
    assert_eq!(out, second, "and forgotten");
    for strength in [f32::NAN, -0.1, 1.1] {
        let dials = Dials { strength, ..Dials::default() };
        assert!(matches!(
            stylizer.paint(&frame, &style, &dials),
            Err(PaintError::Dial { name: "strength", .. })
        ));
    }
}

#[test]
fn frames_begun_come_out_as_painted_one_by_one() {
    let mut choices = vec![EngineChoice::Reference];
    if cfg!(feature = "gpu") {
        choices.push(EngineChoice::Gpu);
    }
    for choice in choices {
        let stylizer = Stylizer::builder(model(StrengthKind::Features)).engine(choice).build().unwrap();
        let style = style(&stylizer, 30.0);
        let dials = Dials { keep_color: 0.5, steady: 0.5, ..Dials::default() };
        // The third frame is of another size.
        let frames: Vec<_> = (0..5).map(|i| scene::draw(if i < 3 { 24 } else { 17 }, 16, i as f32)).collect();
        let mut session = stylizer.session();
        let paint = |frame| {
            let mut out = Image::black(1, 1);
            session.paint(frame, &style, &dials, &mut out).unwrap();
            out
        };
        let expected: Vec<_> = frames.iter().map(paint).collect();
        let (mut session, mut found) = (stylizer.session(), Vec::new());
        for frame in frames {
            session.begin(frame, &style, &dials).unwrap();
            if session.is_full() {
                found.push(session.finish().unwrap().unwrap());
            }
        }
        while let Some(painted) = session.finish().unwrap() {
            found.push(painted);
        }
        assert!(found == expected, "{choice:?}");
    }
}
