//! Looks in a file. `--preset FILE` stands for the words in it, and `--save-preset FILE` writes those of a command: styles with their
//! weights, and dials. What is typed beside `--preset` goes before what the file says.

use crate::failure::wrong_use;
use crate::styles;
use anyhow::{Context, Result};
use clap::{ArgMatches, Command};
use impasto_media::atomic;
use serde_json::{Map, Value};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// The words of a look, by their long names. Commands take those that they have.
const WORDS: [&str; 8] =
    ["style", "strength", "keep-color", "strokes", "seed", "style-size", "steady", "model"];
/// A preset has at most so many bytes.
const MAX_BYTES: u64 = 1 << 20;

/// A look from a file, and to one.
#[derive(clap::Args, Clone, Debug, Default)]
pub struct PresetArgs {
    /// Take styles and dials from this file; those that are typed go before them.
    #[arg(long, value_name = "FILE")]
    pub preset: Option<PathBuf>,
    /// Write the styles and dials of this run into a new file, for --preset.
    #[arg(long, value_name = "FILE")]
    pub save_preset: Option<PathBuf>,
}

/// The words typed, with those of a preset among them.
pub fn expanded(typed: Vec<OsString>, program: &Command) -> Result<Vec<OsString>> {
    let Some(at) = typed.iter().skip(1).position(|word| !starts(word, "-")).map(|at| at + 1) else {
        return Ok(typed);
    };
    let Some(command) = program.find_subcommand(&typed[at]).filter(|command| has(command, "preset")) else {
        return Ok(typed);
    };
    let Some(file) = value_of(&typed, "preset") else { return Ok(typed) };
    let words = words_of(Path::new(&file))?;
    let is_typed = |name: &str| {
        let long = format!("--{name}");
        let short = name == "style" && typed.iter().any(|word| starts(word, "-s"));
        short || typed.iter().any(|word| *word == *long || starts(word, &format!("{long}=")))
    };
    let wanted = words.into_iter().filter(|(name, _)| has(command, name) && !is_typed(name));
    let inserted: Vec<OsString> = wanted.map(|(name, value)| format!("--{name}={value}").into()).collect();
    let (before, after) = typed.split_at(at + 1);
    Ok([before, &inserted, after].concat())
}

fn starts(word: &OsStr, with: &str) -> bool {
    word.as_encoded_bytes().starts_with(with.as_bytes())
}

fn has(command: &Command, name: &str) -> bool {
    command.get_arguments().any(|argument| argument.get_long() == Some(name))
}

/// The value of `--NAME VALUE` or `--NAME=VALUE`.
fn value_of(typed: &[OsString], name: &str) -> Option<OsString> {
    let long = format!("--{name}");
    if let Some(at) = typed.iter().position(|word| *word == *long) {
        return typed.get(at + 1).cloned();
    }
    let joined = format!("{long}=");
    let found = typed.iter().find_map(|word| word.to_str()?.strip_prefix(&joined))?;
    Some(found.into())
}

/// The words of a preset, as name and value.
fn words_of(file: &Path) -> Result<Vec<(&'static str, String)>> {
    let shown = file.display();
    let refused = |what: String| wrong_use(format!("the preset {shown} {what}"));
    let bytes = fs::metadata(file).map_err(|e| refused(format!("cannot be read: {e}")))?.len();
    if bytes > MAX_BYTES {
        return Err(refused(format!("has {bytes} bytes; presets have a few hundred")));
    }
    let text = fs::read_to_string(file).map_err(|e| refused(format!("cannot be read: {e}")))?;
    let parsed = serde_json::from_str(&text).map_err(|e| refused(format!("is no JSON: {e}")))?;
    let Value::Object(map) = parsed else {
        return Err(refused("is no JSON object; --save-preset FILE writes one".into()));
    };
    let mut words = Vec::new();
    for (name, value) in map {
        let known = WORDS.into_iter().find(|word| *word == name).ok_or_else(|| {
            refused(format!("has a setting `{name}` that no look has; known are {}", WORDS.join(", ")))
        })?;
        let values = match value {
            Value::Array(values) if known == "style" => values,
            value => vec![value],
        };
        for value in values {
            let value = match value {
                Value::String(word) => word,
                Value::Number(number) => number.to_string(),
                _ => return Err(refused(format!("has no number or word as `{name}`"))),
            };
            let is_file = matches!(known, "style" | "model");
            words.push((known, if is_file { beside(file, &value) } else { value }));
        }
    }
    Ok(words)
}

