//! The page `docs/segmentation_cases.md`, made from the table and from the faults.

use super::{all, fault, Case, Kernel};
use crate::virtio_net_hdr::gso;
use std::fmt::Write;

/// How `docs/segmentation_cases.md` is written anew.
pub const REGENERATE: &str = "cargo run -q -p segwalk-model --example segmentation_cases > docs/segmentation_cases.md";

/// What each rule with cases is about.
const TITLES: &[(u8, &str)] = &[
    (1, "Sizes"),
    (2, "Too little to cut"),
    (3, "The header template"),
    (4, "Order"),
    (5, "IPv4 total length"),
    (6, "IPv4 header checksum"),
    (7, "IPv4 identification"),
    (8, "Other IPv4 fields, fragments"),
    (9, "IPv6"),
    (10, "Sequence number and copied fields"),
    (11, "FIN and PSH"),
    (12, "CWR"),
    (13, "Other flags"),
    (14, "Flag masks"),
    (15, "Checksum seeds"),
    (16, "Checksums of segments"),
    (17, "Odd lengths and places"),
    (18, "Checksums of 0"),
    (19, "UDP segmentation"),
    (20, "Padding"),
    (21, "hdr_len"),
    (22, "Refusals"),
    (24, "No payload"),
];

/// The page.
pub fn page() -> String {
    let cases = all();
    let mut page = format!(
        "# Cases of segmentation\n\n\
         {} cases of the [rules of segmentation](segmentation.md), and what each must give. This page is generated from\n\
         `model/src/cases/`; after a change there, write it anew:\n\n\
         ```sh\n{REGENERATE}\n```\n\n\
         The same table runs on the model (`cases::tests` of the crate `segwalk-model`), on the core's Verilog and on the\n\
         Linux kernel's own segmentation (`tests/tests/cases.rs`). In the last column *same* means byte for byte; *EINVAL*\n\
         that the kernel does not take the frame; *dropped* that it takes it and nothing leaves; *differs* a difference on\n\
         purpose. All of them were observed on Linux 6.18, and there the test fails when one is otherwise; on other kernels it\n\
         fails when *same* is not, and tells of the rest.\n",
        cases.len()
    );
    for (rule, title) in TITLES {
        write!(
            page,
            "\n## Rule {rule}: {title}\n\n| Case | Frame | Gives | Kernel |\n|---|---|---|---|\n"
        )
        .expect("a string takes any text");
        for case in cases.iter().filter(|case| case.rule == *rule) {
            writeln!(
                page,
                "| {} | {} | {} | {} |",
                case.name,
                request(case),
                outcome(case),
                kernel(case)
            )
            .expect("a string takes any text");
        }
    }
    page.push_str(&faults());
    page
}

fn faults() -> String {
    let mut text = format!(
        "\n## Faults that the table notices\n\n\
         {} ways to break a rule, each built into the model, and the first case of that rule that fails.\n\n\
         | Rule | Fault | Case |\n|---|---|---|\n",
        fault::FAULTS.len()
    );
    for (fault, case) in fault::noticed() {
        let case = case.unwrap_or("none");
        writeln!(text, "| {} | {} | {case} |", fault.rule, fault.name).expect("a string takes any text");
    }
    text
}

fn request(case: &Case) -> String {
    let bytes = case.frame.len();
    let ecn = if case.hdr.has_ecn() { " + ECN" } else { "" };
    let kind = match case.hdr.gso() {
        gso::NONE if case.hdr.needs_csum() => return format!("checksum, {bytes} bytes"),
        gso::NONE => return format!("plain, {bytes} bytes"),
        gso::TCPV4 => "TCPv4".to_string(),
        gso::TCPV6 => "TCPv6".to_string(),
        gso::UDP_L4 => "USO".to_string(),
        other => format!("type {other}"),
    };
    format!("{kind}{ecn}, {bytes} bytes, MSS {}", case.hdr.gso_size)
}

fn outcome(case: &Case) -> String {
    match case.outcome() {
        Ok(frames) if frames.len() == 1 => "1 frame".to_string(),
        Ok(frames) => format!("{} frames", frames.len()),
        Err(refusal) => refusal.name().to_string(),
    }
}

fn kernel(case: &Case) -> String {
    match case.kernel {
        Kernel::Same => "same".to_string(),
        Kernel::Refuses => "EINVAL".to_string(),
        Kernel::Drops => "dropped".to_string(),
        Kernel::Differs(why) => format!("differs: {why}"),
        Kernel::NotAsked(why) => format!("not asked: {why}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn docs(name: &str) -> String {
        let path = format!("{}/../docs/{name}", env!("CARGO_MANIFEST_DIR"));
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("docs/{name}: {error}"))
    }

    #[test]
    fn the_page_in_docs_is_the_generated_one() {
        assert!(
            docs("segmentation_cases.md") == page(),
            "docs/segmentation_cases.md is out of date; write it anew with\n{REGENERATE}"
        );
    }

    #[test]
    fn every_rule_with_cases_has_a_title_and_a_paragraph_in_docs() {
        let text = docs("segmentation.md");
        for case in all() {
            assert!(TITLES.iter().any(|(rule, _)| *rule == case.rule), "rule {}", case.rule);
            assert!(text.contains(&format!("\n{}. ", case.rule)), "rule {}", case.rule);
        }
    }

    #[test]
    fn what_docs_names_as_a_case_is_one() {
        let names: Vec<_> = all().iter().map(|case| case.name).collect();
        let text = docs("segmentation.md");
        // Cases are the names in backquotes behind "Cases:", up to the end of the paragraph.
        let paragraphs = text.split("Cases: ").skip(1).map(|rest| match rest.find("\n\n") {
            Some(end) => &rest[..end],
            None => rest,
        });
        let mut named = 0;
        for paragraph in paragraphs {
            for name in paragraph.split('`').skip(1).step_by(2) {
                assert!(
                    names.contains(&name),
                    "docs/segmentation.md names {name}, which is no case"
                );
                named += 1;
            }
        }
        assert!(named > 40, "only {named} cases are named");
    }
}
