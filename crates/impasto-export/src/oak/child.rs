//! Runs the program that drives the camera, and takes its frames.
//!
//! [`OakChild`] is one run of it. Whatever happens, dropping it ends the child and waits for it: there are no
//! orphans and no zombies. Starting it again when it has failed is up to the caller.

mod error;

pub use error::OakError;

use super::protocol::{self, Failure, Frame, Hello, Message};
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Lines of the child's standard error that are kept for messages.
const LAST_WORDS: usize = 8;

/// Place of the painting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OakMode {
    /// On the camera's chip: frames come painted.
    Chip,
    /// Here: frames come as the camera sees them.
    Host,
}

impl OakMode {
    /// `chip` or `host`, as typed and as the program says it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Chip => "chip",
            Self::Host => "host",
        }
    }
}

/// The program to start.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OakCommand {
    /// The interpreter, or another program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
    /// Variables added to the environment.
    pub environment: Vec<(OsString, OsString)>,
}

impl OakCommand {
    /// The program of an exported folder, run by the user's `python`. `device` is an id or an address.
    pub fn app(
        python: &Path,
        folder: &Path,
        mode: OakMode,
        device: Option<&str>,
        fps_limit: Option<f32>,
    ) -> Self {
        let mut arguments: Vec<OsString> =
            vec!["-u".into(), folder.join("main.py").into(), "--pipe".into(), mode.word().into()];
        for (flag, value) in
            [("--device", device.map(String::from)), ("--fps_limit", fps_limit.map(|f| f.to_string()))]
        {
            if let Some(value) = value {
                arguments.extend([flag.into(), value.into()]);
            }
        }
        Self { program: python.into(), arguments, environment: vec![] }
    }
}

/// Timeouts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the child's first message: it loads DepthAI and boots the camera.
    pub hello: Duration,
    /// For any message afterwards; it pulses once a second.
    pub silence: Duration,
    /// For its end after it was asked to stop, before it is killed.
    pub stop: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { hello: Duration::from_secs(40), silence: Duration::from_secs(6), stop: Duration::from_secs(2) }
    }
}

/// Messages of the reader thread.
#[derive(Default)]
struct Mailbox {
    hello: Option<Hello>,
    /// The newest frame that nobody has taken.
    frame: Option<Frame>,
    failure: Option<Failure>,
    /// The child's output has ended, with an error if it was no message.
    ended: Option<Result<(), String>>,
    heard: Option<Instant>,
    notes: VecDeque<String>,
    last_words: VecDeque<String>,
}

/// Data that the writer thread must send: the newest style, or the end.
#[derive(Default)]
struct Outbox {
    style: Option<Vec<u8>>,
    stop: bool,
}

type Shared<T> = Arc<(Mutex<T>, Condvar)>;

fn locked<T>(shared: &Shared<T>) -> MutexGuard<'_, T> {
    // What a panicking thread left is still a mailbox.
    shared.0.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One run of the program.
pub struct OakChild {
    child: Child,
    mailbox: Shared<Mailbox>,
    outbox: Shared<Outbox>,
    timeouts: Timeouts,
    hello: Hello,
}

impl OakChild {
    /// Starts the program and waits until it has introduced itself.
    pub fn spawn(command: &OakCommand, timeouts: Timeouts) -> Result<Self, OakError> {
        Self::spawn_while(command, timeouts, || true)
    }

