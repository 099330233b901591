//! What the words of `impasto train` mean.

use super::args::{Args, FolderWord, MachineName, NetworkName};
use super::judge::JudgeRecord;
use super::record::{Files, Record};
use crate::failure::wrong_use;
use crate::models;
use anyhow::{Context, Result, bail};
use impasto_train::data::Folder;
use impasto_train::distil::DistilSettings;
use impasto_train::loss_network::WHERE_FROM;
use impasto_train::schedule::Schedule;
use impasto_train::{Settings, TrainConfig};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// The run that is meant: a new one, or one that goes on.
pub fn meaning(args: &Args) -> Result<Record> {
    let record = match &args.resume {
        Some(run) => resumed(args, run)?,
        None => fresh(args)?,
    };
    record.settings.check().map_err(|e| wrong_use(format!("these settings cannot be used: {e}")))?;
    Ok(record)
}

/// The settings alone, as `--settings` reads them.
pub fn settings_json(args: &Args) -> Result<String> {
    let settings = match &args.resume {
        Some(run) => resumed(args, run)?.settings,
        None => changed(base(args), args)?,
    };
    Ok(serde_json::to_string_pretty(&settings)?)
}

fn base(args: &Args) -> Settings {
    let network = args.network.kind().expect("a judge's settings are others");
    if args.tiny { TrainConfig::tiny(network, PathBuf::new()).settings } else { Settings::of(network) }
}

fn fresh(args: &Args) -> Result<Record> {
    let settings = changed(base(args), args)?;
    let files = if args.tiny { None } else { Some(files(args)?) };
    let start = args.start.as_deref().map(|path| exists(path, "--start")).transpose()?;
    let run = args.output.clone().expect("clap requires it");
    let license = args.license.clone();
    Ok(Record { network: args.network, files, settings, start, license, run })
}

fn resumed(args: &Args, run: &Path) -> Result<Record> {
    if args.output.as_deref().is_some_and(|output| output != run) {
        return Err(wrong_use(format!("--resume {0} goes on in {0}; leave -o out", run.display())));
    }
    let mut record = Record::load(run)?;
    if record.network != args.network {
        bail!("{} trains the {} network; say `impasto train {0}`", run.display(), record.network);
    }
    record.settings = changed(record.settings, args)?;
    record.license = args.license.clone().or(record.license);
    if args.tiny && record.files.is_some() {
        return Err(wrong_use(format!("{} is no --tiny run", run.display())));
    }
    if let Some(files) = &mut record.files {
        for (own, typed) in [(&mut files.photos, &args.photos), (&mut files.paintings, &args.paintings)] {
            if !typed.is_empty() {
                *own = typed.iter().map(|word| word.0.clone()).collect();
            }
        }
        files.vgg = args.vgg.clone().or(files.vgg.take());
        files.held_out = held_out(args).or(files.held_out.take());
    }
    Ok(record)
}

fn files(args: &Args) -> Result<Files> {
    let need = |given: &[FolderWord], name: &str| -> Result<Vec<Folder>> {
        if given.is_empty() {
            return Err(wrong_use(format!(
                "a folder of {name} is needed: --{name} DIR (or --tiny, to try the trainer without any file)"
            )));
        }
        let whole = |word: &FolderWord| {
            Ok(Folder { path: exists(&word.0.path, &format!("--{name}"))?, weight: word.0.weight })
        };
        given.iter().map(whole).collect()
    };
    let (photos, paintings) = (need(&args.photos, "photos")?, need(&args.paintings, "paintings")?);
    let vgg = match (&args.vgg, args.network) {
        (Some(path), _) => Some(existing_vgg(path)?),
        (None, NetworkName::Light) => None,
        (None, NetworkName::Classic | NetworkName::Judge) => Some(some_vgg()?),
    };
    let whole = |path: PathBuf, name: &str| exists(&path, name);
    let held_out = held_out(args)
        .map(|(a, b)| anyhow::Ok((whole(a, "--held-out")?, whole(b, "--held-out")?)))
        .transpose()?;
    Ok(Files { photos, paintings, vgg, held_out })
}

