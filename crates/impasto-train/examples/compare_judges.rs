//! Sets small judges beside VGG-19: `compare_judges DATA VGG MODEL FOLDER [JUDGE]`.
//!
//! DATA has `eval/content` and `eval/style`; pictures under gradient steps go to FOLDER. JUDGE is a file that `impasto train judge` made, and
//! the built-in judge without it. Where DATA has `reference/collab_distill16x_relu4_1.safetensors`, that encoder is measured too.
//! Prints, for each judge: the correlation of its style losses with VGG's over all pairs of pictures and paintings, and within one painting; the
//! cosine between gradients of the style loss, plain and with 5x5 px averaged; what VGG says of pictures that were optimised against it; and
//! samples per second of processor time of a training step at 128, 192 and 256 px.

use impasto_core::network::{NetworkBuilder, Padding};
use impasto_core::{Image, Model, Shape, Tensor, Weights};
use impasto_import::import_vgg;
use impasto_media::still;
use impasto_train::data::{Library, Sampling, Source, centre_square, window};
use impasto_train::descent::{Critic, DescentConfig, StyleTarget};
use impasto_train::learner::cpu::CpuLearner;
use impasto_train::learner::{Learner, Recipe};
use impasto_train::loss::covariance::distance;
use impasto_train::loss_network::LossNetwork;
use impasto_train::validate::sheet;
use impasto_train::walk::Fast;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Side of the pictures that are compared, px.
const SIDE_PX: usize = 256;
/// Pairs whose gradients are compared, and whose pictures are optimised.
const GRADIENTS: usize = 14;
const OPTIMISED: usize = 2;
const OPTIMISED_PX: usize = 160;
const OPTIMISED_STEPS: usize = 60;

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [data, vgg, model, folder, judge @ ..] = args.as_slice() else {
        return Err("usage: compare_judges DATA VGG MODEL FOLDER [JUDGE]".into());
    };
    let (data, folder) = (Path::new(data), Path::new(folder));
    std::fs::create_dir_all(folder)?;
    let vgg = LossNetwork::normalised(&import_vgg(Path::new(vgg), None)?.weights)?;
    let own = match judge {
        [path, ..] => LossNetwork::load_judge(Path::new(path))?,
        [] => LossNetwork::builtin(),
    };
    let mut judges = vec![("VGG-19", vgg), ("own", own)];
    if let Ok((weights, _)) = Weights::load(&data.join("reference/collab_distill16x_relu4_1.safetensors")) {
        judges.push(("collaborative distillation, 16x", distilled(&weights)?));
    }
    let model = Model::load(Path::new(model))?;
    let set = Set::open(data, &model)?;
    let reference = Measured::of(&judges[0].1, &set)?;
    println!(
        "| judge | weights | GMAC at 256 px | correlation, all pairs | within a painting | cosine of gradients | 5x5 px |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, judge) in &judges[1..] {
        let measured = Measured::of(judge, &set)?;
        let [plain, soft] = [false, true].map(|soft| cosine(&reference.gradients, &measured.gradients, soft));
        println!(
            "| {name} | {:.2} M | {:.2} | {:.3} | {:.3} | {plain:.3} | {soft:.3} |",
            judge.weights.parameters() as f64 / 1e6,
            judge.network.macs(256, 256)? as f64 / 1e9,
            correlation(&reference.losses, &measured.losses),
            within(&reference.losses, &measured.losses, set.paintings.len()),
        );
    }
    optimised(&judges, &set, folder)?;
    for (name, judge) in &judges {
        let speeds: Vec<String> = [128, 192, 256]
            .iter()
            .map(|&px| speed(judge, &model, px).map(|s| format!("{s:.1}")))
            .collect::<Result<_, _>>()?;
        println!("{name}: samples per processor second at 128, 192, 256 px: {}", speeds.join(", "));
    }
    Ok(())
}

/// Photos, paintings, and pictures between them.
struct Set {
    photos: Vec<Tensor>,
    paintings: Vec<Tensor>,
    /// The photos, their pastiches in one style each, and these with noise.
    pictures: Vec<Tensor>,
}

impl Set {
    fn open(data: &Path, model: &Model) -> Result<Self, Box<dyn Error>> {
        let squares = |name: &str| -> Result<Vec<Tensor>, Box<dyn Error>> {
            let mut paths: Vec<PathBuf> = std::fs::read_dir(data.join("eval").join(name))?
                .map(|e| e.map(|e| e.path()))
                .collect::<Result<_, _>>()?;
            paths.retain(|p| p.extension().is_some_and(|e| e == "jpg"));
            paths.sort();
            paths.iter().map(|p| Ok(centre_square(&still::read(p)?.image, SIDE_PX))).collect()
        };
        let (photos, paintings) = (squares("content")?, squares("style")?);
        let mut random = impasto_core::conformance::Random::new(4);
        let mut pictures = photos.clone();
        for (i, photo) in photos.iter().enumerate() {
            let pastiche = paint(model, photo, &paintings[i % paintings.len()])?;
            let noisy =
                pastiche.data().iter().map(|v| (v + 0.05 * random.normal()).clamp(0.0, 1.0)).collect();
            pictures.push(Tensor::new(pastiche.shape(), noisy));
            pictures.push(pastiche);
        }
        Ok(Self { photos, paintings, pictures })
    }
}

