//! `segwalk link` as its users run it. Without root, `/dev/net/tun` and iproute2 these tests say "skipped" with the reason;
//! with SEGWALK_NO_SKIP set, what would be skipped fails.

use segwalk_sim::link::LinkOptions;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

/// Keys of `segwalk link --json` that others rely on.
const KEYS: [&str; 9] = [
    "seconds",
    "mbit_per_second",
    "clocks_per_second",
    "tlb_hit_rate",
    "super_frames",
    "segments",
    "lost",
    "refused",
    "difference",
];
/// Time that a link gets to come up and to go: the first one builds the model.
const PATIENCE: Duration = Duration::from_secs(120);

/// Whether this machine can; says why not.
fn can(test: &str) -> bool {
    match LinkOptions::default().network() {
        Ok(_) => true,
        Err(reason) => {
            assert!(std::env::var_os("SEGWALK_NO_SKIP").is_none(), "{test}: {reason}");
            // past the test runner, which keeps the output of tests that do not fail
            let _ = writeln!(std::io::stderr(), "test {test} ... skipped: {reason}");
            false
        }
    }
}

fn segwalk(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segwalk"));
    command.arg("link").args(args);
    command
}

fn run(args: &[&str]) -> Output {
    segwalk(args).output().expect("the binary runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A link that runs until it is stopped, and the names of its namespaces.
struct Running {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    names: Vec<String>,
}

impl Running {
    fn start(args: &[&str]) -> Running {
        let mut command = segwalk(args);
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut errors = BufReader::new(child.stderr.take().expect("there is a pipe"));
        let mut names = Vec::new();
        for letter in ["A", "B"] {
            let mut line = String::new();
            errors.read_line(&mut line).expect("it says the names");
            let words: Vec<&str> = line.split_whitespace().collect();
            assert!(words.len() == 4 && words[0] == letter, "{line}");
            names.push(words[1].to_owned());
        }
        Running { child, errors, names }
    }

    /// The file that has the name of a namespace.
    fn place(&self, end: usize) -> PathBuf {
        Path::new("/run/netns").join(&self.names[end])
    }

    /// Starts a process in a namespace that does not end when it is asked to.
    fn stubborn(&self, end: usize) -> u32 {
        let mut command = Command::new("ip");
        command.args([
            "netns",
            "exec",
            &self.names[end],
            "sh",
            "-c",
            "trap '' TERM; echo up; exec sleep 1000",
        ]);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("ip runs");
        let mut output = child.stdout.take().expect("there is a pipe");
        output.read_exact(&mut [0; 2]).expect("it says that it is up");
        let number = child.id();
        // it becomes nobody's when it ends
        std::thread::spawn(move || child.wait());
        number
    }

    fn signal(&self, signal: &str) {
        let number = self.child.id().to_string();
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{signal} {number}")])
            .status();
        assert!(status.expect("sh runs").success());
    }

    /// Standard output once it has ended by itself.
    fn end(&mut self) -> String {
        let mut text = String::new();
        let mut output = self.child.stdout.take().expect("there is a pipe");
        output.read_to_string(&mut text).expect("it is text");
        let mut errors = String::new();
        self.errors.read_to_string(&mut errors).expect("it is text");
        let status = self.child.wait().expect("it ends");
        assert!(status.success(), "{status}: {errors}");
        text
    }
}

/// Waits until a process has gone.
fn gone(number: u32) -> bool {
    let start = Instant::now();
    while Path::new(&format!("/proc/{number}")).exists() {
        if start.elapsed() > PATIENCE / 10 {
            return false;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    true
}

#[test]
fn a_command_runs_in_a_and_its_traffic_goes_through_the_engine() {
    if !can("a_command_runs_in_a_and_its_traffic_goes_through_the_engine") {
        return;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("link");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let capture = folder.join("link.pcapng").display().to_string();
    // nobody listens there: a segment goes and a reset comes back
    let command = "exec 2>&1; bash -c \": < /dev/tcp/$SEGWALK_PEER/9\"; \
                   bash -c \": < /dev/tcp/$SEGWALK_PEER6/9\"; echo $SEGWALK_PEER_NETNS";
    let output = run(&[
        "--json",
        "--pcap",
        &capture,
        "--peer",
        "sleep 1000",
        "--",
        "sh",
        "-c",
        command,
    ]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let report: Value = serde_json::from_slice(&output.stdout).expect("standard output is JSON and nothing else");
    for key in KEYS {
        assert!(report.get(key).is_some(), "{key} is missing in {report:#}");
    }
    assert!(
        report["segments"].as_u64() >= Some(2) && report["frames_back"].as_u64() >= Some(2),
        "{report:#}"
    );
    assert_eq!((&report["refused"], &report["difference"]), (&0.into(), &Value::Null));
    let errors = stderr(&output);
    assert_eq!(errors.matches("/9: Connection refused").count(), 2, "{errors}");
    assert!(errors.contains("segwalk-"), "{errors}");
    let bytes = std::fs::read(&capture).expect("the capture is there");
    assert_eq!(bytes[..4], [0x0A, 0x0D, 0x0D, 0x0A]);
}

#[test]
fn a_command_that_fails_is_an_error() {
    if !can("a_command_that_fails_is_an_error") {
        return;
    }
    let output = run(&["--no-check", "--", "sh", "-c", "exit 3"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("the command ended with exit status: 3"),
        "{}",
        stderr(&output)
    );
    let output = run(&["--", "/nowhere/to/be/found"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("/nowhere/to/be/found does not run"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn ctrl_c_and_term_leave_nothing_behind() {
    if !can("ctrl_c_and_term_leave_nothing_behind") {
        return;
    }
    for signal in ["INT", "TERM"] {
        let mut link = Running::start(&["--json"]);
        let processes = [link.stubborn(0), link.stubborn(1)];
        link.signal(signal);
        let report: Value = serde_json::from_str(&link.end()).expect("standard output is JSON and nothing else");
        assert_eq!(report["difference"], Value::Null);
        assert!(!link.place(0).exists() && !link.place(1).exists(), "after {signal}");
        assert!(processes.into_iter().all(gone), "after {signal}");
    }
}

#[test]
fn what_a_killed_link_leaves_goes_with_the_next_one() {
    if !can("what_a_killed_link_leaves_goes_with_the_next_one") {
        return;
    }
    // another one is left alone meanwhile
    let mut other = Running::start(&[]);
    let mut killed = Running::start(&[]);
    let process = killed.stubborn(0);
    killed.signal("KILL");
    killed.child.wait().expect("it ends");
    let output = run(&["--for", "1"]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(!killed.place(0).exists() && !killed.place(1).exists());
    assert!(gone(process));
    assert!(other.place(0).exists() && other.place(1).exists());
    other.signal("TERM");
    let table = other.end();
    assert!(table.contains("super-frames") && table.contains("equal"), "{table}");
    assert!(!other.place(0).exists());
}

#[test]
fn nonsense_is_answered_with_a_sentence() {
    for args in [
        &["--drop", "2"][..],
        &["--mtu", "100"],
        &["--for", "1", "--", "true"],
        &["--ce", "x"],
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(stderr(&output).starts_with("error:"), "{}", stderr(&output));
    }
}
