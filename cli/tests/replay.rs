//! `segwalk replay` and `segwalk record` as their users run them.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Keys of `segwalk replay --json` that others rely on.
const REPLAY_KEYS: [&str; 5] = ["records", "segments", "different", "refused", "mismatches"];
/// A super-frame over IPv4 with two segments' payload: Ethernet, IPv4, TCP with the seed of rule 15.
const HEADERS: [u8; 54] = [
    2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, // Ethernet
    0x45, 0, 0, 0, 0, 1, 0x40, 0, 64, 6, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2, // IPv4
    0, 1, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0x50, 0x18, 0, 9, 0x14, 0xB3, 0, 0, // TCP
];

fn segwalk(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segwalk"))
        .args(args)
        .output()
        .expect("the binary runs")
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn report(output: &Output, status: i32) -> Value {
    assert_eq!(output.status.code(), Some(status), "{}", stderr(output));
    serde_json::from_slice(&output.stdout).expect("standard output is JSON and nothing else")
}

/// A folder for one test, empty at first.
fn folder(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).expect("the test's folder can be made");
    path
}

/// A record with 150 bytes of payload, to be cut into segments of `mss` bytes.
fn record(mss: u16) -> Vec<u8> {
    let mut bytes = (10 + 54 + 150u32).to_le_bytes().to_vec();
    bytes.extend([1, 1, 54, 0]);
    bytes.extend(mss.to_le_bytes());
    bytes.extend([34, 0, 16, 0]);
    bytes.extend(HEADERS);
    bytes.extend((0..150).map(|at| at as u8));
    bytes
}

#[test]
fn replay_counts_segments_and_refusals_and_writes_a_capture_that_replays_too() {
    let folder = folder("replay");
    let (file, capture) = (folder.join("records"), folder.join("out.pcapng"));
    std::fs::write(&file, [record(100), record(0), record(40)].concat()).expect("the records can be written");
    let (file, capture) = (file.display().to_string(), capture.display().to_string());
    let output = segwalk(&["replay", &file, "--oracle", "model", "--json", "--pcap", &capture]);
    let first = report(&output, 0);
    for key in REPLAY_KEYS {
        assert!(first[key].is_u64(), "key {key}");
    }
    assert_eq!((&first["records"], &first["segments"]), (&3.into(), &6.into()));
    assert_eq!((&first["refused"], &first["different"]), (&1.into(), &0.into()));
    assert_eq!(first["mismatches"], 0);

    // segments are frames whose checksum is completed again, to the same bytes
    let again = folder.join("again.pcapng").display().to_string();
    let output = segwalk(&["replay", &capture, "--oracle", "model", "--json", "--pcap", &again]);
    let second = report(&output, 0);
    assert_eq!((&second["records"], &second["segments"]), (&6.into(), &6.into()));
    let frames = |path: &str| {
        let records = segwalk_sim::record::read_records(Path::new(path), 9600).expect("a capture");
        records.into_iter().map(|record| record.frame).collect::<Vec<_>>()
    };
    assert_eq!(frames(&capture), frames(&again));
    // and smaller ones when a smaller MSS asks for it
    let output = segwalk(&["replay", &capture, "--oracle", "model", "--json", "--mss", "30"]);
    assert_eq!(report(&output, 0)["segments"], 4 + 2 + 2 + 2 + 2 + 1);
}

#[test]
fn what_is_no_file_of_super_frames_is_status_2_and_one_sentence() {
    let folder = folder("replay_bad");
    let cut = folder.join("cut");
    std::fs::write(&cut, &record(100)[..100]).expect("the file can be written");
    for (path, says) in [
        (cut.display().to_string(), "record 0 has 214 bytes, but 96 are left"),
        ("no/such/file".to_string(), "give a file that exists"),
    ] {
        let output = segwalk(&["replay", &path, "--oracle", "model"]);
        assert_eq!(output.status.code(), Some(2));
        assert!(output.stdout.is_empty());
        let text = stderr(&output);
        assert!(text.lines().count() == 1 && text.contains(says), "{text}");
    }
    for args in [
        &["replay"][..],
        &["replay", "x", "--oracle", "me"],
        &["replay", "x", "--mss", "0"],
        &["record"],
        &["record", "x", "--mtu", "100"],
        &["record", "x", "--bytes", "0"],
    ] {
        assert_eq!(segwalk(args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn record_and_replay_against_the_kernel() {
    let folder = folder("record");
    let file = folder.join("records").display().to_string();
    let output = segwalk(&["record", &file, "--bytes", "300000", "--json"]);
    if let Err(reason) = segwalk_sim::linux::KernelOracle::new() {
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(&reason.to_string()), "{}", stderr(&output));
        // past the test runner, which keeps the output of tests that do not fail
        let _ = writeln!(
            std::io::stderr(),
            "test record_and_replay_against_the_kernel ... skipped: {reason}"
        );
        return;
    }
    let recorded = report(&output, 0);
    assert!(recorded["super_frames"].as_u64() > Some(0), "{recorded}");
    let replayed = report(&segwalk(&["replay", &file, "--json"]), 0);
    assert_eq!(replayed["records"], recorded["records"]);
    assert_eq!((&replayed["different"], &replayed["refused"]), (&0.into(), &0.into()));
}
