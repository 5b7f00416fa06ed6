//! Runs the binary as its users do: exit status, standard output, standard error.

use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Keys of `segwalk send --json` that others rely on.
const SEND_KEYS: [&str; 12] = [
    "super_frames",
    "segments",
    "wire_bytes",
    "clocks",
    "beats_per_clock",
    "tlb_hits",
    "tlb_misses",
    "walks",
    "faults",
    "mismatches",
    "payload_sha256",
    "reassembled_sha256",
];

/// Every command.
const COMMANDS: [&str; 12] = [
    "send",
    "record",
    "replay",
    "link",
    "rtl",
    "lint",
    "doctor",
    "bench",
    "synth",
    "bitstream",
    "board",
    "walk",
];

fn segwalk(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segwalk"))
        .args(args)
        .output()
        .expect("the binary runs")
}

fn status(output: &Output) -> i32 {
    output.status.code().expect("the command was not killed")
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("output is text")
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).expect("output is text")
}

fn json(output: &Output) -> Value {
    assert_eq!(status(output), 0, "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("standard output is JSON and nothing else")
}

/// A folder for one test, empty at first.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the test's folder can be made");
    path
}

fn file(folder: &Path, bytes: usize) -> String {
    let path = folder.join("file");
    let data: Vec<u8> = (0..bytes).map(|at| (at * 37 + at / 256) as u8).collect();
    std::fs::write(&path, data).expect("the file can be written");
    path.display().to_string()
}

#[test]
fn every_command_has_help_with_an_example() {
    let help = stdout(&segwalk(&["--help"]));
    for command in COMMANDS {
        assert!(help.contains(command), "{command} stands in the help");
        let output = segwalk(&[command, "--help"]);
        assert_eq!(status(&output), 0);
        let text = stdout(&output);
        assert!(text.contains("Example"), "{command} --help has an example");
        assert!(
            text.contains(&format!("segwalk {command}")),
            "{command} --help shows how it is called"
        );
        assert!(text.contains("--json"), "{command} --help has --json");
    }
}

#[test]
fn bad_usage_is_status_2_and_one_sentence() {
    for args in [
        &["send"][..],
        &["send", "x", "--mss", "0"],
        &["send", "x", "--mss", "9601"],
        &["send", "x", "--ip", "5"],
        &["send", "x", "--buffers", "0"],
        &["send", "x", "--buffers", "some"],
        &["send", "x", "--mode", "sv57"],
        &["walk-the-dog"],
        &[],
    ] {
        let output = segwalk(args);
        assert_eq!(status(&output), 2, "{args:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{args:?}");
    }
    let output = segwalk(&["send", "no/such/file"]);
    assert_eq!(status(&output), 2);
    assert_eq!(stderr(&output).lines().count(), 1);
    assert!(stderr(&output).starts_with("segwalk: cannot read no/such/file; give a file that exists"));
}

#[test]
fn send_prints_json_and_nothing_else() {
    let folder = folder("send_json");
    let path = file(&folder, 20_000);
    let output = segwalk(&["send", &path, "--json"]);
    let report = json(&output);
    assert!(output.stderr.is_empty(), "no progress bar in a pipe");
    for key in SEND_KEYS {
        assert!(report.get(key).is_some(), "key {key}");
    }
    assert_eq!(report["segments"], 14);
    assert_eq!(report["super_frames"], 1);
    assert_eq!(report["mismatches"], 0);
    assert_eq!(report["payload_sha256"], report["reassembled_sha256"]);
    assert_eq!(report["wire_bytes"], 20_000 + 14 * 66);
}