fn paint(model: &Model, photo: &Tensor, painting: &Tensor) -> Result<Tensor, Box<dyn Error>> {
    use impasto_core::{Conditions, Engine};
    let engine = impasto_cpu::CpuEngine::new()?;
    let run = |network, picture: &Tensor, style: &[f32]| -> Result<Tensor, Box<dyn Error>> {
        let Shape { height, width, .. } = picture.shape();
        let mut plan = engine.prepare(network, &model.weights, height, width)?;
        let mut out = Tensor::zeros(plan.output_shape());
        plan.run(picture, &Conditions::new(style), &mut out)?;
        Ok(out)
    };
    let style = run(&model.encoder, painting, &[])?;
    let mut painted = run(&model.painter, photo, style.data())?;
    painted.data_mut().iter_mut().for_each(|v| *v = v.clamp(0.0, 1.0));
    Ok(painted)
}

/// A judge's opinion of the set.
struct Measured {
    /// Of each picture towards each painting.
    losses: Vec<f32>,
    /// To the photos, towards a painting each.
    gradients: Vec<Tensor>,
}

impl Measured {
    fn of(judge: &LossNetwork, set: &Set) -> Result<Self, Box<dyn Error>> {
        let mut critic = Critic::new(judge)?;
        let wanted: Vec<StyleTarget> = set.paintings.iter().map(|p| critic.style_of(p)).collect();
        let mut losses = vec![];
        for picture in &set.pictures {
            let own = critic.style_of(picture);
            losses.extend(wanted.iter().map(|wanted| style_loss(&own, wanted)));
        }
        let config = DescentConfig { style: 1.0, instance_content: 0.0, ..DescentConfig::default() };
        let gradients = (0..GRADIENTS)
            .map(|i| {
                // Photos and pastiches in turn, each towards a painting that is not its own.
                let picture =
                    if i % 2 == 0 { &set.photos[i] } else { &set.pictures[set.photos.len() + 2 * i + 1] };
                let mut gradient = Tensor::zeros(picture.shape());
                critic.losses(picture, &wanted[(i + 1) % wanted.len()], None, &config, &mut gradient);
                gradient
            })
            .collect();
        Ok(Self { losses, gradients })
    }
}

/// The mean over the looks, as in training.
fn style_loss(own: &StyleTarget, wanted: &StyleTarget) -> f32 {
    let one = |(own, wanted)| {
        let distance = distance(own, wanted);
        0.25 * (distance.covariance + distance.mean)
    };
    own.iter().zip(wanted).map(one).sum()
}

/// Pearson's.
fn correlation(a: &[f32], b: &[f32]) -> f64 {
    let mean = |v: &[f32]| v.iter().map(|&v| f64::from(v)).sum::<f64>() / v.len() as f64;
    let (ma, mb) = (mean(a), mean(b));
    let (mut ab, mut aa, mut bb) = (0.0, 0.0, 0.0);
    for (&a, &b) in a.iter().zip(b) {
        let (a, b) = (f64::from(a) - ma, f64::from(b) - mb);
        (ab, aa, bb) = (ab + a * b, aa + a * a, bb + b * b);
    }
    ab / (aa * bb).sqrt()
}

/// The mean over paintings of the correlation over pictures.
fn within(a: &[f32], b: &[f32], paintings: usize) -> f64 {
    let of = |v: &[f32], p: usize| -> Vec<f32> { v.iter().skip(p).step_by(paintings).copied().collect() };
    (0..paintings).map(|p| correlation(&of(a, p), &of(b, p))).sum::<f64>() / paintings as f64
}

/// The mean cosine between gradients; `soft` averages windows of 5x5 px first.
fn cosine(a: &[Tensor], b: &[Tensor], soft: bool) -> f64 {
    let prepared = |t: &Tensor| if soft { softened(t) } else { t.clone() };
    let one = |(a, b): (&Tensor, &Tensor)| {
        let (a, b) = (prepared(a), prepared(b));
        let dot = |a: &Tensor, b: &Tensor| {
            a.data().iter().zip(b.data()).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>()
        };
        dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
    };
    a.iter().zip(b).map(one).sum::<f64>() / a.len() as f64
}

fn softened(t: &Tensor) -> Tensor {
    let Shape { height, width, .. } = t.shape();
    let around = |at: usize, len: usize| at.saturating_sub(2)..(at + 3).min(len);
    Tensor::from_fn(t.shape(), |c, y, x| {
        around(y, height).map(|y| t.row(c, y)[around(x, width)].iter().sum::<f32>()).sum::<f32>() / 25.0
    })
}

