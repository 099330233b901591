//! `--camera oak`: a Luxonis camera, driven by the program that `impasto export --target oak` makes.

use super::{Chosen, Open};
use crate::failure::wrong_use;
use anyhow::{Result, bail};
use clap::ValueEnum;
use impasto::{Image, Model, Provenance, Style, Stylizer, scene};
use impasto_export::oak::child::{OakChild, OakCommand, OakMode, Timeouts};
use impasto_export::oak::protocol::Hello;
use impasto_export::{OakOptions, export_oak};
use impasto_live::camera::Camera;
use impasto_live::{LiveError, Studio};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Most frames a second that the camera is asked for.
const FPS: f32 = 30.0;
/// What the camera films where no folder says it, in px: as much as USB 2 carries easily at that rate.
const FILM_SIZE: (usize, usize) = (640, 352);
/// How often a thread that waits for the camera looks whether it is still wanted.
const LOOK: Duration = Duration::from_millis(100);

/// The words about the OAK.
#[derive(clap::Args)]
pub struct OakArgs {
    /// With `--camera oak`: who paints, the camera's `chip` (by default) or this computer, the `host`.
    #[arg(long, value_name = "chip|host")]
    oak_mode: Option<ModeName>,
    /// Folder that `impasto export --target oak` made; without it this folder or ./oak, if it is one.
    #[arg(long, value_name = "FOLDER")]
    oak_app: Option<PathBuf>,
    /// Python that has DepthAI; without it the .venv of that folder, or else `python3`.
    #[arg(long, value_name = "FILE")]
    oak_python: Option<PathBuf>,
    /// Id or IP address of the camera; without it the first one found.
    #[arg(long, value_name = "ID")]
    oak_device: Option<String>,
}

/// Who paints.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum ModeName {
    Chip,
    Host,
}

impl OakArgs {
    /// Refuses words about the OAK where another camera is meant.
    pub fn check(&self, is_oak: bool) -> Result<()> {
        let given = [
            ("--oak-mode", self.oak_mode.is_some()),
            ("--oak-app", self.oak_app.is_some()),
            ("--oak-python", self.oak_python.is_some()),
            ("--oak-device", self.oak_device.is_some()),
        ];
        match given.iter().find(|(_, given)| *given && !is_oak) {
            Some((flag, _)) => Err(wrong_use(format!("{flag} needs --camera oak"))),
            None => Ok(()),
        }
    }

    /// The camera, not opened yet.
    pub fn choose(&self, stylizer: &Stylizer) -> Result<Chosen> {
        let mode = match self.oak_mode {
            Some(ModeName::Host) => OakMode::Host,
            Some(ModeName::Chip) | None => OakMode::Chip,
        };
        let folder = self.folder(mode, stylizer)?;
        let python = self.oak_python.clone().unwrap_or_else(|| python_of(folder.path()));
        let device = self.oak_device.as_deref();
        let command = OakCommand::app(&python, folder.path(), mode, device, Some(FPS));
        let model = stylizer.model().clone();
        let open: Open = Box::new(move |studio| {
            // The folder lives as long as this closure.
            let _ = &folder;
            Ok(Box::new(OakCamera::start(&command, mode, &model, studio)?))
        });
        let name = if mode == OakMode::Chip { "OAK (its chip)" } else { "OAK" };
        Ok(Chosen { name: name.into(), browser: false, open })
    }

    fn folder(&self, mode: OakMode, stylizer: &Stylizer) -> Result<AppFolder> {
        if let Some(folder) = &self.oak_app {
            if !is_app(folder) {
                bail!(
                    "{} is no folder of `impasto export --target oak`: it has no app.json and main.py",
                    folder.display()
                );
            }
            return Ok(AppFolder::Named(folder.clone()));
        }
        if let Some(found) = [".", "oak"].map(PathBuf::from).into_iter().find(|folder| is_app(folder)) {
            return Ok(AppFolder::Named(found));
        }
        match mode {
            OakMode::Host => made_for_now(stylizer),
            OakMode::Chip => bail!(
                "the camera's chip needs a compiled network, and neither this folder nor ./oak holds one; make it \
                 with `impasto export --target oak -o oak --compile --openvino-libs DIR` (docs/oak.md), name it \
                 with --oak-app, or let this computer paint with --oak-mode host"
            ),
        }
    }
}

