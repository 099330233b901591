//! The program's runner against children of every bad kind. The child is this test itself, started again
//! with `FALSE_CHILD` naming how it behaves; so there is no test harness, which would print into its output.

use impasto_export::oak::child::{OakChild, OakCommand, OakError, Timeouts};
use impasto_export::oak::protocol::{self, write_message};
use std::io::{Read, Write};
use std::process::ExitCode;
use std::time::{Duration, Instant};

const VARIABLE: &str = "FALSE_CHILD";

fn main() -> ExitCode {
    if let Ok(kind) = std::env::var(VARIABLE) {
        return child(&kind);
    }
    // A list, as a test harness would be asked for by tools.
    if std::env::args().any(|a| a == "--list") {
        println!("child: test");
        return ExitCode::SUCCESS;
    }
    let tests: [(&str, fn()); 9] = [
        ("frames_come_and_styles_go", frames_come_and_styles_go),
        ("the_newest_frame_counts", the_newest_frame_counts),
        ("a_missing_program_is_told", a_missing_program_is_told),
        ("a_mute_child_is_ended", a_mute_child_is_ended),
        ("another_version_is_refused", another_version_is_refused),
        ("a_crash_is_told_with_its_last_words", a_crash_is_told_with_its_last_words),
        ("a_hanging_child_is_ended", a_hanging_child_is_ended),
        ("what_the_child_says_is_passed_on", what_the_child_says_is_passed_on),
        ("a_child_is_not_waited_for_against_ones_will", a_child_is_not_waited_for_against_ones_will),
    ];
    for (name, test) in tests {
        test();
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

// The child.

fn child(kind: &str) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let version = if kind == "version" { 99 } else { protocol::VERSION };
    let hello = serde_json::json!({
        "protocol": version, "app_version": "test", "depthai": "none", "mode": "chip", "model_id": "m",
        "width": 2, "height": 1, "style_length": 3,
    });
    let frame =
        |n: u8| [&u64::from(n).to_le_bytes()[..], &2u32.to_le_bytes(), &1u32.to_le_bytes(), &[n; 6]].concat();
    match kind {
        "mute" => return sleep_until_killed(),
        "garbage" => {
            out.write_all(b"Traceback (most recent call last):\n").unwrap();
            return ExitCode::FAILURE;
        }
        "no_camera" => {
            write_message(&mut out, b"FAIL", br#"{"code": "no_camera", "message": "no OAK camera answers"}"#)
                .unwrap();
            return ExitCode::FAILURE;
        }
        _ => write_message(&mut out, b"HELO", hello.to_string().as_bytes()).unwrap(),
    }
    match kind {
        "crash" => {
            eprintln!("a wheel came off");
            ExitCode::from(3)
        }
        "hang" => sleep_until_killed(),
        "burst" => {
            (1..=50).for_each(|n| write_message(&mut out, b"FRAM", &frame(n)).unwrap());
            echo_styles(&mut out)
        }
        _ => echo_styles(&mut out),
    }
}

/// Ignores the end of its input, as a hanging program would.
fn sleep_until_killed() -> ExitCode {
    std::thread::sleep(Duration::from_secs(60));
    ExitCode::SUCCESS
}

/// Answers each style by a frame whose first bytes are its values; ends at `STOP`.
fn echo_styles(out: &mut impl Write) -> ExitCode {
    let mut input = std::io::stdin().lock();
    let mut head = [0u8; 8];
    while input.read_exact(&mut head).is_ok() {
        let mut rest = vec![0; u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize];
        input.read_exact(&mut rest).unwrap();
        match &head[..4] {
            b"HELO" => write_message(out, b"NOTE", &rest).unwrap(),
            b"STYL" => {
                let values = rest.chunks_exact(4).map(|b| f32::from_le_bytes(b.try_into().unwrap()) as u8);
                let mut frame = [&0u64.to_le_bytes()[..], &2u32.to_le_bytes(), &1u32.to_le_bytes()].concat();
                frame.extend(values.chain([0; 3]));
                write_message(out, b"FRAM", &frame).unwrap();
            }
            _ => return ExitCode::SUCCESS,
        }
    }
    ExitCode::SUCCESS
}

// The tests.

fn command(kind: &str) -> OakCommand {
    OakCommand {
        program: std::env::current_exe().unwrap(),
        arguments: vec![],
        environment: vec![(VARIABLE.into(), kind.into())],
    }
}

/// Short, but long enough for a busy machine to start a program.
fn timeouts() -> Timeouts {
    Timeouts {
        hello: Duration::from_secs(30),
        silence: Duration::from_millis(300),
        stop: Duration::from_millis(300),
    }
}

fn patient() -> Timeouts {
    Timeouts { silence: Duration::from_secs(30), stop: Duration::from_secs(30), ..timeouts() }
}

const LONG: Duration = Duration::from_secs(30);

fn frames_come_and_styles_go() {
    let mut child = OakChild::spawn(&command("echo"), patient()).unwrap();
    assert_eq!((child.hello().width, child.hello().style_length), (2, 3));
    assert!(matches!(child.set_style(&[1.0; 4]), Err(OakError::Style { expected: 3, found: 4 })));
    for n in [5.0, 250.0] {
        child.set_style(&[n, 1.0, 2.0]).unwrap();
        let frame = child.next_frame(LONG).unwrap().unwrap();
        assert_eq!(frame.image.rgb(), [n as u8, 1, 2, 0, 0, 0]);
    }
    assert!(child.notes().iter().any(|note| note.contains("protocol")), "the child has read our hello");
    assert_eq!(child.next_frame(Duration::from_millis(1)).unwrap(), None);
    // Asked to stop it ends by itself, long before the 30 s after which it would be killed.
    let before = Instant::now();
    drop(child);
    assert!(before.elapsed() < Duration::from_secs(20));
}

fn the_newest_frame_counts() {
    let mut child = OakChild::spawn(&command("burst"), patient()).unwrap();
    let (mut last, mut taken) = (0, 0);
    while last < 50 {
        let frame = child.next_frame(LONG).unwrap().expect("a frame");
        assert!(frame.image.rgb()[0] > last, "frames come in order");
        last = frame.image.rgb()[0];
        taken += 1;
    }
    assert!(taken <= 50);
}

fn a_missing_program_is_told() {
    let nowhere = OakCommand { program: "no-such-python".into(), arguments: vec![], environment: vec![] };
    let error = OakChild::spawn(&nowhere, timeouts()).err().unwrap();
    assert!(
        error.to_string().contains("no-such-python") && error.to_string().contains("pip install"),
        "{error}"
    );
}

fn a_mute_child_is_ended() {
    let hasty = Timeouts { hello: Duration::from_millis(200), ..timeouts() };
    let before = Instant::now();
    let error = OakChild::spawn(&command("mute"), hasty).err().unwrap();
    assert!(matches!(error, OakError::NoHello { .. }), "{error}");
    assert!(before.elapsed() < Duration::from_secs(30), "the child sleeps for 60 s, and was ended");
}

fn another_version_is_refused() {
    let error = OakChild::spawn(&command("version"), timeouts()).err().unwrap();
    assert!(matches!(error, OakError::Version { found: 99 }), "{error}");
    let error = OakChild::spawn(&command("garbage"), timeouts()).err().unwrap();
    assert!(matches!(error, OakError::Protocol(_)), "{error}");
}

fn a_crash_is_told_with_its_last_words() {
    let mut child = OakChild::spawn(&command("crash"), patient()).unwrap();
    let error = child.next_frame(LONG).unwrap_err();
    assert!(matches!(error, OakError::Ended { .. }));
    // The words come through another pipe, perhaps a moment later.
    let words = || child.notes().join(" ");
    let deadline = Instant::now() + LONG;
    let mut said = error.to_string();
    while !said.contains("a wheel came off") && Instant::now() < deadline {
        said += &words();
    }
    assert!(said.contains("exit status: 3") || cfg!(windows), "{said}");
    assert!(said.contains("a wheel came off"), "{said}");
}

fn a_hanging_child_is_ended() {
    let mut child = OakChild::spawn(&command("hang"), timeouts()).unwrap();
    let error = child.next_frame(LONG).unwrap_err();
    assert!(matches!(error, OakError::Silent { .. }), "{error}");
    let before = Instant::now();
    drop(child);
    assert!(before.elapsed() < Duration::from_secs(30), "it was killed");
}

fn what_the_child_says_is_passed_on() {
    let error = OakChild::spawn(&command("no_camera"), timeouts()).err().unwrap();
    assert!(error.to_string().contains("no OAK camera answers; plug the OAK in"), "{error}");
}

fn a_child_is_not_waited_for_against_ones_will() {
    let before = Instant::now();
    let error = OakChild::spawn_while(&command("mute"), timeouts(), || false).err().unwrap();
    assert!(matches!(error, OakError::Interrupted), "{error}");
    assert!(before.elapsed() < Duration::from_secs(20), "the child would be waited for 30 s");

    // Nobody is left behind: each child has been waited for.
    #[cfg(target_os = "linux")]
    assert_eq!(zombies(), 0);
}

/// Children of ours that have ended and were not waited for.
#[cfg(target_os = "linux")]
fn zombies() -> usize {
    let own = std::process::id().to_string();
    let stats = std::fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("stat")).ok());
    let is_ours = |stat: &String| {
        let after_name: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
        after_name.len() > 1 && after_name[0] == "Z" && after_name[1] == own
    };
    stats.filter(is_ours).count()
}
