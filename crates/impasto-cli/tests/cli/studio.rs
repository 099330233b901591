//! A folder with a tiny model, photos and paintings, and the program run in it.

use impasto_core::conformance::Case;
use impasto_core::model::StrengthKind;
use impasto_core::weights::Precision;
use impasto_core::{Image, Model, NetworkBuilder, Padding, Weights};
use impasto_media::still::{self, Still, WriteOptions};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The classic network's kinds of layer, with 8 channels and random weights.
pub fn model(name: &str) -> Model {
    let mut b = NetworkBuilder::new("painter").fit_picture(1);
    let x = b.input(3);
    let x = b.conv("a", x, 8, 3, 1, Padding::Reflect);
    let x = b.relu(x);
    let x = b.max_pool2(x);
    let features = x;
    let x = b.adain_unbiased("site", x, 8, 1e-5);
    let x = b.upsample2(x);
    let x = b.conv("b", x, 3, 3, 1, Padding::Reflect);
    b.scale(x, 0.2, 0.4);
    let painter = Case::new(name, b.finish(), 8, 8, 3);
    let mut b = NetworkBuilder::new("encoder");
    b.input(3);
    painter.network.truncated(features).nodes[1..].iter().for_each(|node| {
        b.push(&node.name, node.op.clone());
    });
    b.mean_std(features, 1e-5, true);
    let weights: Weights = (*painter.weights).clone();
    let record = serde_json::json!({});
    Model::new(name, painter.network, b.finish(), weights, StrengthKind::Features, "CC0-1.0", record).unwrap()
}

/// What a run said.
pub struct Said {
    /// The exit code; none where a signal ended it.
    pub code: Option<i32>,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl From<Output> for Said {
    fn from(output: Output) -> Self {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }
}

/// A fresh folder that goes away with its test.
pub struct Studio(PathBuf);

impl Studio {
    /// With `classic.safetensors` (the tiny model), `photo.jpg`, `wave.png` and `mosaic.png`.
    pub fn new(test: &str) -> Self {
        let studio = Self::empty(test);
        model("classic").save(&studio.path("classic.safetensors"), Precision::F32).unwrap();
        studio.picture("photo.jpg", 33, 22);
        let stripes = |width: usize| {
            move |x: usize, y: usize| {
                if ((x + y) / width).is_multiple_of(2) { [230, 40, 30] } else { [20, 90, 200] }
            }
        };
        studio.write("wave.png", &Image::from_fn(24, 24, stripes(3)));
        studio.write("mosaic.png", &Image::from_fn(24, 24, stripes(8)));
        studio
    }

    /// With nothing in it.
    pub fn empty(test: &str) -> Self {
        let path = std::env::temp_dir().join(format!("impasto-cli-{}-{test}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self(fs::canonicalize(path).unwrap())
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A photo of a gradient, in the format of its ending; folders on its way are made.
    pub fn picture(&self, name: &str, width: usize, height: usize) {
        self.write(name, &Image::from_fn(width, height, |x, y| [(7 * x) as u8, (5 * y) as u8, 90]));
    }

    pub fn write(&self, name: &str, image: &Image) {
        self.write_still(name, &Still::from_image(image.clone()));
    }

    pub fn write_still(&self, name: &str, still: &Still) {
        fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        still::write(&self.path(name), still, WriteOptions::default()).unwrap();
    }

    pub fn read(&self, name: &str) -> Still {
        still::read(&self.path(name)).unwrap()
    }

    /// All files under the folder, sorted, with `/` between folders.
    pub fn files(&self) -> Vec<String> {
        let (mut files, mut folders) = (Vec::new(), vec![self.0.clone()]);
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => files.push(shown(path.strip_prefix(&self.0).unwrap())),
                }
            }
        }
        files.sort();
        files
    }

    /// The program, in this folder, with a configuration folder of its own; it paints with the tiny model unless the
    /// words name another.
    pub fn command(&self, words: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_impasto"));
        let paints = ["stylize", "video", "styles make", "styles show", "demo", "bench"];
        let named = words.contains("--model") || words.contains("--help");
        let plain = words.trim_start_matches("--quiet ");
        let tiny = !named
            && !plain.starts_with("video join")
            && paints.iter().any(|command| plain.starts_with(command));
        command.args(words.split_whitespace()).args(if tiny { &["--model", "classic"][..] } else { &[] });
        command.current_dir(&self.0).env_remove("IMPASTO_ISA");
        command.env("XDG_CONFIG_HOME", self.path("config")).env("APPDATA", self.path("config"));
        command
    }

    /// Runs `impasto WORDS`.
    pub fn run(&self, words: &str) -> Said {
        self.command(words).output().unwrap().into()
    }

    /// Runs what must succeed, and gives the lines on stdout.
    pub fn lines(&self, words: &str) -> Vec<String> {
        let said = self.run(words);
        assert_eq!(said.code, Some(0), "impasto {words}: {}", said.err);
        said.out.lines().map(|line| line.replace('\\', "/")).collect()
    }

    /// Runs what must fail with this code, a message that holds all `needles`, and no file more or less.
    pub fn refuses(&self, words: &str, code: i32, needles: &[&str]) -> Said {
        let before = self.files();
        let said = self.run(words);
        assert_eq!(said.code, Some(code), "impasto {words}: {}", said.err);
        for needle in needles {
            assert!(said.err.contains(needle), "impasto {words}: no `{needle}` in: {}", said.err);
        }
        assert!(!said.err.contains("panicked"), "impasto {words}: {}", said.err);
        assert_eq!(said.out, "", "impasto {words}");
        assert_eq!(self.files(), before, "impasto {words}");
        said
    }
}

impl Drop for Studio {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