/// A folder with the program.
enum AppFolder {
    /// The user's.
    Named(PathBuf),
    /// Made for this run, removed with it.
    Made(PathBuf),
}

impl AppFolder {
    fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Made(path) => path,
        }
    }
}

impl Drop for AppFolder {
    fn drop(&mut self) {
        if let Self::Made(path) = self {
            let _ = std::fs::remove_dir_all(path);
        }
    }
}

fn is_app(folder: &Path) -> bool {
    folder.join("app.json").is_file() && folder.join("main.py").is_file()
}

/// The program alone matters: the network in it is not run.
fn made_for_now(stylizer: &Stylizer) -> Result<AppFolder> {
    let path = std::env::temp_dir().join(format!("impasto-oak-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&path);
    let drawn = stylizer.encode(&scene::draw(64, 64, 0.0), Provenance::default())?;
    let (width, height) = FILM_SIZE;
    let options = OakOptions { rim_px: Some(0), ..OakOptions::new(width, height) };
    export_oak(stylizer.model(), &[drawn], &options, &path)?;
    Ok(AppFolder::Made(path))
}

/// The folder's own environment, or the system's Python.
fn python_of(folder: &Path) -> PathBuf {
    let own = folder.join(if cfg!(windows) { ".venv/Scripts/python.exe" } else { ".venv/bin/python" });
    let common = if cfg!(windows) { "python" } else { "python3" };
    if own.is_file() { own } else { common.into() }
}

/// A running program.
struct OakCamera {
    child: OakChild,
    mode: OakMode,
    studio: Arc<Studio>,
    worn: Vec<f32>,
}

impl OakCamera {
    /// Starts the program and waits until the camera has booted, or the studio stops.
    fn start(
        command: &OakCommand,
        mode: OakMode,
        model: &Model,
        studio: &Arc<Studio>,
    ) -> Result<Self, LiveError> {
        let child = OakChild::spawn_while(command, Timeouts::default(), || !studio.is_stopped());
        let child = child.map_err(|e| LiveError::Camera(e.to_string()))?;
        check_hello(child.hello(), mode, model)?;
        Ok(Self { child, mode, studio: studio.clone(), worn: vec![] })
    }
}

fn check_hello(hello: &Hello, mode: OakMode, model: &Model) -> Result<(), LiveError> {
    let refuse = |what: String| Err(LiveError::Camera(what));
    if hello.mode != mode.word() {
        return refuse(format!("its program was asked for mode {} and runs in {}", mode.word(), hello.mode));
    }
    if mode == OakMode::Chip && hello.model_id != model.id() {
        return refuse(format!(
            "the network on the camera is {} and this model is {} {}; export the folder again, or name its model \
             with --model",
            hello.model_id,
            model.name,
            model.id()
        ));
    }
    Ok(())
}

impl Camera for OakCamera {
    fn next(&mut self) -> Result<Option<Image>, LiveError> {
        while !self.studio.is_stopped() {
            match self.child.next_frame(LOOK) {
                Ok(Some(frame)) => return Ok(Some(frame.image)),
                Ok(None) => {}
                Err(why) => return Err(LiveError::Camera(why.to_string())),
            }
        }
        Ok(None)
    }

    fn paints(&self) -> bool {
        self.mode == OakMode::Chip
    }

    fn wear(&mut self, style: &Style) -> Result<(), LiveError> {
        if self.worn != style.vector() {
            self.worn = style.vector().to_vec();
            self.child.set_style(&self.worn).map_err(|e| LiveError::Camera(e.to_string()))?;
        }
        Ok(())
    }
}
