//! The case table of `segwalk_model::cases` through the core, and through the Linux kernel's own segmentation.

use anyhow::{ensure, Context, Result};
use segwalk_model::cases::{self, Case, Kernel};
use segwalk_model::page_table::Mode;
use segwalk_model::registers as reg;
use segwalk_model::segment::SegmentSettings;
use segwalk_model::virtqueue::Binding;
use segwalk_sim::core_bench::BenchConfig;
use segwalk_sim::device::Device;
use segwalk_sim::linux::{KernelAnswer, KernelOracle};
use segwalk_sim::process::PageLayout;
use segwalk_sim::scoreboard::difference;
use segwalk_sim::session::{buffer, Session, KERNEL};
use segwalk_tests::device;
use std::collections::BTreeMap;

/// Clocks in which a frame too many would show itself.
const SETTLE_CLOCKS: u64 = 300;
/// Bytes of the frame that share a buffer with virtio_net_hdr: within the headers of some cases, behind those of others.
const FIRST_BYTES: usize = 60;

/// The cases by what software has to choose for them.
fn by_settings(cases: &[Case]) -> Vec<(SegmentSettings, Vec<&Case>)> {
    let mut groups: Vec<(SegmentSettings, Vec<&Case>)> = Vec::new();
    for case in cases {
        match groups.iter_mut().find(|(settings, _)| *settings == case.settings) {
            Some((_, group)) => group.push(case),
            None => groups.push((case.settings, vec![case])),
        }
    }
    groups
}

/// Writes the settings that are registers.
fn apply<D: Device>(device: &mut D, settings: &SegmentSettings) -> Result<()> {
    let masks = [
        (reg::FLAGS_FIRST, settings.flags_first),
        (reg::FLAGS_MIDDLE, settings.flags_middle),
        (reg::FLAGS_LAST, settings.flags_last),
    ];
    for (register, mask) in masks {
        device.write(register, register.field("mask").put(mask.into()))?;
    }
    let id = reg::ID_CONTROL;
    device.write(
        id,
        id.field("fifteen_bits").put(settings.id_fifteen_bits.into()) | id.field("fixed").put(settings.id_fixed.into()),
    )?;
    device.write(
        reg::FRAME_CONTROL,
        reg::FRAME_CONTROL.field("pad").put(settings.pad.into()),
    )
}

/// A session with one queue and one process, with these settings.
fn session(settings: &SegmentSettings) -> Result<(Session<impl Device>, u8)> {
    let mut session = Session::new(device(BenchConfig::default())?, 5, settings.features)?;
    apply(&mut session.device, settings)?;
    let user = session.add_process(Mode::Sv39, PageLayout::Scattered)?;
    let binding = Binding {
        ring_context: KERNEL,
        default_context: user,
        names_allowed: true,
        mask: 1 << KERNEL | 1 << user,
        seed_without_length: settings.seed_without_length,
        recoverable: false,
    };
    session.add_queue(0, 64, &binding)?;
    session.start()?;
    Ok((session, user))
}

/// Sends a case's frame; the frames that leave, or the code of the refusal.
fn send<D: Device>(session: &mut Session<D>, user: u8, case: &Case) -> Result<Result<Vec<Vec<u8>>, u8>> {
    let (first, rest) = case.frame.split_at(case.frame.len().min(FIRST_BYTES));
    let header = [&case.hdr.to_bytes()[..], first].concat();
    let mut chain = vec![buffer(KERNEL, &session.allocate_with(KERNEL, &header)?)];
    let (second, third) = rest.split_at(rest.len() / 3);
    for piece in [second, third].into_iter().filter(|piece| !piece.is_empty()) {
        chain.push(buffer(user, &session.allocate_with(user, piece)?));
    }
    session.device.write(reg::ERROR_INFO, 0)?;
    let refused = session.device.read(reg::COUNT_REFUSED)?;
    let head = session.post(0, &chain)?;
    session.notify(0)?;
    let used = session.wait(0)?;
    ensure!(
        used.len() == 1 && used[0].head == head,
        "the head does not come back once"
    );
    session.device.run(SETTLE_CLOCKS)?;
    let frames: Vec<_> = session.take_frames().into_iter().map(|frame| frame.bytes).collect();
    let refused = session.device.read(reg::COUNT_REFUSED)? - refused;
    let info = session.device.read(reg::ERROR_INFO)?;
    let field = |name| reg::ERROR_INFO.field(name).get(info);
    ensure!(
        field("valid") == refused,
        "{refused} chains are counted as refused, ERROR_INFO is {info:#x}"
    );
    if refused == 0 {
        return Ok(Ok(frames));
    }
    ensure!(frames.is_empty(), "{} frames left a refused chain", frames.len());
    Ok(Err(field("code") as u8))
}

/// Where found frames differ from the expected ones, in a sentence.
fn first_difference(found: &[Vec<u8>], expected: &[Vec<u8>]) -> Option<String> {
    if found == expected {
        return None;
    }
    let at = found
        .iter()
        .zip(expected)
        .position(|(found, expected)| found != expected);
    Some(match at {
        Some(at) => difference(at as u64, &expected[at], &found[at]),
        None => format!("{} frames instead of {}", found.len(), expected.len()),
    })
}

