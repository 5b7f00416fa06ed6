//! Compares what the engine makes of a super-frame with what the kernel makes of it.

use super::oracle::KernelAnswer;
use crate::scoreboard::difference;
use segwalk_model::refusal::Refusal;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr};
use serde::Serialize;

/// Smallest frame without its check sequence (rule 20).
const FRAME_BYTES_MIN: usize = 60;
/// Segments that the kernel makes of a UDP super-frame at most (UDP_MAX_SEGMENTS).
const UDP_SEGMENTS_MAX: usize = 128;
const ETHERNET_BYTES: u16 = 14;
const TCP_HEADER_BYTES: usize = 20;

/// Where engine and kernel differ on purpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Known {
    /// Rule 2: a super-frame that gives one segment only because of its TCP options is sent; the kernel takes it for
    /// one of several segments, finds one and drops it.
    OneSegment,
    /// Rule 8: a template that is a fragment is refused; the kernel cuts it.
    Fragment,
    /// Rule 18: a checksum of 0 stays 0 in TCP; the kernel writes 0xFFFF into every checksum-only frame.
    ZeroChecksum,
    /// Rule 19: UDP super-frames of more than 128 segments are cut; the kernel refuses them.
    UdpSegments,
    /// Rule 19: the UDP length of the template is not looked at; the kernel takes it out of the seed, so a wrong one gives
    /// it wrong checksums.
    UdpLength,
    /// Rule 20: short frames are padded, when asked for; the kernel leaves that to the driver.
    Padding,
    /// Rule 21: hdr_len is not looked at; the kernel refuses one that ends beyond the frame or within the
    /// Ethernet header.
    HeaderHint,
    /// Rule 22: something is refused that the kernel tolerates, as GSO without NEEDS_CSUM.
    Stricter,
    /// The engine has a limit that the kernel does not have: MSS, length of a frame, of a template, of a chain.
    Limit,
    /// A gso_type with nothing but the ECN bit asks for nothing; the kernel refuses it.
    EcnAlone,
}

/// What a comparison gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The same frames, or both refuse.
    Equal,
    /// A difference on purpose.
    Known(Known),
    /// Anything else.
    Different {
        /// Frames that differ, are missing or are too many.
        frames: u64,
        /// The first of them.
        text: String,
    },
}

/// Compares the frames of one super-frame, or that none leaves, with the kernel's answer.
pub fn compare(hdr: &VirtioNetHdr, frame: &[u8], ours: Result<&[Vec<u8>], Refusal>, kernel: &KernelAnswer) -> Verdict {
    match (ours, kernel) {
        (Ok(ours), KernelAnswer::Frames(theirs)) => compare_frames(hdr, frame, ours, theirs),
        (Err(_), KernelAnswer::Refused(_) | KernelAnswer::Dropped) => Verdict::Equal,
        (Err(refusal), KernelAnswer::Frames(theirs)) => match stricter(refusal) {
            Some(known) => Verdict::Known(known),
            None => Verdict::Different {
                frames: theirs.len() as u64,
                text: format!(
                    "refused ({}), but the kernel makes {} frames of it",
                    refusal.name(),
                    theirs.len()
                ),
            },
        },
        (Ok(ours), KernelAnswer::Refused(_) | KernelAnswer::Dropped) => match more_tolerant(hdr, frame) {
            Some(known) => Verdict::Known(known),
            None => Verdict::Different {
                frames: ours.len() as u64,
                text: match kernel {
                    KernelAnswer::Refused(errno) => format!("the kernel refuses it with error {errno}"),
                    _ => "the kernel drops it".to_string(),
                },
            },
        },
    }
}

fn compare_frames(hdr: &VirtioNetHdr, frame: &[u8], ours: &[Vec<u8>], theirs: &[Vec<u8>]) -> Verdict {
    let (mut known, mut count, mut first) = (None, ours.len().abs_diff(theirs.len()) as u64, None);
    let wrong_length = hdr.gso() == gso::UDP_L4 && !has_udp_length(hdr, frame);
    if count > 0 {
        first = Some(format!("{} frames instead of {}", ours.len(), theirs.len()));
    }
    for (at, (our, their)) in ours.iter().zip(theirs).enumerate() {
        if our == their {
            continue;
        }
        let unpadded = our.strip_suffix(&vec![0; our.len().saturating_sub(their.len())][..]);
        let padded = our.len() == FRAME_BYTES_MIN && their.len() < FRAME_BYTES_MIN;
        let our_part = match unpadded {
            Some(part) if padded => {
                known = Some(Known::Padding);
                part
            }
            _ => our,
        };
        if our_part == their {
            continue;
        }
        match checksums(hdr, our_part, their) {
            Some(([0, 0], [0xFF, 0xFF])) if ours.len() == 1 => {
                known = Some(Known::ZeroChecksum);
                continue;
            }
            Some(_) if wrong_length => {
                known = Some(Known::UdpLength);
                continue;
            }
            _ => {}
        }
        count += 1;
        first.get_or_insert_with(|| difference(at as u64, their, our).replace("the model's", "the kernel's"));
    }
    match (first, known) {
        (Some(text), _) => Verdict::Different { frames: count, text },
        (None, Some(known)) => Verdict::Known(known),
        (None, None) => Verdict::Equal,
    }
}

/// The checksums of both frames, if they are all that differs.
fn checksums(hdr: &VirtioNetHdr, ours: &[u8], theirs: &[u8]) -> Option<([u8; 2], [u8; 2])> {
    let field = usize::from(hdr.csum_start) + usize::from(hdr.csum_offset);
    let split = |frame: &[u8]| {
        let check = frame.get(field..field + 2)?.try_into().ok()?;
        Some((check, [&frame[..field], &frame[field + 2..]].concat()))
    };
    let (ours, theirs) = (split(ours)?, split(theirs)?);
    (hdr.needs_csum() && ours.1 == theirs.1).then_some((ours.0, theirs.0))
}

