//! The pure parts of the page without a server under node's own test runner.

use std::path::Path;
use std::process::Command;

#[test]
fn the_pure_parts_of_the_page_pass_their_tests() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/page/tests");
    let tests = ["pure.test.js", "mp4.test.js"].map(|name| folder.join(name));
    let version = Command::new("node").arg("--version").output();
    let version =
        version.map(|found| String::from_utf8_lossy(&found.stdout).trim().to_string()).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < 20) {
        println!("skipped: there is no node from 20 on");
        return;
    }
    let run = Command::new("node").arg("--test").args(tests).output().expect("node has just answered");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stdout));
}