/// Some pairs optimised against each judge, measured by VGG, and a sheet of them: photo, painting, one picture for each judge.
fn optimised(judges: &[(&str, LossNetwork)], set: &Set, folder: &Path) -> Result<(), Box<dyn Error>> {
    let mut vgg = Critic::new(&judges[0].1)?;
    let mut cells: Vec<Vec<Tensor>> = vec![vec![]; OPTIMISED];
    let part = |picture: &Tensor| window(picture, (48, 48), OPTIMISED_PX);
    let pairs: Vec<(Tensor, Tensor)> =
        (0..OPTIMISED).map(|i| (part(&set.photos[4 * i]), part(&set.paintings[5 * i + 1]))).collect();
    for (cells, (photo, painting)) in cells.iter_mut().zip(&pairs) {
        cells.extend([photo.clone(), painting.clone()]);
    }
    for (name, judge) in judges {
        let mut critic = Critic::new(judge)?;
        let mut left = 0.0;
        for (cells, (photo, painting)) in cells.iter_mut().zip(&pairs) {
            let style = critic.style_of(painting);
            let config = DescentConfig { steps: OPTIMISED_STEPS, ..DescentConfig::default() };
            let picture = critic.descend(photo.clone(), photo, &style, &config, &mut |_, _| ());
            let wanted = vgg.style_of(painting);
            left += style_loss(&vgg.style_of(&picture), &wanted) / style_loss(&vgg.style_of(photo), &wanted);
            cells.push(picture);
        }
        println!(
            "{name}: pictures optimised against it keep {:.3} of the photo's style loss, by VGG",
            left / OPTIMISED as f32
        );
    }
    let across = cells[0].len();
    save(&sheet(&cells.concat(), across), &folder.join("optimised.png"))
}

fn save(image: &Image, path: &Path) -> Result<(), Box<dyn Error>> {
    let (width, height) = (image.width() as u32, image.height() as u32);
    Ok(image::save_buffer(path, image.rgb(), width, height, image::ColorType::Rgb8)?)
}

/// Samples per second of processor time, one thread, in the default recipe.
fn speed(judge: &LossNetwork, model: &Model, px: usize) -> Result<f64, Box<dyn Error>> {
    let source = Source {
        photos: Arc::new(Library::of_images(impasto_train::data::drawn::photos(8))),
        paintings: Arc::new(Library::of_images(impasto_train::data::drawn::paintings(4))),
        sampling: Sampling {
            photo_px: px,
            painting_px: px,
            jitter_px: 0,
            variants: 1,
            ..Sampling::default()
        },
    };
    let mut learner =
        CpuLearner::new(Fast::new()?, &model.painter, &model.encoder, &model.weights, judge, 1)?;
    let recipe = Recipe { rate: 1e-9, ..Recipe::default() };
    // Every painting is known before the clock starts.
    let batches: Vec<_> = (0..3).map(|i| source.batch(6 * i, 6)).collect();
    learner.step(&batches[0], &recipe);
    learner.step(&batches[1], &recipe);
    let before = cpu_secs();
    learner.step(&batches[2], &recipe);
    Ok(6.0 / (cpu_secs() - before))
}

/// Processor time of this process so far; from Linux' `/proc`, whose clock ticks 100 times a second.
fn cpu_secs() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(')').next().unwrap_or("").split_whitespace();
    fields.skip(11).take(2).flat_map(str::parse::<f64>).sum::<f64>() / 100.0
}

/// The encoder of Wang et al. 2020 as a loss network; its first layer is a 1x1 convolution of 3 channels.
fn distilled(weights: &Weights) -> Result<LossNetwork, Box<dyn Error>> {
    let layers = [
        ("conv0", false),
        ("conv11", false),
        ("conv12", true),
        ("conv21", false),
        ("conv22", true),
        ("conv31", false),
        ("conv32", false),
        ("conv33", false),
        ("conv34", true),
        ("conv41", false),
    ];
    let mut b = NetworkBuilder::new("distilled");
    let (mut x, mut looks, mut own) = (b.input(3), vec![], Weights::new());
    for (name, pooled) in layers {
        let find = |part: &str| {
            weights.get(&format!("enc.{name}.{part}")).ok_or(format!("enc.{name}.{part} is missing"))
        };
        let (weight, bias) = (find("weight")?, find("bias")?);
        x = b.conv(name, x, weight.shape[0], weight.shape[2], 1, Padding::Reflect);
        own.insert(format!("{name}.weight"), weight.shape.clone(), weight.values.clone());
        own.insert(format!("{name}.bias"), bias.shape.clone(), bias.values.clone());
        if name == "conv0" {
            continue;
        }
        x = b.relu(x);
        if name.ends_with('1') {
            looks.push(x);
        }
        if pooled {
            x = b.max_pool2(x);
        }
    }
    Ok(LossNetwork { network: b.finish(), weights: own, looks: looks.try_into().expect("four looks") })
}