#[test]
fn the_core_gives_what_every_case_expects() -> Result<()> {
    let cases = cases::all();
    let mut wrong = Vec::new();
    for (settings, group) in by_settings(&cases) {
        let (mut session, user) = session(&settings)?;
        for case in group {
            let found = send(&mut session, user, case).with_context(|| format!("rule {}: {}", case.rule, case.name))?;
            let problem = match (found, case.outcome()) {
                (Ok(found), Ok(expected)) => first_difference(&found, &expected),
                (Err(code), Err(refusal)) if code == refusal.code() => None,
                (Err(code), Err(refusal)) => Some(format!("refused with {code} instead of {refusal:?}")),
                (Ok(found), Err(refusal)) => Some(format!("{} frames instead of {refusal:?}", found.len())),
                (Err(code), Ok(expected)) => Some(format!("refused with {code} instead of {} frames", expected.len())),
            };
            wrong.extend(problem.map(|problem| format!("rule {}: {}: {problem}", case.rule, case.name)));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    println!("{} cases through the core, none differs", cases.len());
    Ok(())
}

/// What Linux says of a `virtio_net_hdr` that it does not take.
const EINVAL: i32 = 22;
/// Kernels that the table was observed on. What others refuse or do differently is told, not judged: with versions, a
/// refused write becomes a dropped frame and back.
const OBSERVED: &str = "6.18.";

/// What contradicts the table in the kernel's answer.
fn contradiction(case: &Case, answer: &KernelAnswer) -> Option<String> {
    let same = match (answer, case.outcome()) {
        (KernelAnswer::Frames(found), Ok(expected)) => first_difference(found, &expected),
        (KernelAnswer::Frames(found), Err(refusal)) => Some(format!("{} frames instead of {refusal:?}", found.len())),
        (KernelAnswer::Refused(errno), Ok(_)) => Some(format!("refused with errno {errno}")),
        (KernelAnswer::Dropped, Ok(_)) => Some("dropped".to_string()),
        (_, Err(_)) => None,
    };
    match (case.kernel, answer) {
        (Kernel::Same, _) => same,
        (Kernel::Refuses, KernelAnswer::Refused(EINVAL)) => None,
        (Kernel::Drops, KernelAnswer::Dropped) => None,
        (Kernel::Refuses, _) => Some(format!("expected EINVAL, found {}", brief(answer))),
        (Kernel::Drops, _) => Some(format!("expected it to be dropped, found {}", brief(answer))),
        (Kernel::Differs(_), _) if same.is_none() => Some(format!("does not differ: {}", brief(answer))),
        (Kernel::Differs(_) | Kernel::NotAsked(_), _) => None,
    }
}

fn brief(answer: &KernelAnswer) -> String {
    match answer {
        KernelAnswer::Frames(frames) => format!("{} frames", frames.len()),
        KernelAnswer::Refused(errno) => format!("errno {errno}"),
        KernelAnswer::Dropped => "nothing".to_string(),
    }
}

#[test]
fn the_kernel_does_what_the_table_says() -> Result<()> {
    let mut oracle = match KernelOracle::new() {
        Ok(oracle) => oracle,
        Err(reason) => {
            assert!(std::env::var_os("SEGWALK_NO_SKIP").is_none(), "{reason}");
            use std::io::Write;
            // past the test runner, which keeps the output of tests that do not fail
            let _ = writeln!(
                std::io::stderr(),
                "test the_kernel_does_what_the_table_says ... skipped: {reason}"
            );
            return Ok(());
        }
    };
    let cases: Vec<Case> = cases::all()
        .into_iter()
        .filter(|case| !matches!(case.kernel, Kernel::NotAsked(_)))
        .collect();
    let answers = oracle.segment_all(cases.iter().map(|case| (&case.hdr, &case.frame[..])))?;
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease")?;
    let observed = release.starts_with(OBSERVED);
    let mut wrong = Vec::new();
    let mut counts = BTreeMap::<&str, usize>::new();
    for (case, answer) in cases.iter().zip(&answers) {
        let kind = match case.kernel {
            Kernel::Same => "same",
            Kernel::Refuses => "EINVAL",
            Kernel::Drops => "dropped",
            Kernel::Differs(_) => "differs on purpose",
            Kernel::NotAsked(_) => "not asked",
        };
        *counts.entry(kind).or_default() += 1;
        if let Some(text) = contradiction(case, answer) {
            let text = format!("rule {}: {}: {text}", case.rule, case.name);
            if observed || case.kernel == Kernel::Same {
                wrong.push(text);
            } else {
                println!("Linux {}: {text}", release.trim());
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} cases:\n{}",
        wrong.len(),
        cases.len(),
        wrong.join("\n")
    );
    println!("{} cases through the kernel: {counts:?}", cases.len());
    Ok(())
}