/// A painting that lies beside the preset, or where it is said to lie.
fn beside(preset: &Path, word: &str) -> String {
    let folder = preset.parent().unwrap_or(Path::new(""));
    let (what, weight) = match word.rsplit_once(':') {
        Some((what, weight)) if weight.parse::<f32>().is_ok() => (what, format!(":{weight}")),
        _ => (word, String::new()),
    };
    let here = folder.join(what);
    match Path::new(what).is_relative() && here.is_file() {
        true => format!("{}{weight}", here.display()),
        false => word.into(),
    }
}

/// Writes the look that the words mean, where `--save-preset` asks for it.
pub fn save(matches: &ArgMatches, command: &Command) -> Result<()> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(()) };
    let Ok(Some(file)) = matches.try_get_one::<PathBuf>("save_preset") else { return Ok(()) };
    let command = command.find_subcommand(name).expect("it was typed");
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let folder =
        fs::canonicalize(folder).with_context(|| format!("there is no folder {}", folder.display()))?;
    let mut look = Map::new();
    for word in WORDS {
        let Some(argument) = command.get_arguments().find(|argument| argument.get_long() == Some(word))
        else {
            continue;
        };
        let Ok(Some(values)) = matches.try_get_raw(argument.get_id().as_str()) else { continue };
        let values: Vec<_> = values.map(|value| value.to_string_lossy().into_owned()).collect();
        let value = match word {
            "style" => {
                Value::from(values.iter().map(|value| lasting(value, &folder)).collect::<Result<Vec<_>>>()?)
            }
            "model" => Value::from(lasting_file(&values[0], &folder)),
            _ => serde_json::from_str(&values[0]).unwrap_or(Value::from(values[0].clone())),
        };
        look.insert(word.into(), value);
    }
    let text = serde_json::to_string_pretty(&look)? + "\n";
    atomic::write_new(file, text.as_bytes()).with_context(|| {
        format!("cannot write the preset {}; name a file that is not there yet", file.display())
    })
}

/// A style's word as it is found from the preset's folder, whatever folder is worked in; an error for one that stands for nothing.
fn lasting(word: &str, folder: &Path) -> Result<String> {
    let parsed: crate::args::StyleWord = word.parse().map_err(wrong_use)?;
    let what = lasting_file(&styles::resolved_name(&parsed.what)?, folder);
    Ok(crate::args::StyleWord { what, ..parsed }.to_string())
}

fn lasting_file(what: &str, folder: &Path) -> String {
    let Ok(real) = fs::canonicalize(what) else { return what.into() };
    real.strip_prefix(folder).unwrap_or(&real).display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Arg;

    fn program() -> Command {
        let word = |name: &'static str| Arg::new(name).long(name);
        let stylize = Command::new("stylize").args(["preset", "style", "strength", "model"].map(word));
        Command::new("impasto").subcommand(stylize).subcommand(Command::new("doctor"))
    }

    fn typed(words: &str) -> Vec<OsString> {
        words.split_whitespace().map(OsString::from).collect()
    }

    #[test]
    fn typed_words_go_before_those_of_the_file() {
        let folder = std::env::temp_dir().join(format!("impasto-preset-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = folder.join("look.json");
        fs::write(folder.join("wave.png"), "").unwrap();
        let look = r#"{"style": ["wave.png:0.5", "mosaic"], "strength": 0.7, "steady": 0.5}"#;
        fs::write(&file, look).unwrap();
        let shown = file.display();
        let found =
            expanded(typed(&format!("impasto -q stylize a.jpg --preset {shown}")), &program()).unwrap();
        let wave = format!("--style={}:0.5", folder.join("wave.png").display());
        let expected =
            format!("impasto -q stylize {wave} --style=mosaic --strength=0.7 a.jpg --preset {shown}");
        let sorted = |mut words: Vec<OsString>| {
            words.sort();
            words
        };
        assert_eq!(sorted(found), sorted(typed(&expected)), "steady is no word of this command");
        let own = format!("impasto stylize a.jpg -s x --strength=1 --preset={shown}");
        assert_eq!(expanded(typed(&own), &program()).unwrap(), typed(&own));
        for (bad, said) in [("{\"strenght\": 1}", "strenght"), ("[1]", "no JSON object"), ("{", "no JSON")] {
            fs::write(&file, bad).unwrap();
            let words = typed(&format!("impasto stylize --preset {shown}"));
            let error = expanded(words, &program()).unwrap_err().to_string();
            assert!(error.contains(said) && error.contains("look.json"), "{error}");
        }
        fs::remove_dir_all(&folder).unwrap();
        let other = typed("impasto doctor --preset no-such-file");
        assert_eq!(expanded(other.clone(), &program()).unwrap(), other);
    }
}
