//! `segwalk walk` as its users run it.

use serde_json::Value;
use std::path::Path;
use std::process::{Command, Output};

const MODES: [&str; 6] = ["bare", "sv32", "sv39", "sv48", "x86-32", "x86-64"];

fn walk(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_segwalk"))
        .arg("walk")
        .args(args)
        .output()
        .expect("the binary runs")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("output is text")
}

fn json(args: &[&str]) -> Value {
    let output = walk(&[args, &["--json"]].concat());
    assert_eq!(output.status.code(), Some(0), "{args:?}: {}", text(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("standard output is JSON and nothing else")
}

#[test]
fn every_format_has_a_demonstration_on_which_model_and_rtl_agree() {
    for mode in MODES {
        let output = walk(&["--mode", mode]);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        let shown = text(&output.stdout);
        assert!(shown.contains("Model and RTL agree."), "{shown}");
        let list = shown.split_once("what is there").expect("there is a list").1;
        assert!(
            list.matches("0x").count() >= if mode == "bare" { 2 } else { 9 },
            "{shown}"
        );
        let report = json(&["--mode", mode]);
        assert_eq!(report["agree"], true);
        let engines = report["engines"].as_array().expect("both are there");
        assert_eq!([&engines[0]["engine"], &engines[1]["engine"]], ["model", "rtl"]);
        for key in ["steps", "phys_addr", "cause", "cause_code"] {
            assert_eq!(engines[0][key], engines[1][key], "{mode} {key}");
        }
    }
}

#[test]
fn a_page_is_shown_entry_by_entry() {
    let output = walk(&[]);
    let shown = text(&output.stdout);
    for part in [
        "Sv39, root table at 0x80000000; user pages only; a clear accessed bit faults",
        "Read at virtual address 0x12345678: indexes 0, 145, 325, offset 0x678",
        "0x80001488",
        "V R W U A D",
        "a page of 4 KiB at 0xabcde000",
        "Physical address 0xabcde678, in a page of 4 KiB.",
        "Model and RTL agree.",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(output.stderr.is_empty());
}

#[test]
fn a_fault_says_which_bit() {
    let output = walk(&["--mode", "x86-64", "0x12346000", "--write"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "a fault on which both agree is no failure"
    );
    let shown = text(&output.stdout);
    assert!(shown.contains("Fault 3, NotWritable: The page may not be written, or its dirty bit is clear."));
    assert!(shown.contains("R/W is clear in the PTE of level 0"));
}

#[test]
fn tables_from_maps_entries_and_files_are_the_same() {
    let maps = [
        "--mode",
        "x86-32",
        "0x400123",
        "--map",
        "0x400000=0x3000:4k:rwuad",
        "--root",
        "0x1000",
    ];
    let entries = [
        "--mode",
        "x86-32",
        "0x400123",
        "--root",
        "0x1000",
        "--entry",
        "0x1004=0x2027",
        "--entry",
        "0x2000=0x3067",
    ];
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("walk");
    std::fs::create_dir_all(&folder).expect("the test's folder can be made");
    let file = folder.join("ram@bin");
    let mut ram = vec![0; 0x1004];
    ram[4..8].copy_from_slice(&0x2027u32.to_le_bytes());
    ram[0x1000..0x1004].copy_from_slice(&0x3067u32.to_le_bytes());
    std::fs::write(&file, ram).expect("the file can be written");
    let image = format!("{}@0x1000", file.display());
    let files = ["--mode", "x86-32", "0x400123", "--root", "0x1000", "--memory", &image];
    let reports = [json(&maps), json(&entries), json(&files)];
    for report in &reports {
        assert_eq!(report["engines"][1]["phys_addr"], "0x3123");
        assert_eq!(report, &reports[0]);
    }
}

#[test]
fn superpages_and_engines_can_be_chosen() {
    let args = [
        "--mode",
        "sv48",
        "0x8000123456",
        "--map",
        "0x8000000000=0x8000000000:512g",
    ];
    let model = json(&[&args[..], &["--engine", "model"]].concat());
    assert_eq!(model["engines"].as_array().map(Vec::len), Some(1));
    assert_eq!(model["engines"][0]["page_bytes"], 1u64 << 39);
    assert_eq!(model["agree"], Value::Null);
    let rtl = json(&[&args[..], &["--engine", "rtl"]].concat());
    assert_eq!(rtl["engines"][0]["phys_addr"], "0x8000123456");
    assert!(rtl["engines"][0]["clocks"].as_u64() > Some(0));
}

#[test]
fn bad_input_is_status_2_and_says_what_to_do() {
    for (args, says) in [
        (&["--mode", "sv57"][..], "possible values"),
        (
            &["0x1g"],
            "is not a number of up to 64 bits; write it as 0x12ab or 4779",
        ),
        (&["1", "--map", "0"], "write it as VIRT=PHYS"),
        (&["1", "--map", "0=0:1k"], "give 4k, 2m, 4m, 1g or 512g"),
        (&["1", "--map", "0=0:4k:q"], "give letters out of r w x u a d"),
        (
            &["1", "--map", "0=0:4m"],
            "sv39 has no pages of 4 MiB; it has 4 KiB, 2 MiB, 1 GiB",
        ),
        (&["1", "--map", "1=0"], "is not a multiple of the page size; align it"),
        (&["1", "--map", "0=0", "--map", "0=0x1000"], "is already mapped"),
        (&["--map", "0=0"], "give the virtual address"),
        (&["1", "--entry", "0=1"], "give --root with --entry or --memory"),
        (&["1", "--root", "1", "--entry", "0=1"], "give a multiple of 4096"),
        (&["1", "--root", "0", "--entry", "4=1"], "give a multiple of 8"),
        (
            &["1", "--root", "0", "--memory", "no/such@0"],
            "give a file that exists",
        ),
        (&["1", "--root", "0", "--memory", "x@8"], "give a multiple of 4096"),
        (&["1", "--root", "0", "--memory", "x"], "write it as FILE@ADDR"),
        (&["1", "--mode", "bare", "--root", "0"], "Bare has no page tables"),
        (
            &["1", "--mode", "sv32", "--root", "0", "--entry", "0=0x100000000"],
            "give a smaller one",
        ),
        (
            &["1", "--mode", "x86-32", "--map", "0=0x100000000"],
            "does not fit into an entry",
        ),
    ] {
        let output = walk(args);
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(output.stdout.is_empty(), "{args:?}");
        assert!(said.contains(says), "{args:?}: {said}");
    }
}
