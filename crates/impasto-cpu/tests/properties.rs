//! Random tables of one or a few layers at random sizes, against the reference engine; broken and extreme values;
//! numbers of threads.

use impasto_core::conformance::{Case, Random, Tolerance, compare, rms_difference, run};
use impasto_core::reference::ReferenceEngine;
use impasto_core::{Engine, Image, Network, NetworkBuilder, Op, Padding, Tensor};
use impasto_cpu::{CpuEngine, Isa, Precision};

/// Miri takes a thousand times as long: there, fewer and smaller.
const MIRI: bool = cfg!(miri);

const PADDINGS: [Padding; 3] = [Padding::Zero, Padding::Reflect, Padding::Replicate];

fn pick(random: &mut Random, from: usize, to: usize) -> usize {
    from + (random.range(0.0, 1.0) * (to - from + 1) as f32) as usize % (to - from + 1)
}

fn engines() -> Vec<CpuEngine> {
    Isa::ALL.into_iter().filter_map(|isa| CpuEngine::with(isa, 2).ok()).collect()
}

/// A convolution with random neighbours: what stands before and behind it decides what is fused.
fn random_network(random: &mut Random) -> Network {
    let mut b = NetworkBuilder::new("random");
    let most = if MIRI { 16 } else { 130 };
    let inner = pick(random, 1, most);
    let outer = pick(random, 1, most);
    let mut x = b.input(inner);
    if pick(random, 0, 2) == 0 {
        x = b.adain("before", x, inner, 1e-2);
    }
    if pick(random, 0, 2) == 0 {
        x = b.relu(x);
    }
    if pick(random, 0, 2) == 0 {
        x = b.upsample2(x);
    }
    let kernel = [1, 3, 3, 3, 5][pick(random, 0, 4)];
    let stride = [1, 1, 2, 3][pick(random, 0, 3)];
    let padding = PADDINGS[pick(random, 0, 2)];
    let conv = |input| Op::Conv { input, out_channels: outer, kernel, stride, groups: 1, padding };
    let skip = b.push("skip", conv(x));
    let mut y = b.push("conv", conv(x));
    if pick(random, 0, 1) == 0 {
        y = b.relu(y);
    }
    if pick(random, 0, 1) == 0 {
        y = b.add(y, skip);
        y = b.relu(y);
    }
    if pick(random, 0, 1) == 0 {
        y = b.max_pool2(y);
    }
    if pick(random, 0, 1) == 0 {
        y = b.adain("behind", y, outer, 1e-2);
    }
    b.scale(y, 0.5, -0.25);
    b.finish()
}

#[test]
fn random_tables_equal_the_reference() {
    let engines = engines();
    let mut random = Random::new(7);
    for seed in 0..if MIRI { 6 } else { 60 } {
        let network = random_network(&mut random);
        let most = if MIRI { 7 } else { 70 };
        let side = |random: &mut Random| [pick(random, 1, 9), pick(random, 1, most)][pick(random, 0, 1)];
        let (height, width) = (side(&mut random), side(&mut random));
        let case = Case::new(&format!("table {seed}"), network, height, width, seed);
        let expected = run(&ReferenceEngine, &case).expect("the reference runs it");
        for engine in &engines {
            let found = run(engine, &case).expect("it runs");
            if let Err(e) = compare(&expected, &found, Tolerance::F32) {
                panic!("{} on {}: {e}\n{:?}", engine.isa(), case.name, case.network);
            }
        }
    }
}

/// From bytes to bytes: a first layer at either stride, extended where the picture is no multiple of 4.
fn picture_network(random: &mut Random) -> Network {
    let (stride, channels) = (pick(random, 1, 2), pick(random, 5, 40));
    let (first, last) = (PADDINGS[pick(random, 0, 2)], PADDINGS[pick(random, 0, 2)]);
    let mut b = NetworkBuilder::new("picture").fit_picture(4);
    let x = b.input(3);
    let x = b.scale(x, 4.0, -2.0);
    let x = b.conv("first", x, channels, 3, stride, first);
    let x = b.relu(x);
    let x = if stride == 2 { b.upsample2(x) } else { x };
    let x = b.conv("last", x, 3, 3, 1, last);
    b.scale(x, 0.1, 0.5);
    b.finish()
}

#[test]
fn random_pictures_equal_the_reference() {
    let engines = engines();
    let mut random = Random::new(8);
    for seed in 0..if MIRI { 3 } else { 40 } {
        let network = picture_network(&mut random);
        let most = if MIRI { 9 } else { 70 };
        let (height, width) = (pick(&mut random, 1, most), pick(&mut random, 1, most));
        let case = Case::new(&format!("picture {seed}"), network, height, width, seed);
        let photo = Image::from_fn(width, height, |_, _| [0; 3].map(|_| random.bits() as u8));
        let painted = |engine: &dyn Engine| {
            let mut painted = Image::black(width, height);
            let mut plan = engine.prepare(&case.network, &case.weights, height, width).expect("it plans");
            plan.run_image(&photo, &case.conditions(), &mut painted).expect("it runs");
            painted
        };
        let expected = painted(&ReferenceEngine);
        for engine in &engines {
            let found = painted(engine);
            let near = |(a, b): (&u8, &u8)| a.abs_diff(*b) <= 1;
            assert!(expected.rgb().iter().zip(found.rgb()).all(near), "{} on {}", engine.isa(), case.name);
        }
    }
}