    /// [`OakChild::spawn`], but gives up with [`OakError::Interrupted`] as soon as `go_on` says no; it is asked
    /// several times a second.
    pub fn spawn_while(
        command: &OakCommand,
        timeouts: Timeouts,
        go_on: impl Fn() -> bool,
    ) -> Result<Self, OakError> {
        let start = |source| OakError::Start { program: command.program.clone(), source };
        let mut child = Command::new(&command.program)
            .args(&command.arguments)
            .envs(command.environment.iter().map(|(k, v)| (k, v)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(start)?;
        let (mailbox, outbox) = (Shared::<Mailbox>::default(), Shared::<Outbox>::default());
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let hello = placeholder();
        let mut this = Self { child, mailbox, outbox, timeouts, hello };
        let (messages, words, outbox) = (this.mailbox.clone(), this.mailbox.clone(), this.outbox.clone());
        if let (Some(stdin), Some(stdout), Some(stderr)) = (stdin, stdout, stderr) {
            spawn_thread("oak frames", move || read_messages(stdout, &messages)).map_err(start)?;
            spawn_thread("oak log", move || read_words(stderr, &words)).map_err(start)?;
            spawn_thread("oak styles", move || write_styles(stdin, &outbox)).map_err(start)?;
        }
        this.hello = this.wait_for_hello(go_on)?;
        Ok(this)
    }

    /// The program's own description.
    pub fn hello(&self) -> &Hello {
        &self.hello
    }

    /// Sends a style; of several sent faster than they can be written the last one counts.
    pub fn set_style(&self, vector: &[f32]) -> Result<(), OakError> {
        let (expected, found) = (self.hello.style_length, vector.len());
        if expected != found {
            return Err(OakError::Style { expected, found });
        }
        locked(&self.outbox).style = Some(protocol::style_bytes(vector));
        self.outbox.1.notify_all();
        Ok(())
    }

    /// The newest frame that was not taken yet; `None` if none comes within `wait`.
    pub fn next_frame(&mut self, wait: Duration) -> Result<Option<Frame>, OakError> {
        let deadline = Instant::now() + wait;
        let mailbox = self.mailbox.clone();
        let mut mail = locked(&mailbox);
        loop {
            if let Some(frame) = mail.frame.take() {
                return Ok(Some(frame));
            }
            if let Some(error) = self.trouble(&mut mail) {
                return Err(error);
            }
            let now = Instant::now();
            if now >= deadline {
                return Ok(None);
            }
            mail = waited(&mailbox, mail, deadline - now);
        }
    }

    /// Lines for the log since the last call: notes of the program and what it printed.
    pub fn notes(&self) -> Vec<String> {
        locked(&self.mailbox).notes.drain(..).collect()
    }

    fn wait_for_hello(&mut self, go_on: impl Fn() -> bool) -> Result<Hello, OakError> {
        let after = self.timeouts.hello;
        let deadline = Instant::now() + after;
        let mailbox = self.mailbox.clone();
        let mut mail = locked(&mailbox);
        loop {
            if let Some(hello) = mail.hello.take() {
                return match hello.protocol {
                    protocol::VERSION => Ok(hello),
                    found => Err(OakError::Version { found }),
                };
            }
            if let Some(error) = self.trouble(&mut mail) {
                return Err(error);
            }
            let now = Instant::now();
            if now >= deadline {
                return Err(OakError::NoHello { after, last_words: last_words(&mail) });
            }
            if !go_on() {
                return Err(OakError::Interrupted);
            }
            mail = waited(&mailbox, mail, deadline - now);
        }
    }

    /// The fault, if there is one.
    fn trouble(&mut self, mail: &mut Mailbox) -> Option<OakError> {
        if let Some(failure) = mail.failure.take() {
            return Some(OakError::Failed(failure));
        }
        match &mail.ended {
            Some(Err(what)) => return Some(OakError::Protocol(what.clone())),
            Some(Ok(())) => {
                let status = end(&mut self.child, Duration::from_millis(500));
                let status = status.map_or("status unknown".into(), |s| s.to_string());
                return Some(OakError::Ended { status, last_words: last_words(mail) });
            }
            None => {}
        }
        let after = self.timeouts.silence;
        match mail.heard {
            Some(heard) if heard.elapsed() > after => {
                Some(OakError::Silent { after, last_words: last_words(mail) })
            }
            _ => None,
        }
    }
}

impl Drop for OakChild {
    fn drop(&mut self) {
        locked(&self.outbox).stop = true;
        self.outbox.1.notify_all();
        end(&mut self.child, self.timeouts.stop);
    }
}

fn placeholder() -> Hello {
    Hello {
        protocol: 0,
        app_version: String::new(),
        depthai: String::new(),
        mode: String::new(),
        model_id: String::new(),
        width: 0,
        height: 0,
        style_length: 0,
    }
}

fn spawn_thread(name: &str, work: impl FnOnce() + Send + 'static) -> std::io::Result<()> {
    std::thread::Builder::new().name(name.into()).spawn(work).map(|_| ())
}

fn waited<'a, T>(shared: &'a Shared<T>, guard: MutexGuard<'a, T>, wait: Duration) -> MutexGuard<'a, T> {
    // Silence is noticed by looking again, so no wait is long.
    let wait = wait.min(Duration::from_millis(100));
    shared.1.wait_timeout(guard, wait).unwrap_or_else(PoisonError::into_inner).0
}

/// Waits for the child's end, kills it when it takes longer than `patience`, and reaps it.
fn end(child: &mut Child, patience: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + patience;
    while Instant::now() < deadline {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) => std::thread::sleep(Duration::from_millis(10)),
            Err(_) => break,
        }
    }
    let _ = child.kill();
    child.wait().ok()
}

