//! A second simulator as a witness: Icarus is given the inputs of every clock of a Verilator run, and must emit the same
//! frames. Icarus starts every register as unknown and is stricter with widths, so a value that only Verilator's two
//! states make good would show here.

use segwalk_hdl::emit::{core_verilog, CORE};
use segwalk_model::page_table::Mode;
use segwalk_model::segment::SegmentSettings;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_tests::device;
use segwalk_tests::rig::{check, super_frame, Rig};
use std::process::Command;

const SHOWN: [&str; 3] = ["m_axis_tlast", "m_axis_tkeep", "m_axis_tdata"];

/// The frames in lines of `tlast tkeep tdata`, hexadecimal.
fn frames(lines: &str) -> Vec<Vec<u8>> {
    let mut frames = vec![Vec::new()];
    for line in lines.lines() {
        let values: Vec<u64> = line
            .split_whitespace()
            .map(|v| u64::from_str_radix(v, 16).unwrap_or_else(|_| panic!("Icarus gives an unknown value: {line}")))
            .collect();
        let [last, keep, data] = values[..] else {
            panic!("not three values: {line}")
        };
        let frame = frames.last_mut().expect("there is always a frame");
        frame.extend_from_slice(&data.to_le_bytes()[..keep.count_ones() as usize]);
        if last == 1 {
            frames.push(Vec::new());
        }
    }
    assert_eq!(frames.pop(), Some(Vec::new()), "the last frame ends");
    frames
}

fn run(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| {
        panic!(
            "cannot run {:?}: {error}; install Icarus Verilog (package iverilog)",
            command.get_program()
        )
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && errors.trim().is_empty(),
        "{:?}: {errors}{text}",
        command.get_program()
    );
    text
}

#[test]
fn icarus_emits_the_frames_of_a_super_frame_as_verilator_does() {
    let mut bench = device(BenchConfig::default()).unwrap();
    bench.record().unwrap();
    let mut rig = Rig::new(bench, Mode::Sv39).unwrap();
    let frame = super_frame(65_000);
    let (chain, _) = rig.place_in(rig.user, &frame).unwrap();
    rig.post(&chain).unwrap();
    rig.session.notify(0).unwrap();
    rig.session.wait_all().unwrap();
    let emitted = rig.session.take_frames();
    check(frame.expected(&SegmentSettings::default()).unwrap(), &emitted);

    let folder = tempfile::tempdir().unwrap();
    let recorder = rig.session.device.recorder().expect("recording was asked for");
    std::fs::write(folder.path().join("vectors.hex"), recorder.vectors()).unwrap();
    std::fs::write(folder.path().join("core.v"), core_verilog().unwrap()).unwrap();
    let testbench = recorder.testbench(CORE, "vectors.hex", &["m_axis_tvalid", "m_axis_tready"], &SHOWN);
    std::fs::write(folder.path().join("replay.v"), testbench).unwrap();
    run(Command::new("iverilog")
        .args(["-g2005", "-s", "replay", "-o", "replay", "core.v", "replay.v"])
        .current_dir(folder.path()));
    let lines = run(Command::new("vvp").args(["-n", "replay"]).current_dir(folder.path()));
    let seen = frames(&lines);
    assert_eq!(seen.len(), emitted.len(), "frames of Icarus and of Verilator");
    for (at, (icarus, verilator)) in seen.iter().zip(&emitted).enumerate() {
        assert_eq!(*icarus, verilator.bytes, "frame {at}");
    }
}
