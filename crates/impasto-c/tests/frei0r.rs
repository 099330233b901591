//! The frei0r plug-in (`integrations/frei0r`), built on the static library, in ffmpeg and MLT where they are installed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn words(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

/// The newest static library beside this test program.
fn library() -> PathBuf {
    let folder = env::current_exe().unwrap().parent().unwrap().to_path_buf();
    let is_ours = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        name.starts_with("libimpasto_c") && name.ends_with(".a")
    };
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).filter(is_ours);
    files
        .max_by_key(|file| fs::metadata(file).unwrap().modified().unwrap())
        .expect("cargo builds the static library")
}

/// A folder with the plug-in; `None` where it cannot be built or tried.
fn plug_in(name: &str, host: &str) -> Option<PathBuf> {
    let compiler = env::var("CC").unwrap_or_else(|_| "cc".into());
    for tool in [compiler.as_str(), host] {
        if !cfg!(target_os = "linux") || Command::new(tool).arg("--version").output().is_err() {
            println!("skipped: there is no `{tool}` here");
            return None;
        }
    }
    let folder = env::temp_dir().join(format!("impasto-frei0r-{name}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    let output = Command::new(compiler)
        .args(["-std=c11", "-Wall", "-Wextra", "-Werror", "-O2", "-shared", "-fPIC", "-fvisibility=hidden"])
        .arg("-I")
        .arg(repository().join("crates/impasto-c/include"))
        .arg(repository().join("integrations/frei0r/impasto.c"))
        .arg(library())
        .args(["-Wl,--exclude-libs,ALL", "-Wl,--gc-sections", "-lm", "-lpthread", "-ldl", "-o"])
        .arg(folder.join("impasto.so"))
        .output()
        .unwrap();
    assert!(output.status.success(), "the plug-in cannot be built: {}", words(&output));
    Some(folder)
}

/// Runs ffmpeg over its own test picture; the words that it said, and the bytes of all frames.
fn filtered(folder: &Path, size: &str, filter: &str) -> (String, Vec<u8>) {
    let output = ffmpeg(folder, size, filter);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{filter}: {said}");
    (said, output.stdout)
}

fn ffmpeg(folder: &Path, size: &str, filter: &str) -> Output {
    Command::new("ffmpeg")
        .env("FREI0R_PATH", folder)
        .args(["-v", "error", "-f", "lavfi", "-i", &format!("testsrc=size={size}:rate=5:duration=0.6")])
        .args(["-vf", filter, "-pix_fmt", "rgb24", "-f", "rawvideo", "-"])
        .output()
        .unwrap()
}

fn has_frei0r() -> bool {
    let filters = Command::new("ffmpeg").args(["-hide_banner", "-filters"]).output();
    let has = filters.is_ok_and(|output| words(&output).contains(" frei0r "));
    if !has {
        println!("skipped: this ffmpeg has no frei0r filter");
    }
    has
}

fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| f64::from(a.abs_diff(*b))).sum::<f64>() / a.len() as f64
}

/// Mean difference of a byte from the one below.
fn row_change(frames: &[u8], width: usize) -> f64 {
    difference(&frames[3 * width..], &frames[..frames.len() - 3 * width])
}

#[test]
fn ffmpeg_paints_films() {
    let Some(folder) = plug_in("ffmpeg", "ffmpeg") else { return };
    if !has_frei0r() {
        return;
    }
    for size in ["96x64", "100x67", "16x16"] {
        let (_, plain) = filtered(&folder, size, "format=rgba");
        let (said, waves) = filtered(&folder, size, "frei0r=impasto:waves");
        assert_eq!(said, "", "{size}");
        // Painted along its rows: neighbours across rows are as alike as before, not those of a sheared picture.
        let width: usize = size.split('x').next().unwrap().parse().unwrap();
        let (_, calm) = filtered(&folder, size, "frei0r=impasto:water-lilies");
        assert!(
            row_change(&calm, width) < 2.0 * row_change(&plain, width) + 20.0,
            "{size}: rows are sheared"
        );
        let (_, mosaic) = filtered(&folder, size, "frei0r=impasto:mosaic|1|0|0.5");
        assert!(difference(&plain, &waves) > 5.0 && difference(&waves, &mosaic) > 5.0, "{size}");
        let (_, faint) = filtered(&folder, size, "frei0r=impasto:waves|0.3|0.9");
        assert!(difference(&plain, &faint) < difference(&plain, &waves), "{size}: dials turn");
        // Two instances in one process, in one chain.
        let (_, both) = filtered(&folder, size, "frei0r=impasto:waves,frei0r=impasto:mosaic");
        assert!(difference(&both, &waves) > 5.0, "{size}");
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_missing_style_lets_frames_pass_and_says_so() {
    let Some(folder) = plug_in("missing", "ffmpeg") else { return };
    if !has_frei0r() {
        return;
    }
    let (_, plain) = filtered(&folder, "96x64", "format=rgba");
    let (said, passed) = filtered(&folder, "96x64", "frei0r=impasto:wvaes");
    assert_eq!(difference(&plain, &passed), 0.0);
    assert_eq!(said.matches("there is no style `wvaes`").count(), 1, "{said}");
    fs::remove_dir_all(&folder).unwrap();
}

/// ffmpeg pads rows of such widths, and frei0r has no stride.
#[test]
fn odd_widths_are_refused_with_the_remedy() {
    let Some(folder) = plug_in("odd", "ffmpeg") else { return };
    if !has_frei0r() {
        return;
    }
    let refused = ffmpeg(&folder, "101x67", "frei0r=impasto:waves");
    assert!(!refused.status.success() && words(&refused).contains("multiples of 8"), "{}", words(&refused));
    let (said, painted) = filtered(&folder, "101x67", "scale=trunc(iw/8)*8:ih,frei0r=impasto:waves");
    assert_eq!((said.as_str(), painted.len()), ("", 3 * 3 * 96 * 67));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn mlt_paints_films() {
    let Some(folder) = plug_in("mlt", "melt") else { return };
    let painted = |filters: &[&str]| {
        let output = Command::new("melt")
            .env("MLT_FREI0R_PLUGIN_PATH", &folder)
            .env("FREI0R_PATH", &folder)
            .args(["color:#4080c0", "out=2"])
            .args(filters)
            .args([
                "-profile",
                "square_ntsc",
                "-consumer",
                "avformat:film.mkv",
                "vcodec=ffv1",
                "an=1",
                "real_time=-1",
            ])
            .current_dir(&folder)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", words(&output));
        let film = folder.join("film.mkv");
        let bytes = fs::read(&film).unwrap_or_else(|_| panic!("melt wrote nothing: {}", words(&output)));
        fs::remove_file(film).unwrap();
        bytes.len()
    };
    // A painted plane has strokes, which cost bits.
    let (plain, waves) = (painted(&[]), painted(&["-filter", "frei0r.impasto", "style=waves"]));
    assert!(waves > 2 * plain, "{waves} bytes painted, {plain} plain");
    fs::remove_dir_all(&folder).unwrap();
}