/// The VGG-19 inside the model `classic`, if Impasto finds it.
fn some_vgg() -> Result<PathBuf> {
    let found = models::candidates("classic").into_iter().find(|path| path.is_file());
    let path = found.ok_or_else(|| wrong_use(format!("a VGG-19 is needed: --vgg FILE. {WHERE_FROM}")))?;
    exists(&path, "--vgg")
}

fn existing_vgg(path: &Path) -> Result<PathBuf> {
    if !path.is_file() {
        bail!("there is no file {}; check the spelling. {WHERE_FROM}", path.display());
    }
    exists(path, "--vgg")
}

fn held_out(args: &Args) -> Option<(PathBuf, PathBuf)> {
    let [photos, paintings] = args.held_out.as_deref()? else { return None };
    Some((photos.clone(), paintings.clone()))
}

/// The whole path, so that a run can be resumed from anywhere.
fn exists(path: &Path, word: &str) -> Result<PathBuf> {
    std::fs::canonicalize(path)
        .with_context(|| format!("{word} {}: it is not there; check the spelling", path.display()))
}

/// `settings` with what the words change: the file first, then `--set`, then the flags.
fn changed(settings: Settings, args: &Args) -> Result<Settings> {
    let before = settings.schedule;
    let mut settings = merged(settings, args)?;
    if let Some(steps) = args.steps {
        set_steps(&mut settings.schedule, &before, steps, args.resume.is_some());
    }
    if let Some(seed) = args.seed {
        settings.sampling.seed = seed;
    }
    Ok(settings)
}

/// Settings of either kind with what `--settings` and `--set` change.
fn merged<T: Serialize + DeserializeOwned>(settings: T, args: &Args) -> Result<T> {
    let mut tree = serde_json::to_value(settings)?;
    if let Some(path) = &args.settings {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
        let changes =
            serde_json::from_str(&text).with_context(|| format!("{} is no JSON", path.display()))?;
        merge(&mut tree, changes, "").with_context(|| format!("cannot use {}", path.display()))?;
    }
    for word in &args.set {
        let Some((name, value)) = word.split_once('=') else {
            return Err(wrong_use(format!("--set {word}: NAME=VALUE is needed, such as recipe.style=4")));
        };
        // What is no JSON is a word.
        let value = serde_json::from_str(value).unwrap_or_else(|_| Value::String(value.into()));
        let nested = name.rsplit('.').fold(value, |inner, key| serde_json::json!({ key: inner }));
        merge(&mut tree, nested, "").map_err(|e| wrong_use(format!("--set {word}: {e}")))?;
        // Tried one by one, so that the message can say which of them it is about.
        serde_json::from_value::<T>(tree.clone())
            .map_err(|e| wrong_use(format!("--set {word}: the value cannot be used: {e}")))?;
    }
    serde_json::from_value(tree).map_err(|e| wrong_use(format!("a setting is of the wrong kind: {e}")))
}

/// The judge's run that is meant: a new one, or one that goes on.
pub fn judge(args: &Args) -> Result<JudgeRecord> {
    let unknown = [
        ("--tiny", args.tiny),
        ("--start", args.start.is_some()),
        ("--held-out", args.held_out.is_some()),
        ("--engine gpu", args.engine == MachineName::Gpu),
        ("--validate-every", args.validate_every.is_some()),
    ];
    if let Some((word, _)) = unknown.into_iter().find(|u| u.1) {
        return Err(wrong_use(format!("`impasto train judge` has no {word}; leave it out")));
    }
    let mut record = match &args.resume {
        Some(run) => {
            if args.output.as_deref().is_some_and(|output| output != run) {
                return Err(wrong_use(format!("--resume {0} goes on in {0}; leave -o out", run.display())));
            }
            JudgeRecord::load(run)?
        }
        None => {
            let files = files(args)?;
            let model = args.model.as_deref().map(|path| exists(path, "--model")).transpose()?;
            let vgg = files.vgg.expect("a judge is taught by a VGG");
            let run = args.output.clone().expect("clap requires it");
            let (photos, paintings) = (files.photos, files.paintings);
            JudgeRecord { judge: DistilSettings::default(), photos, paintings, vgg, model, run }
        }
    };
    record.judge = judge_settings(record.judge, args)?;
    record.judge.check().map_err(|e| wrong_use(format!("these settings cannot be used: {e}")))?;
    Ok(record)
}

