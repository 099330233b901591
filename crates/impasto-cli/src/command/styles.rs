//! `impasto styles`: list, make, show.

mod refine;

use crate::args::{BrushArgs, ModelArgs, StyleWord};
use crate::console::Console;
use crate::failure::wrong_use;
use crate::styles::{Styles, is_style_file, name_of, read_file, resolved, resolved_name};
use crate::{interrupt, models};
use anyhow::{Context, Result};
use impasto::{Provenance, Style, Stylizer, builtin};
use impasto_media::atomic;
use std::fs;
use std::path::{Path, PathBuf};

/// List, make and show styles
///
/// A style is a short vector, taken from a painting once; a .style file of a few KB keeps it, and the painting is
/// not needed again. It belongs to the model that made it.
#[derive(clap::Subcommand)]
pub enum Args {
    List(ListArgs),
    Make(MakeArgs),
    Show(ShowArgs),
}

/// List the built-in styles
#[derive(clap::Args)]
#[command(after_help = "Example:
  impasto styles list")]
pub struct ListArgs {}

/// Keep the style of a painting, or the mix of several, in a .style file
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto styles make wave.jpg -o wave.style
  impasto styles make wave.jpg:2 mosaic.jpg:1 -o mostly-wave.style
  impasto styles make wave.jpg --model classic --style-size 256 \\
      -o fine-wave.style
  impasto styles make wave.jpg --refine 120 \\
      --photos photos/ -o wave.style")]
pub struct MakeArgs {
    /// Pictures (also built-in names and .style files); several make one mix, by their weights.
    #[arg(required = true, value_name = "PAINTING[:WEIGHT]")]
    paintings: Vec<StyleWord>,
    /// The file to write.
    #[arg(short, long, value_name = "FILE.style")]
    output: PathBuf,
    /// Replace the file if it is there.
    #[arg(long)]
    force: bool,
    /// Painter, title, year and rights, kept in the file for people; without it, the painting's file name.
    #[arg(long, value_name = "WORDS")]
    source: Option<String>,
    /// Improve the style of one painting by so many gradient steps on its vector alone; needs --photos.
    #[arg(long, value_name = "STEPS", requires = "photos", value_parser = clap::value_parser!(u16).range(1..=5000))]
    refine: Option<u16>,
    /// What judges in place of the small network inside the program: a VGG-19 (any file that `impasto import` takes), or a
    /// judge that `impasto train judge` made.
    #[arg(long, value_name = "FILE", requires = "refine")]
    vgg: Option<PathBuf>,
    /// Photos to try the style on.
    #[arg(long, value_name = "FOLDER", requires = "refine")]
    photos: Option<PathBuf>,
    #[command(flatten)]
    brush: BrushArgs,
    #[command(flatten)]
    model: ModelArgs,
}

/// Tell where a style comes from, for which model it is, and what it holds
#[derive(clap::Args)]
#[command(after_help = "Examples:
  impasto styles show wave.style
  impasto styles show wave.jpg --model classic")]
pub struct ShowArgs {
    /// A .style file, a built-in name, or a picture.
    #[arg(value_name = "S")]
    style: String,
    /// Of a picture: the network, `light`, `classic`, or a model file.
    #[arg(long, value_name = "light|classic|FILE")]
    model: Option<String>,
    #[command(flatten)]
    brush: BrushArgs,
}

/// Lists, makes or shows.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    match args {
        Args::List(_) => list(console),
        Args::Make(args) => make(args, console),
        Args::Show(args) => show(args, console),
    }
}

fn list(console: &Console) -> Result<()> {
    let styles = builtin::names();
    if styles.is_empty() {
        console.note(
            "This build has no built-in styles: name a picture, or make a style: impasto styles make --help",
        );
    }
    let width = styles.iter().map(|style| style.name.chars().count()).max().unwrap_or(0);
    for style in &styles {
        console.result(format!("{:width$}  {}", style.name, style.source).trim_end())?;
    }
    Ok(())
}

fn make(args: &MakeArgs, console: &Console) -> Result<()> {
    check_output(args)?;
    let paintings = resolved(&args.paintings)?;
    let stylizer = args.model.stylizer()?;
    let mut style = Styles { stylizer: &stylizer, style_px: args.brush.style_size }.mix(&paintings)?;
    if let Some(steps) = args.refine {
        style = refine::refine(&stylizer, style, args, usize::from(steps), console)?;
    }
    let name = name_of(&args.output.display().to_string());
    let source = match (&args.source, args.paintings.as_slice()) {
        (Some(words), _) => words.clone(),
        (None, [_]) => style.provenance.source.clone(),
        (None, several) => several.iter().map(ToString::to_string).collect::<Vec<_>>().join(" + "),
    };
    style.provenance = Provenance { name, source };
    let _whole = interrupt::hold();
    let folder = args.output.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    }
    let write = if args.force { atomic::write } else { atomic::write_new };
    write(&args.output, &style.to_bytes())
        .with_context(|| format!("cannot write {}; is there space?", args.output.display()))?;
    console.result(args.output.display().to_string())
}

fn check_output(args: &MakeArgs) -> Result<()> {
    let (output, paintings) = (args.output.as_path(), &args.paintings);
    if !is_style_file(output) {
        let shown = output.with_extension("style");
        return Err(wrong_use(format!("a style's file must end in .style, such as {}", shown.display())));
    }
    let real = std::fs::canonicalize(output).ok();
    let is_read = |word: &StyleWord| std::fs::canonicalize(&word.what).ok() == real;
    if real.is_some() && paintings.iter().any(is_read) {
        return Err(wrong_use(format!("{} is read and would be overwritten", output.display())));
    }
    if output.is_file() && !args.force {
        let shown = output.display();
        return Err(wrong_use(format!(
            "{shown} is there already; --force replaces it, and -o names another"
        )));
    }
    Ok(())
}

fn show(args: &ShowArgs, console: &Console) -> Result<()> {
    let path = Path::new(&args.style);
    let style = match is_style_file(path) {
        // Shown whatever its model, which need not be here.
        true => read_file(path)?,
        false => {
            let style = resolved_name(&args.style)?;
            let stylizer = Stylizer::builder(models::load(args.model.as_deref())?).build()?;
            Styles { stylizer: &stylizer, style_px: args.brush.style_size }.read(&style)?
        }
    };
    for (key, value) in facts(&style) {
        console.result(format!("{key:8} {value}"))?;
    }
    Ok(())
}

/// What there is to say about a style.
fn facts(style: &Style) -> Vec<(&'static str, String)> {
    let (model, id) = style.model();
    let vector = style.vector();
    let (least, most) = vector.iter().fold((f32::MAX, f32::MIN), |(a, b), &v| (a.min(v), b.max(v)));
    vec![
        ("name", style.provenance.name.clone()),
        ("source", style.provenance.source.clone()),
        ("model", format!("{model} {id}")),
        ("values", format!("{} from {least:.4} to {most:.4}", vector.len())),
        (
            "tuned",
            style
                .update()
                .map_or("no".into(), |update| format!("yes, {} numbers change the painter", update.values())),
        ),
    ]
}
