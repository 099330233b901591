//! The package for Luxonis' OAK cameras of the Myriad X kind (RVC2: OAK-1, OAK-D).
//!
//! [`export_oak`] writes a folder that its owner can run: network, styles, a Python program on DepthAI v3,
//! and where asked blobs for the chip. Nothing of it has ever run on a camera; `docs/oak.md` says what has
//! been shown without one.

pub mod archive;
pub mod budget;
pub mod child;
pub mod chip;
pub mod compile;
mod folder;
mod head;
pub mod protocol;
pub mod superblob;

pub use budget::Budget;
pub use chip::Chip;
pub use compile::CompileError;
pub use head::YUV;

use crate::error::ExportError;
use crate::onnx;
use folder::NewFolder;
use impasto_core::{Model, Style, Weights};
use serde_json::json;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Form of the picture from the chip, in 16-bit floats.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Head {
    /// Three planes `[1, 3, H, W]`, red first, `0..255`.
    #[default]
    Rgb,
    /// Six planes `[1, 6, H/2, W/2]`: four of Y, then U and V; half the load on USB.
    Yuv420,
}

/// For how many SHAVEs blobs are compiled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shaves {
    /// One blob for this number, `1..=16`; 6 leaves room for the camera.
    One(usize),
    /// A superblob for 1 to 16: the device chooses.
    All,
}

/// The compiler, and its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Compiler {
    /// Folder of OpenVINO 2022.1's libraries; see [`compile::RECIPE`].
    pub libs: PathBuf,
    /// Blobs.
    pub shaves: Shaves,
}

/// Settings of the camera's package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OakOptions {
    /// Width of the picture in px, a multiple of 16.
    pub width: usize,
    /// Height of the picture in px, a multiple of 16.
    pub height: usize,
    /// Width by which the camera's image extends over the picture on each side, in px; even. By default
    /// [`chip::RIM_PX`] where the network's borders are not zeros, otherwise 0.
    pub rim_px: Option<usize>,
    /// Form of the picture.
    pub head: Head,
    /// Compiles blobs; without it the folder holds ONNX and the official converter's command.
    pub compiler: Option<Compiler>,
}

impl OakOptions {
    /// RGB, the usual rim, not compiled.
    pub fn new(width: usize, height: usize) -> Self {
        Self { width, height, rim_px: None, head: Head::Rgb, compiler: None }
    }
}

/// The package that was made.
#[derive(Clone, Debug, PartialEq)]
pub struct OakReport {
    /// Cost of a frame.
    pub budget: Budget,
    /// Files in the folder, relative to it.
    pub files: Vec<PathBuf>,
    /// Whether the folder holds a compiled network.
    pub compiled: bool,
}

/// Writes the folder `out`, which must not exist yet, for `model` with at least one of its styles. The folder
/// appears whole or not at all.
pub fn export_oak(
    model: &Model,
    styles: &[Style],
    options: &OakOptions,
    out: &Path,
) -> Result<OakReport, ExportError> {
    let first = styles.first().ok_or(ExportError::NoStyle)?;
    styles.iter().try_for_each(|style| style.check(model))?;
    let weights = chip_weights(model, styles)?;
    if let Some(compiler) = &options.compiler {
        compile::check_folder(&compiler.libs)?;
    }
    let mut folder = NewFolder::beside(out)?;
    let chip = Chip::with(model, &weights, first.vector(), options)?;
    let graph = chip.graph()?;
    let budget = Budget::of(&chip, &graph)?;
    let onnx = onnx::file(graph, "Painter for the OAK", &onnx_metadata(model));
    let name = format!("impasto-{}", safe_name(&model.name));

    write_model(&mut folder, model, &chip, &name, &onnx)?;
    let compiled = match &options.compiler {
        Some(compiler) => Some(write_blobs(&mut folder, model, &chip, &name, compiler)?),
        None => None,
    };
    let names = write_styles(&mut folder, styles)?;
    folder.write("budget.txt", format!("{budget}\n").as_bytes())?;
    folder.write("app.json", app_json(model, &chip, compiled.as_deref(), &names).as_bytes())?;
    write_app(&mut folder, model, &chip, &name, &budget)?;
    let files = folder.finish()?;
    Ok(OakReport { budget, files, compiled: compiled.is_some() })
}

/// The weights on the chip: those of the model, or of a tuned style that goes alone, since all styles of a package share one network.
fn chip_weights(model: &Model, styles: &[Style]) -> Result<Arc<Weights>, ExportError> {
    match styles {
        [style] => onnx::style_weights(model, style),
        _ => match styles.iter().find(|style| style.update().is_some()) {
            Some(tuned) => Err(ExportError::TunedAmong(tuned.provenance.name.clone())),
            None => Ok(model.weights.clone()),
        },
    }
}

fn onnx_metadata(model: &Model) -> Vec<(String, String)> {
    let options = onnx::OnnxOptions { range: onnx::Range::Bytes, ..Default::default() };
    onnx::metadata(model, &options)
}