/// Whether the UDP header of a template holds the length of the super-frame.
fn has_udp_length(hdr: &VirtioNetHdr, frame: &[u8]) -> bool {
    let start = usize::from(hdr.csum_start);
    let length = frame.get(start + 4..start + 6).map(|word| [word[0], word[1]]);
    length.is_some_and(|length| usize::from(u16::from_be_bytes(length)) == frame.len() - start)
}

/// Why the engine refuses on purpose what the kernel takes.
fn stricter(refusal: Refusal) -> Option<Known> {
    match refusal {
        Refusal::Fragment => Some(Known::Fragment),
        Refusal::GsoWithoutChecksum
        | Refusal::GsoTypeUnknown
        | Refusal::FeatureNotNegotiated
        | Refusal::NetworkHeaderLength
        | Refusal::ExtensionHeaders => Some(Known::Stricter),
        Refusal::GsoSizeTooLarge | Refusal::HeaderTooLong | Refusal::FrameTooLong | Refusal::ChainTooLong => {
            Some(Known::Limit)
        }
        _ => None,
    }
}

/// Why the engine takes on purpose what the kernel does not.
fn more_tolerant(hdr: &VirtioNetHdr, frame: &[u8]) -> Option<Known> {
    let (start, size) = (usize::from(hdr.csum_start), usize::from(hdr.gso_size));
    match hdr.gso() {
        _ if usize::from(hdr.hdr_len) > frame.len() || (1..ETHERNET_BYTES).contains(&hdr.hdr_len) => {
            Some(Known::HeaderHint)
        }
        gso::NONE if hdr.has_ecn() => Some(Known::EcnAlone),
        gso::TCPV4 | gso::TCPV6 => {
            // The kernel decides by the smallest header whether there is anything to cut.
            let header_bytes = 4 * usize::from(frame.get(start + 12)? >> 4);
            let one = frame.len() <= start + header_bytes + size && frame.len() > start + TCP_HEADER_BYTES + size;
            one.then_some(Known::OneSegment)
        }
        gso::UDP_L4 => (frame.len() > start + 8 + UDP_SEGMENTS_MAX * size).then_some(Known::UdpSegments),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use segwalk_model::virtio_net_hdr::FLAG_NEEDS_CSUM;

    fn hdr() -> VirtioNetHdr {
        VirtioNetHdr {
            flags: FLAG_NEEDS_CSUM,
            csum_start: 34,
            csum_offset: 16,
            ..Default::default()
        }
    }

    fn verdict(ours: &[Vec<u8>], theirs: Vec<Vec<u8>>) -> Verdict {
        compare(&hdr(), &ours[0], Ok(ours), &KernelAnswer::Frames(theirs))
    }

    #[test]
    fn rule_18_zero_and_all_ones_are_told_apart_from_errors() {
        let ours = [vec![7; 50], vec![0; 2], vec![7; 30]].concat();
        let mut theirs = ours.clone();
        theirs[50..52].fill(0xFF);
        assert_eq!(
            verdict(std::slice::from_ref(&ours), vec![theirs.clone()]),
            Verdict::Known(Known::ZeroChecksum)
        );
        assert!(matches!(
            verdict(std::slice::from_ref(&theirs), vec![ours.clone()]),
            Verdict::Different { frames: 1, .. }
        ));
        theirs[70] ^= 1;
        assert!(matches!(
            verdict(&[ours], vec![theirs]),
            Verdict::Different { frames: 1, .. }
        ));
    }

    #[test]
    fn rule_20_padding_is_zeros_up_to_60_bytes() {
        let short = vec![9; 55];
        let padded = [&short[..], &[0; 5]].concat();
        assert_eq!(
            verdict(std::slice::from_ref(&padded), vec![short.clone()]),
            Verdict::Known(Known::Padding)
        );
        let dirty = [&short[..], &[0, 0, 1, 0, 0]].concat();
        assert!(matches!(
            verdict(&[dirty], vec![short.clone()]),
            Verdict::Different { .. }
        ));
        assert!(matches!(verdict(&[short], vec![padded]), Verdict::Different { .. }));
    }

    #[test]
    fn frames_too_many_and_too_few_are_counted() {
        let frames = vec![vec![1; 80], vec![2; 80]];
        assert_eq!(verdict(&frames, frames.clone()), Verdict::Equal);
        for (ours, theirs) in [(&frames[..1], &frames[..]), (&frames[..], &frames[..1])] {
            assert!(matches!(
                verdict(ours, theirs.to_vec()),
                Verdict::Different { frames: 1, .. }
            ));
        }
    }

    #[test]
    fn refusals_are_compared() {
        let frames = KernelAnswer::Frames(vec![vec![1; 80]]);
        let judge = |ours, kernel: &KernelAnswer| compare(&hdr(), &[0; 80], ours, kernel);
        assert_eq!(
            judge(Err(Refusal::GsoSizeZero), &KernelAnswer::Refused(22)),
            Verdict::Equal
        );
        assert_eq!(judge(Err(Refusal::Fragment), &frames), Verdict::Known(Known::Fragment));
        assert!(matches!(
            judge(Err(Refusal::GsoSizeZero), &frames),
            Verdict::Different { .. }
        ));
        assert!(matches!(
            judge(Ok(&[vec![1; 80]]), &KernelAnswer::Dropped),
            Verdict::Different { .. }
        ));
    }
}