/// One 3x3 convolution of 16 channels, where Winograd is used.
fn plain_case(seed: u64) -> Case {
    let mut b = NetworkBuilder::new("plain");
    let x = b.input(16);
    b.conv("conv", x, 16, 3, 1, Padding::Reflect);
    let (height, width) = if MIRI { (8, 5) } else { (22, 19) };
    Case::new("plain", b.finish(), height, width, seed)
}

#[test]
fn tiny_and_huge_values_come_out_in_proportion() {
    for factor in [1e-42f32, 1e-38, 1e30] {
        let mut case = plain_case(3);
        case.input.data_mut().iter_mut().for_each(|v| *v *= factor);
        let mut weights = (*case.weights).clone();
        weights.get_mut("conv.bias").expect("there is a bias").values.fill(0.0);
        case.weights = weights.into();
        let expected = run(&ReferenceEngine, &case).expect("the reference runs it");
        // Denormals have few digits, and Winograd's sums lose more; zeros and noise are still no answer.
        let (tolerance, of_rms) =
            if factor < 1e-40 { (Tolerance { of_peak: 1.0 }, 0.6) } else { (Tolerance::F32, 1e-3) };
        for engine in engines() {
            let found = run(&engine, &case).expect("it runs");
            compare(&expected, &found, tolerance)
                .unwrap_or_else(|e| panic!("{} x {factor}: {e}", engine.isa()));
            let rms = rms_difference(&expected, &found);
            assert!(rms <= of_rms, "{} x {factor}: RMS {rms}", engine.isa());
        }
    }
}

#[test]
fn broken_values_stay_visible_and_near() {
    for broken in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        let mut case = plain_case(4);
        let whole = run(&ReferenceEngine, &case).expect("the reference runs it");
        case.input.data_mut()[0] = broken;
        for engine in engines() {
            let found = run(&engine, &case).expect("it runs");
            assert!(!found.data()[0].is_finite(), "{}: {broken} was hidden", engine.isa());
            // Further away than a tile reaches, nothing changes.
            for c in 0..16 {
                for y in 6..found.shape().height {
                    let (expected, found) = (whole.row(c, y), found.row(c, y));
                    assert!(
                        expected.iter().zip(found).all(|(a, b)| (a - b).abs() < 1e-3),
                        "{}",
                        engine.isa()
                    );
                }
            }
        }
    }
}

/// A small network with statistics, pool, skip and doubling, large enough for many jobs.
fn busy_case() -> Case {
    let mut b = NetworkBuilder::new("busy").fit_picture(2);
    let x = b.input(3);
    let channels = if MIRI { 16 } else { 32 };
    let x = b.conv("a", x, channels, 3, 1, Padding::Reflect);
    let skip = b.relu(x);
    let x = b.conv("b", skip, channels, 3, 1, Padding::Reflect);
    let x = b.adain("b site", x, channels, 1e-5);
    let x = b.relu(x);
    let x = b.add(x, skip);
    let x = b.conv("c", x, 48, 3, 2, Padding::Replicate);
    let x = b.adain("c site", x, 48, 1e-5);
    let x = b.upsample2(x);
    b.conv("d", x, 3, 3, 1, Padding::Zero);
    let (height, width) = if MIRI { (8, 10) } else { (90, 130) };
    Case::new("busy", b.finish(), height, width, 5)
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let case = busy_case();
    for precision in [Precision::F32, Precision::Bf16, Precision::Int8] {
        for isa in Isa::ALL {
            let with = |threads| -> Option<Tensor> {
                let engine = CpuEngine::with(isa, threads).ok()?.precision(precision);
                Some(run(&engine, &case).expect("it runs"))
            };
            let one = with(1);
            for &threads in if MIRI { &[3][..] } else { &[2, 3, 7, 33] } {
                assert!(with(threads) == one, "{isa} {precision} with {threads} threads");
            }
        }
    }
}

#[test]
fn a_forced_instruction_set_is_checked() {
    assert!("sse9".parse::<Isa>().unwrap_err().to_string().contains("portable, avx2, avx512"));
    for isa in Isa::ALL {
        assert_eq!(isa.to_string().parse(), Ok(isa));
        assert_eq!(CpuEngine::with(isa, 1).is_ok(), isa.is_available());
    }
}