/// The ONNX file by itself and as an archive, which the official converter takes.
fn write_model(
    folder: &mut NewFolder,
    model: &Model,
    chip: &Chip,
    name: &str,
    onnx: &[u8],
) -> Result<(), ExportError> {
    folder.write("models/painter.onnx", onnx)?;
    let config = archive::config(chip, name, "painter.onnx", model.painter.style_len(), "float32");
    let path = format!("models/{name}.onnx.tar.xz");
    let archive =
        archive::archive(&config, "painter.onnx", onnx).map_err(ExportError::io(Path::new(&path)))?;
    folder.write(&path, &archive)
}

/// Compiles and packs blobs; gives the archive's path in the folder.
fn write_blobs(
    folder: &mut NewFolder,
    model: &Model,
    chip: &Chip,
    name: &str,
    compiler: &Compiler,
) -> Result<String, ExportError> {
    let onnx = folder.path("models/painter.onnx");
    let blob = |n| compile::compile(&compiler.libs, &onnx, n, folder.root());
    let (file, bytes) = match compiler.shaves {
        Shaves::One(n) => ("painter.blob", blob(n)?),
        Shaves::All => ("painter.superblob", superblob_of(blob)?),
    };
    let config = archive::config(chip, name, file, model.painter.style_len(), "float16");
    let path = format!("models/{name}.rvc2.tar.xz");
    let archive = archive::archive(&config, file, &bytes).map_err(ExportError::io(Path::new(&path)))?;
    folder.write(&path, &archive)?;
    Ok(path)
}

#[cfg(all(target_os = "linux", target_arch = "x86_64"))]
fn superblob_of(blob: impl Fn(usize) -> Result<Vec<u8>, CompileError>) -> Result<Vec<u8>, ExportError> {
    let blobs = superblob::SHAVES.map(blob).collect::<Result<Vec<_>, _>>()?;
    superblob::packed(&blobs).map_err(ExportError::io(Path::new("painter.superblob")))
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64")))]
fn superblob_of(_: impl Fn(usize) -> Result<Vec<u8>, CompileError>) -> Result<Vec<u8>, ExportError> {
    Err(CompileError::Platform.into())
}

/// Writes each style under a name of its own; gives the names in order.
fn write_styles(folder: &mut NewFolder, styles: &[Style]) -> Result<Vec<String>, ExportError> {
    let mut names: Vec<String> = Vec::new();
    for style in styles {
        let base = safe_name(&style.provenance.name);
        let numbered = (2..).map(|n| format!("{base}-{n}"));
        let name = std::iter::once(base.clone()).chain(numbered).find(|name| !names.contains(name));
        let name = name.expect("numbers do not end");
        folder.write(&format!("styles/{name}.style"), &style.to_bytes())?;
        names.push(name);
    }
    Ok(names)
}

/// Letters, digits, `-` and `_`; never empty.
fn safe_name(name: &str) -> String {
    let keep = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(keep).take(60).collect();
    let name = name.trim_matches('-');
    if name.is_empty() { "style".into() } else { name.into() }
}

/// Facts about its network for the program.
fn app_json(model: &Model, chip: &Chip, archive: Option<&str>, styles: &[String]) -> String {
    let (width, height) = chip.picture;
    let (image_width, image_height) = chip.image();
    let value = json!({
        "app_version": env!("CARGO_PKG_VERSION"),
        "protocol": protocol::VERSION,
        "model": { "name": model.name, "id": model.id(), "license": model.license },
        "archive": archive,
        "archive_expected": format!("models/impasto-{}.rvc2.tar.xz", safe_name(&model.name)),
        "image": { "width": image_width, "height": image_height },
        "picture": {
            "width": width,
            "height": height,
            "head": if chip.head == Head::Rgb { "rgb" } else { "yuv420" },
        },
        "style_length": model.painter.style_len(),
        "styles": styles,
    });
    serde_json::to_string_pretty(&value).expect("plain data") + "\n"
}

/// The program, as Luxonis' own examples are laid out.
fn write_app(
    folder: &mut NewFolder,
    model: &Model,
    chip: &Chip,
    name: &str,
    budget: &Budget,
) -> Result<(), ExportError> {
    let files = [
        ("main.py", include_str!("app/main.py")),
        ("requirements.txt", include_str!("app/requirements.txt")),
        ("oakapp.toml", include_str!("app/oakapp.toml")),
        ("utils/__init__.py", ""),
        ("utils/arguments.py", include_str!("app/utils/arguments.py")),
        ("utils/painter.py", include_str!("app/utils/painter.py")),
        ("utils/pipe.py", include_str!("app/utils/pipe.py")),
        ("utils/styles.py", include_str!("app/utils/styles.py")),
    ];
    for (path, text) in files {
        folder.write(path, text.as_bytes())?;
    }
    let (width, height) = chip.picture;
    let readme = include_str!("app/README.md")
        .replace("{name}", name)
        .replace("{model}", &model.name)
        .replace("{model_id}", model.id())
        .replace("{license}", &model.license)
        .replace("{size}", &format!("{width}x{height}"))
        .replace("{budget}", &budget.to_string());
    folder.write("README.md", readme.as_bytes())
}
