//! `segwalk board` and `segwalk bitstream` as their users run them, with the smallest board simulated.

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_segwalk"));
    command.args(args);
    command
}

fn segwalk(args: &[&str]) -> Output {
    command(args).output().expect("the binary runs")
}

fn text(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{error}");
    String::from_utf8(output.stdout.clone()).expect("output is text")
}

/// The only line on standard error of a command that fails.
fn refusal(args: &[&str]) -> String {
    let output = segwalk(args);
    assert_eq!(output.status.code(), Some(2), "{args:?}");
    let error = String::from_utf8(output.stderr).expect("output is text");
    assert_eq!(error.lines().count(), 1, "{error}");
    error
}

/// A simulated board that other commands talk to; it ends with the test.
struct Served {
    board: Child,
    port: String,
}

impl Served {
    fn new() -> Self {
        let mut board = command(&["board", "--sim", "colorlight-i5", "serve"])
            .stdout(Stdio::piped())
            .spawn()
            .expect("the binary runs");
        let mut line = String::new();
        let stdout = board.stdout.take().expect("it is a pipe");
        BufReader::new(stdout).read_line(&mut line).expect("it says its port");
        let port = line
            .split_whitespace()
            .find_map(|word| word.strip_suffix('.').filter(|word| word.starts_with("/dev/")))
            .unwrap_or_else(|| panic!("no port in {line:?}"))
            .to_string();
        Self { board, port }
    }

    fn args<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        [&["board", "--port", &self.port], rest].concat()
    }

    fn run(&self, rest: &[&str]) -> String {
        text(&segwalk(&self.args(rest)))
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.board.kill();
        let _ = self.board.wait();
    }
}

#[test]
fn a_board_keeps_what_is_poked_and_sends_a_file() {
    let board = Served::new();
    assert_eq!(
        board.run(&["poke", "0x1ffe", "00c0dbff"]),
        "4 bytes written at 0x1ffe\n"
    );
    assert_eq!(
        board.run(&["peek", "0x1ffe", "4"]),
        "00001ffe  00 c0 db ff                                      ....\n"
    );
    assert_eq!(board.run(&["mdio", "0", "2"]), "PHY 0 register 2: 0x0022\n");
    assert_eq!(board.run(&["register", "board_memory_bytes"]), "0x00010000\n");
    let license = Path::new(env!("CARGO_MANIFEST_DIR")).join("../LICENSE-MIT");
    let file = license.display().to_string();
    let report: Value = serde_json::from_str(&board.run(&["--json", "send", &file])).expect("it is JSON");
    let bytes = std::fs::metadata(&license).expect("the file is there").len();
    assert_eq!(report["send"]["payload_bytes"], bytes);
    assert_eq!(report["send"]["segments"], bytes.div_ceil(1448));
    assert_eq!(report["send"]["good"], true);
    let counters = board.run(&["counters"]);
    for name in ["COUNT_FRAMES", "BOARD_FRAMES.sent", "BOARD_BRIDGE.answered"] {
        assert!(counters.contains(name), "{counters}");
    }
    for (args, words) in [
        (&["peek", "0x10000", "4"][..], "outside the board's memory"),
        (&["mdio", "9", "2"], "no PHY answers at address 9"),
        (&["poke", "0", "0"], "an even number of hexadecimal digits"),
        (&["register", "NOPE"], "there is no register `NOPE`"),
        (&["send", &file, "--mss", "60000"], "does not fit"),
        (
            &["send", &file, "--pcap", "x.pcapng"],
            "only a simulated board shows its wire",
        ),
    ] {
        let error = refusal(&board.args(args));
        assert!(error.contains(words), "{error}");
    }
    // longer than the transmitter's queue
    let output = segwalk(&board.args(&["send", &file, "--mss", "1000"]));
    assert_eq!(output.status.code(), Some(0));
    let big = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let output = segwalk(&board.args(&["send", &big.display().to_string(), "--mss", "5000"]));
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("longer than its queue; take a smaller --mss"), "{error}");
}

#[test]
fn boards_that_are_not_there_are_told_in_a_sentence() {
    let error = refusal(&["board", "--port", "/dev/no-such-port", "counters"]);
    assert!(
        error.contains("cannot open /dev/no-such-port with 1000000 baud"),
        "{error}"
    );
    for args in [
        &["board", "--sim", "nope", "counters"][..],
        &["bitstream", "--board", "nope"],
    ] {
        let output = segwalk(args);
        assert_eq!(output.status.code(), Some(2));
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            error.contains("the boards are ecpix5, versa, colorlight-i5, butterstick"),
            "{error}"
        );
    }
}
