//! Errors, as a person sees them, and the exit code they lead to.

use std::fmt;
use std::io;
use std::process::ExitCode;

/// The words typed cannot be meant: exit code 2.
#[derive(Debug)]
pub struct WrongUse(pub String);

impl fmt::Display for WrongUse {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for WrongUse {}

/// Wrong use, as an error to return.
pub fn wrong_use(what: impl Into<String>) -> anyhow::Error {
    WrongUse(what.into()).into()
}

/// Shows the error on stderr and gives the exit code.
pub fn report(error: &anyhow::Error) -> ExitCode {
    if is_closed_pipe(error) {
        // `impasto … | head`: the reader has enough.
        return ExitCode::SUCCESS;
    }
    eprintln!("error: {}", words(error));
    ExitCode::from(if error.chain().any(|cause| cause.is::<WrongUse>()) { 2 } else { 1 })
}

fn is_closed_pipe(error: &anyhow::Error) -> bool {
    let is_pipe = |e: &io::Error| e.kind() == io::ErrorKind::BrokenPipe;
    error.chain().any(|cause| cause.downcast_ref().is_some_and(is_pipe))
}

/// The error and its causes in one line, leaving out a cause whose words already stand there.
pub fn words(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if line.is_empty() {
            line = cause;
        } else if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn causes_are_told_once() {
        let error = anyhow!("no space").context("a.png: no space").context("cannot write");
        assert_eq!(words(&error), "cannot write: a.png: no space");
    }

    #[test]
    fn wrong_use_and_failure_have_their_codes() {
        assert_eq!(report(&wrong_use("x").context("y")), ExitCode::from(2));
        assert_eq!(report(&anyhow!("x")), ExitCode::from(1));
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        assert_eq!(report(&anyhow::Error::from(pipe).context("cannot write")), ExitCode::SUCCESS);
    }
}