/// The judge's settings alone, as `--settings` reads them.
pub fn judge_settings_json(args: &Args) -> Result<String> {
    let settings = match &args.resume {
        Some(run) => JudgeRecord::load(run)?.judge,
        None => DistilSettings::default(),
    };
    Ok(serde_json::to_string_pretty(&judge_settings(settings, args)?)?)
}

fn judge_settings(settings: DistilSettings, args: &Args) -> Result<DistilSettings> {
    let mut settings = merged(settings, args)?;
    settings.steps = args.steps.unwrap_or(settings.steps);
    settings.seed = args.seed.unwrap_or(settings.seed);
    Ok(settings)
}

/// Makes a run have so many steps in all. Those that only reproduce photos shrink in proportion, unless their number was
/// given, or the run has begun.
fn set_steps(schedule: &mut Schedule, before: &Schedule, steps: u64, begun: bool) {
    let given = begun || schedule.identity_steps != before.identity_steps;
    let share = (steps as f64 * before.identity_steps as f64 / before.total().max(1) as f64) as u64;
    let identity = if given { schedule.identity_steps } else { schedule.identity_steps.min(share) };
    schedule.identity_steps = identity.min(steps.saturating_sub(1));
    schedule.steps = steps - schedule.identity_steps;
}

/// Puts `changes` into `tree`; a name that is not there is an error.
fn merge(tree: &mut Value, changes: Value, path: &str) -> Result<()> {
    let (Value::Object(tree), Value::Object(changes)) = (&mut *tree, &changes) else {
        *tree = changes;
        return Ok(());
    };
    for (key, value) in changes {
        let names = tree.keys().cloned().collect::<Vec<_>>().join(", ");
        let path = format!("{path}{key}");
        let Some(own) = tree.get_mut(key) else { bail!("there is no setting `{path}`; there are {names}") };
        check_kind(own, value, &path)?;
        merge(own, value.clone(), &format!("{path}."))?;
    }
    Ok(())
}

/// Refuses a value of another kind than the setting has.
fn check_kind(own: &Value, value: &Value, path: &str) -> Result<()> {
    let kind = |value: &Value| match value {
        Value::Number(_) => Some("a number"),
        Value::Bool(_) => Some("true or false"),
        Value::String(_) => Some("a word"),
        Value::Array(_) => Some("a list in brackets"),
        Value::Object(_) => Some("a group of settings"),
        Value::Null => None,
    };
    match (kind(own), kind(value)) {
        (Some(wanted), Some(found)) if wanted != found => {
            bail!("`{path}` is {wanted} ({own} now), and {value} is {found}")
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn settings_are_changed_by_name() {
        let mut tree = json!({"recipe": {"style": 3.0, "rate": 1}, "groups": 4});
        merge(&mut tree, json!({"recipe": {"style": 7}}), "").unwrap();
        assert_eq!(tree, json!({"recipe": {"style": 7, "rate": 1}, "groups": 4}));
        let error = merge(&mut tree, json!({"recipe": {"stile": 7}}), "").unwrap_err().to_string();
        assert!(error.contains("recipe.stile") && error.contains("style"), "{error}");
        let error = merge(&mut tree, json!({"recipe": {"style": "abc"}}), "").unwrap_err().to_string();
        assert!(
            error.contains("`recipe.style` is a number") && error.contains("\"abc\" is a word"),
            "{error}"
        );
    }

    #[test]
    fn the_steps_are_all_steps() {
        let usual = Schedule { identity_steps: 60, steps: 600, ..Schedule::default() };
        let total = |mut schedule: Schedule, steps, begun| {
            set_steps(&mut schedule, &usual, steps, begun);
            (schedule.identity_steps, schedule.total())
        };
        assert_eq!(total(usual, 3, false), (0, 3));
        assert_eq!(total(usual, 66, false), (6, 66));
        assert_eq!(total(usual, 6600, false), (60, 6600));
        assert_eq!(total(Schedule { identity_steps: 4, ..usual }, 10, false), (4, 10), "given");
        assert_eq!(total(usual, 100, true), (60, 100), "begun");
        assert_eq!(total(usual, 1, true), (0, 1));
    }
}