fn last_words(mail: &Mailbox) -> String {
    if mail.last_words.is_empty() {
        return String::new();
    }
    let words: Vec<&str> = mail.last_words.iter().map(String::as_str).collect();
    format!("; it printed last:\n  {}", words.join("\n  "))
}

fn read_messages(stdout: impl std::io::Read, mailbox: &Shared<Mailbox>) {
    let mut stdout = BufReader::with_capacity(1 << 16, stdout);
    loop {
        let message = protocol::read_message(&mut stdout);
        let mut mail = locked(mailbox);
        let over = match message {
            Ok(Some(message)) => {
                mail.heard = Some(Instant::now());
                deliver(&mut mail, message);
                false
            }
            Ok(None) => {
                mail.ended = Some(Ok(()));
                true
            }
            Err(e) if e.kind() == std::io::ErrorKind::UnexpectedEof => {
                mail.ended = Some(Ok(()));
                true
            }
            Err(e) => {
                mail.ended = Some(Err(e.to_string()));
                true
            }
        };
        mailbox.1.notify_all();
        if over {
            return;
        }
    }
}

fn deliver(mail: &mut Mailbox, message: Message) {
    match message {
        Message::Hello(hello) => mail.hello = Some(hello),
        Message::Frame(frame) => mail.frame = Some(frame),
        Message::Fail(failure) => mail.failure = Some(failure),
        Message::Note(text) => note(&mut mail.notes, text, 1000),
        Message::Pulse => {}
    }
}

fn note(lines: &mut VecDeque<String>, line: String, most: usize) {
    lines.push_back(line);
    if lines.len() > most {
        lines.pop_front();
    }
}

fn read_words(stderr: impl std::io::Read, mailbox: &Shared<Mailbox>) {
    for line in BufReader::new(stderr).split(b'\n').map_while(Result::ok) {
        let line = String::from_utf8_lossy(&line).trim_end().to_string();
        let mut mail = locked(mailbox);
        note(&mut mail.last_words, line.clone(), LAST_WORDS);
        note(&mut mail.notes, line, 1000);
    }
}

fn write_styles(mut stdin: ChildStdin, outbox: &Shared<Outbox>) {
    let hello = format!("{{\"protocol\": {}}}", protocol::VERSION);
    let mut alive = protocol::write_message(&mut stdin, b"HELO", hello.as_bytes()).is_ok();
    while alive {
        let mut out = locked(outbox);
        while out.style.is_none() && !out.stop {
            out = outbox.1.wait(out).unwrap_or_else(PoisonError::into_inner);
        }
        let (style, stop) = (out.style.take(), out.stop);
        drop(out);
        if stop {
            let _ = protocol::write_message(&mut stdin, b"STOP", &[]);
            let _ = stdin.flush();
            return;
        }
        if let Some(style) = style {
            alive = protocol::write_message(&mut stdin, b"STYL", &style).is_ok();
        }
    }
}
