//! `impasto train`: a network of one's own.

mod args;
mod judge;
mod record;
mod show;
mod words;

pub use args::Args;

use crate::console::Console;
use crate::failure::wrong_use;
use crate::interrupt;
use anyhow::Result;
use args::NetworkName;
use impasto_train::{Ending, train_until};
use record::Record;
use show::Show;

/// Trains.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    if args.network == NetworkName::Judge {
        return judge::run(args, console);
    }
    if args.model.is_some() {
        return Err(wrong_use(
            "--model is for `impasto train judge`; --start MODEL begins with a model's weights",
        ));
    }
    if args.show_settings {
        return console.result(words::settings_json(args)?);
    }
    let record = words::meaning(args)?;
    let config = record.config(args)?;
    let run = config.paths.run.clone();
    let title = format!("impasto train {} in {}", record.network, run.display());
    let mut show = Show::new(console, &run, &title, config.settings.schedule.total());
    let mut whole = None;
    let ending = train_until(&config, &interrupt::asked, &mut |progress| {
        if let impasto_train::Progress::Started { .. } = progress {
            // From now on Ctrl-C only asks, and the trainer saves before it ends.
            whole = Some(interrupt::hold());
            // Only now is it certain that the folder belongs to this run.
            show.problem(record.save(&run));
        }
        show.progress(progress);
    })?;
    drop(show);
    let told = match ending {
        Ending::Done => console.result(run.join("model.safetensors").display().to_string()),
        Ending::Stopped(step) => {
            let Record { network, .. } = &record;
            console.note(format!(
                "stopped after step {step}, and saved; go on with: impasto train {network} --resume {}",
                run.display()
            ));
            interrupt::leave()
        }
    };
    drop(whole);
    told
}
