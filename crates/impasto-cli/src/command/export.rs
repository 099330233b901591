//! `impasto export`: a model for other programs, and for the OAK camera.

use crate::args::StyleWord;
use crate::console::Console;
use crate::failure::wrong_use;
use crate::size::Size;
use crate::styles::{Styles, resolved};
use crate::{interrupt, models};
use anyhow::{Result, bail};
use clap::ValueEnum;
use impasto::{Style, Stylizer, builtin, names};
use impasto_core::weights::Precision;
use impasto_export::oak::{Compiler, Head, OakOptions, Shaves, export_oak};
use impasto_export::onnx::{ColourOrder, OnnxFiles, OnnxOptions, Range, Size as OnnxSize, save};
use impasto_export::{export_onnx, export_styled_onnx};
use std::path::{Path, PathBuf};

/// Write a model as ONNX, or as a package for the OAK camera
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto export --target onnx -o light.onnx
      light.onnx paints, light.encoder.onnx turns a painting into a style;
      docs/export.md shows programs that use them
  impasto export --target onnx --style wave.style --size 512x288 -o wave.onnx
      one picture in, one out, with the style (tuned or not) in the network:
      for OpenCV, ffmpeg's filters, mobile and game runtimes
  impasto export --target onnx --model classic --size 512x288 --half \\
      -o classic.onnx
  impasto export --target oak --size 512x288 --style wave.style -o oak
      a folder with network, styles and a Python program for the camera
  impasto export --target oak -o oak --compile \\
      --openvino-libs openvino-wheel/onnxruntime/capi --shaves 6
      compiled for the chip; docs/oak.md tells how to get these libraries out
      of a Python package")]
pub struct Args {
    /// For what.
    #[arg(long, value_enum)]
    target: Target,
    /// A file (onnx) or a new folder (oak).
    #[arg(short, long, value_name = "FILE|FOLDER")]
    output: PathBuf,
    /// Size of the picture; any for onnx without it, 512x288 for oak.
    #[arg(long, value_name = "WxH")]
    size: Option<Size>,
    /// onnx: keep weights in 16 bits.
    #[arg(long)]
    half: bool,
    /// onnx: what white is in pictures, 1 or 255.
    #[arg(long, value_enum, default_value_t = RangeName::Unit)]
    range: RangeName,
    /// onnx: channel order of pictures.
    #[arg(long, value_enum, default_value_t = OrderName::Rgb)]
    order: OrderName,
    /// oak: styles to ship; all built-in ones without it, and a tuned one alone (several built-in ones go without their own weights, since
    /// a package has one network). onnx: the style that is folded into the network, which then takes
    /// a picture alone; several are mixed by their weights.
    #[arg(short, long = "style", value_name = "S")]
    styles: Vec<StyleWord>,
    /// oak: give the picture back as planes of Y, U and V, half the load on USB.
    #[arg(long)]
    yuv420: bool,
    /// oak: px that the camera films beyond the picture on each side, where borders would show; 32, or 0 if the model needs none.
    #[arg(long, value_name = "PX")]
    rim: Option<usize>,
    /// oak: compile blobs for the chip.
    #[arg(long, requires = "openvino_libs")]
    compile: bool,
    /// oak: folder of OpenVINO 2022.1's libraries; docs/oak.md tells how to get them.
    #[arg(long, value_name = "DIR", requires = "compile")]
    openvino_libs: Option<PathBuf>,
    /// oak: SHAVEs to compile for; without it, a superblob for every number.
    #[arg(long, value_name = "N", requires = "compile", value_parser = clap::value_parser!(u8).range(1..=16))]
    shaves: Option<u8>,
    /// Shorter side in px at which a painting given with --style is looked at; 0 keeps its size, 512 without it.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(0..=30_000))]
    style_size: Option<u16>,
    /// The network: `light`, `classic`, or a model file. Without it: the one that paints by default.
    #[arg(long, value_name = "light|classic|FILE")]
    model: Option<String>,
}

/// Where the model goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Target {
    /// Any program with an ONNX runtime.
    Onnx,
    /// A Luxonis OAK camera (never run on a real one by us).
    Oak,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum RangeName {
    Unit,
    Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum OrderName {
    Rgb,
    Bgr,
}

/// Exports.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    check(args)?;
    let stylizer = Stylizer::builder(models::load(args.model.as_deref())?).build()?;
    match args.target {
        Target::Onnx => onnx(args, &stylizer, console),
        Target::Oak => oak(args, &stylizer, console),
    }
}

