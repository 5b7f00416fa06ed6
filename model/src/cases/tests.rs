//! The table on the model.

use super::*;
use crate::segment::segment;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_model_gives_what_every_case_expects() {
    let mut wrong = Vec::new();
    for case in all() {
        let found = segment(&case.hdr, &case.frame, &case.settings);
        let expected = case.outcome();
        if found != expected {
            let at = match (&found, &expected) {
                (Ok(found), Ok(expected)) => format!(
                    "{} frames for {}, first differing byte {:?}",
                    found.len(),
                    expected.len(),
                    found.iter().zip(expected).enumerate().find_map(|(n, (f, e))| f
                        .iter()
                        .zip(e)
                        .position(|(f, e)| f != e)
                        .or((f.len() != e.len()).then_some(f.len().min(e.len())))
                        .map(|at| (n, at)))
                ),
                (found, expected) => format!(
                    "{:?} for {:?}",
                    found.as_ref().map(Vec::len),
                    expected.as_ref().map(Vec::len)
                ),
            };
            wrong.push(format!("rule {}: {}: {at}", case.rule, case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_table_covers_every_rule_about_frames() {
    let cases = all();
    assert!(cases.len() >= 120, "{} cases", cases.len());
    let names: BTreeSet<_> = cases.iter().map(|case| case.name).collect();
    assert_eq!(names.len(), cases.len(), "names are unique");
    let mut rules = BTreeMap::<u8, usize>::new();
    cases.iter().for_each(|case| *rules.entry(case.rule).or_default() += 1);
    println!("{} cases: {rules:?}", cases.len());
    assert!((1..=22).chain([24]).all(|rule| rules.contains_key(&rule)), "{rules:?}");
}

#[test]
fn every_fault_is_noticed_by_a_case_of_its_rule() {
    let noticed = fault::noticed();
    for (fault, case) in &noticed {
        println!(
            "rule {:2}: {:75} {}",
            fault.rule,
            fault.name,
            case.unwrap_or("NOT NOTICED")
        );
    }
    let missed: Vec<_> = noticed
        .iter()
        .filter(|(_, case)| case.is_none())
        .map(|(fault, _)| (fault.rule, fault.name))
        .collect();
    assert!(missed.is_empty(), "nothing notices {missed:?}");
    let broken: BTreeSet<u8> = fault::FAULTS.iter().map(|fault| fault.rule).collect();
    assert!((1..=22).chain([24]).all(|rule| broken.contains(&rule)), "{broken:?}");
}

/// Every value of the 12 flags on a first, two middle and a last segment, against the default masks and others.
#[test]
fn rules_11_to_14_hold_for_every_combination_of_flags() {
    let masks = [(0xFF6, 0xF76, 0xF7F), (0xFF6, 0xFF6, 0xFFF), (0x5A5, 0xA5A, 0x0F0)];
    for (first, middle, last) in masks {
        for flags in 0..0x1000 {
            let draft = cut(14, "", Packet::tcp4(7).with(|packet| packet.flags = flags), 2).settings(|settings| {
                (settings.flags_first, settings.flags_middle, settings.flags_last) = (first, middle, last)
            });
            let case = draft
                .cut(&[2, 2, 2, 1])
                .flags(&[flags & first, flags & middle, flags & middle, flags & last]);
            assert_eq!(
                segment(&case.hdr, &case.frame, &case.settings),
                case.outcome(),
                "{flags:#x}"
            );
        }
    }
}

/// The builder's lengths and checksums, judged by an independent parser.
#[test]
fn expected_frames_are_right_to_an_independent_parser() {
    use etherparse::{NetSlice, SlicedPacket, TransportSlice};
    let mut judged = 0;
    for case in all() {
        let Expected::Packets(packets) = &case.expected else {
            continue;
        };
        // What is wrong on purpose, and the reserved bit of IPv4, which the parser does not keep.
        let odd = |packet: &Packet| {
            packet.seed_error != 0
                || packet.final_destination.is_some()
                || packet.ip_length.is_some()
                || packet.udp_length.is_some()
                || packet.fragment & 0xBFFF != 0
        };
        for packet in packets.iter().filter(|packet| !odd(packet)) {
            let bytes = packet.finished();
            let sliced = SlicedPacket::from_ethernet(&bytes).unwrap_or_else(|error| panic!("{}: {error}", case.name));
            let net = sliced.net.as_ref().expect("a network layer");
            if let NetSlice::Ipv4(ip) = net {
                let header = ip.header().to_header();
                assert_eq!(header.calc_header_checksum(), header.header_checksum, "{}", case.name);
            }
            let (found, right) = match (sliced.transport.expect("a transport layer"), net) {
                (TransportSlice::Tcp(tcp), NetSlice::Ipv4(ip)) => (
                    tcp.checksum(),
                    tcp.calc_checksum_ipv4(ip.header().source(), ip.header().destination()),
                ),
                (TransportSlice::Tcp(tcp), NetSlice::Ipv6(ip)) => (
                    tcp.checksum(),
                    tcp.calc_checksum_ipv6(ip.header().source(), ip.header().destination()),
                ),
                (TransportSlice::Udp(udp), net) => {
                    let header = udp.to_header();
                    let right = match net {
                        NetSlice::Ipv4(ip) => header.calc_checksum_ipv4_raw(
                            ip.header().source(),
                            ip.header().destination(),
                            udp.payload(),
                        ),
                        NetSlice::Ipv6(ip) => header.calc_checksum_ipv6_raw(
                            ip.header().source(),
                            ip.header().destination(),
                            udp.payload(),
                        ),
                    };
                    (udp.checksum(), right)
                }
                _ => panic!("{}: neither TCP nor UDP", case.name),
            };
            assert_eq!(found, right.expect("lengths fit"), "{}", case.name);
            judged += 1;
        }
    }
    assert!(judged > 500, "{judged} frames");
}
