//! `impasto web`: the page that paints in the browser alone, as files for any web server.

use crate::console::Console;
use crate::interrupt;
use anyhow::{Context, Result, bail};
use impasto_media::atomic;
use impasto_web::site;
use std::fs;
use std::path::PathBuf;

/// Write the web page that paints in the browser alone, for any web server
#[derive(clap::Args)]
#[command(
    after_help = "The page needs no server of its own and sends nothing anywhere: GitHub Pages or any other host \
of files will do, over HTTPS (browsers give cameras to nobody else).

Examples:
  impasto web -o site/
  impasto web -o site/ && python3 -m http.server -d site/"
)]
pub struct Args {
    /// The folder to write to; it is made where it is missing, and what else lies in it stays.
    #[arg(short, long, value_name = "FOLDER")]
    output: PathBuf,
}

/// Writes the site.
pub fn run(args: &Args, console: &Console) -> Result<()> {
    let files = site::files();
    if files.is_empty() {
        bail!(
            "this program was built without the web page; take a released one, or build the page with web/build.sh (the \
             site is then in web/dist) and the program with IMPASTO_SITE=$PWD/web/dist"
        );
    }
    let folder = &args.output;
    fs::create_dir_all(folder).with_context(|| format!("cannot make the folder {}", folder.display()))?;
    let _whole = interrupt::hold();
    for (name, bytes) in &files {
        let path = folder.join(name);
        atomic::write(&path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    console.result(folder.join("index.html").display().to_string())?;
    console.note(format!("{} files; put the folder on any web server", files.len()));
    Ok(())
}