fn check(args: &Args) -> Result<()> {
    let is_onnx = args.output.extension().is_some_and(|ending| ending == "onnx");
    if args.target == Target::Onnx && !is_onnx {
        let better = args.output.with_extension("onnx");
        return Err(wrong_use(format!("an ONNX file must end in .onnx, such as {}", better.display())));
    }
    let for_oak = [("--yuv420", args.yuv420), ("--rim", args.rim.is_some()), ("--compile", args.compile)];
    let for_onnx = [
        ("--half", args.half),
        ("--range", args.range != RangeName::Unit),
        ("--order", args.order != OrderName::Rgb),
    ];
    let (foreign, home): (&[(&str, bool)], _) = match args.target {
        Target::Onnx => (&for_oak, "oak"),
        Target::Oak => (&for_onnx, "onnx"),
    };
    if let Some((flag, _)) = foreign.iter().find(|(_, given)| *given) {
        return Err(wrong_use(format!("{flag} is for --target {home}")));
    }
    match args.output.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) if !parent.is_dir() => {
            bail!(
                "cannot write {}: there is no folder {}; make it first",
                args.output.display(),
                parent.display()
            )
        }
        _ => Ok(()),
    }
}

fn onnx(args: &Args, stylizer: &Stylizer, console: &Console) -> Result<()> {
    let fixed = |Size { width, height }| OnnxSize::Fixed { width, height };
    let options = OnnxOptions {
        size: args.size.map_or(OnnxSize::Dynamic, fixed),
        precision: if args.half { Precision::F16 } else { Precision::F32 },
        range: match args.range {
            RangeName::Unit => Range::Unit,
            RangeName::Bytes => Range::Bytes,
        },
        order: match args.order {
            OrderName::Rgb => ColourOrder::Rgb,
            OrderName::Bgr => ColourOrder::Bgr,
        },
        ..OnnxOptions::default()
    };
    if !args.styles.is_empty() {
        let style = reader(args, stylizer).mix(&resolved(&args.styles)?)?;
        let bytes = export_styled_onnx(stylizer.model(), &style, &options)?;
        let _whole = interrupt::hold();
        save(&args.output, &bytes)?;
        return console.result(args.output.display().to_string());
    }
    let files = export_onnx(stylizer.model(), &options)?;
    {
        let _whole = interrupt::hold();
        files.save(&args.output)?;
    }
    console.result(args.output.display().to_string())?;
    console.result(OnnxFiles::encoder_path(&args.output).display().to_string())
}

fn oak(args: &Args, stylizer: &Stylizer, console: &Console) -> Result<()> {
    let Size { width, height } = args.size.unwrap_or(Size { width: 512, height: 288 });
    let compiler = |libs: &PathBuf| Compiler {
        libs: libs.clone(),
        shaves: args.shaves.map_or(Shaves::All, |shaves| Shaves::One(shaves.into())),
    };
    let options = OakOptions {
        rim_px: args.rim,
        head: if args.yuv420 { Head::Yuv420 } else { Head::Rgb },
        compiler: args.openvino_libs.as_ref().map(compiler),
        ..OakOptions::new(width, height)
    };
    let styles = styles(args, stylizer)?;
    // Compiling takes minutes, and Ctrl-C waits for the folder, which is removed if it is not whole.
    let _whole = interrupt::hold();
    let report = export_oak(stylizer.model(), &styles, &options, Path::new(&args.output))?;
    console.note(report.budget.to_string());
    report.files.iter().try_for_each(|file| console.result(args.output.join(file).display().to_string()))
}

fn styles(args: &Args, stylizer: &Stylizer) -> Result<Vec<Style>> {
    if args.styles.is_empty() {
        return Ok(builtin::quick_styles()
            .into_iter()
            .filter(|s| s.check(stylizer.model()).is_ok())
            .collect());
    }
    let (reader, words) = (reader(args, stylizer), resolved(&args.styles)?);
    let read = |what: &str| match quick(what).filter(|_| words.len() > 1) {
        Some(style) => Ok(style),
        None => reader.read(what),
    };
    words.iter().map(|word| read(&word.what)).collect()
}

/// The built-in style of that name without its weights: the styles of a package share one network.
fn quick(what: &str) -> Option<Style> {
    let name = names::built_in(what)?;
    builtin::quick_styles().into_iter().find(|style| style.provenance.name == name)
}

fn reader<'a>(args: &Args, stylizer: &'a Stylizer) -> Styles<'a> {
    Styles { stylizer, style_px: args.style_size.map_or(512, usize::from) }
}