#[test]
fn send_prints_a_table_in_a_pipe() {
    let folder = folder("send_table");
    let path = file(&folder, 3000);
    let output = segwalk(&[
        "send",
        &path,
        "--ip",
        "6",
        "--mode",
        "x86-64",
        "--buffers",
        "700",
        "--pages",
        "huge",
    ]);
    assert_eq!(status(&output), 0, "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("segments") && text.contains("equal"), "{text}");
    assert!(!text.contains('\u{1b}'), "no escape sequences in a pipe");
}

#[test]
fn send_sends_an_empty_file_as_one_frame() {
    let folder = folder("send_empty");
    let path = file(&folder, 0);
    let report = json(&segwalk(&["send", &path, "--json", "--latency", "0"]));
    assert_eq!(report["segments"], 1);
    assert_eq!(report["wire_bytes"], 66);
    assert_eq!(report["payload_sha256"], report["reassembled_sha256"]);
}

#[test]
fn send_gives_the_same_report_for_the_same_seed() {
    let folder = folder("send_seed");
    let path = file(&folder, 30_000);
    let report = |seed: &str| {
        json(&segwalk(&[
            "send",
            &path,
            "--json",
            "--seed",
            seed,
            "--buffers",
            "1000",
        ]))
    };
    assert_eq!(report("5"), report("5"));
    assert_eq!(report("5")["payload_sha256"], report("6")["reassembled_sha256"]);
}

#[test]
fn send_writes_a_capture() {
    let folder = folder("send_pcap");
    let path = file(&folder, 5000);
    let capture = folder.join("out.pcapng");
    let report = json(&segwalk(&[
        "send",
        &path,
        "--json",
        "--pcap",
        &capture.display().to_string(),
    ]));
    let bytes = std::fs::read(&capture).expect("the capture was written");
    assert_eq!(bytes[..4], [0x0A, 0x0D, 0x0D, 0x0A], "a pcapng section header");
    assert!(bytes.len() as u64 > report["wire_bytes"].as_u64().expect("a number"));
    let output = segwalk(&["send", &path, "--pcap", "no/such/folder/out.pcapng"]);
    assert_eq!(status(&output), 2);
    assert!(
        stderr(&output).contains("cannot write no/such/folder/out.pcapng"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn rtl_writes_the_same_bytes_twice() {
    let folder = folder("rtl");
    let run = |name: &str| {
        let out = folder.join(name);
        let report = json(&segwalk(&["rtl", "--out", &out.display().to_string(), "--json"]));
        assert_eq!(report["top"], "segwalk_core");
        let list = std::fs::read_to_string(out.join("segwalk_core.f")).expect("the file list was written");
        assert_eq!(list, "segwalk_core.v\n");
        std::fs::read_to_string(out.join("segwalk_core.v")).expect("the Verilog was written")
    };
    let verilog = run("a");
    assert_eq!(verilog, run("b"));
    assert!(verilog.contains("module segwalk_core(") && verilog.contains("m_axis_tdata"));
}

#[test]
fn rtl_for_larger_super_frames_differs_in_the_limit_only() {
    let folder = folder("rtl_kib");
    let run = |kib: &str| {
        let out = folder.join(kib);
        let path = out.display().to_string();
        let report = json(&segwalk(&["rtl", "--out", &path, "--super-frame-kib", kib, "--json"]));
        assert_eq!(report["super_frame_kib"].to_string(), kib);
        std::fs::read_to_string(out.join("segwalk_core.v")).expect("the Verilog was written")
    };
    let (small, large) = (run("64"), run("256"));
    let differing: Vec<_> = small.lines().zip(large.lines()).filter(|(a, b)| a != b).collect();
    assert_eq!(differing.len(), 1, "{differing:?}");
    assert!(differing[0].0.contains("chain_bytes_max"), "{differing:?}");
    let output = segwalk(&["rtl", "--out", "none", "--super-frame-kib", "128"]);
    assert!(stderr(&output).contains("64, 256"), "{}", stderr(&output));
}

#[test]
fn lint_finds_nothing() {
    let report = json(&segwalk(&["lint", "--json"]));
    assert_eq!(report["findings"], Value::Array(vec![]));
    assert!(report["modules_checked"].as_u64() > Some(20), "{report}");
}

#[test]
fn doctor_names_its_tools() {
    let output = segwalk(&["doctor", "--json"]);
    let text = stdout(&output);
    let report: Value = serde_json::from_str(&text).expect("standard output is JSON and nothing else");
    for tool in ["verilator", "yosys", "nextpnr"] {
        assert!(text.contains(tool), "{tool} in {report}");
    }
}
