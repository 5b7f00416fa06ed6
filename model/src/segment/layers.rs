//! Finds the layers of a super-frame's header template and checks them against `gso_type` (rules 8, 9, 22).

use super::offload::{IpVersion, Offload, Transport};
use super::plan::{Prefix, Stop};
use crate::limits::HEADER_BYTES_MAX;
use crate::refusal::Refusal;
use bitvec::prelude::*;

/// VLAN tag (IEEE 802.1Q) and service tag (802.1ad). 0x9100 is no standard and Linux refuses it too.
const TAG_TYPES: [u16; 2] = [0x8100, 0x88A8];
/// Tags that are skipped at most.
const TAGS_MAX: usize = 2;
const ETHERNET_BYTES: usize = 14;
const TAG_BYTES: usize = 4;

const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const DESTINATION_OPTIONS: u8 = 60;

/// Where the layers of a header template begin, in bytes from the frame's start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layers {
    /// Network layer.
    pub ip: IpVersion,
    /// First byte of the IP header.
    pub network_start: usize,
    /// First byte of the transport header, `csum_start`.
    pub transport_start: usize,
    /// Bytes of the whole template (rule 3).
    pub header_bytes: usize,
}

impl Layers {
    /// The checks of step b behind those of `virtio_net_hdr`, in the order of the module's list.
    pub fn find(offload: &Offload, csum_start: usize, frame: &Prefix) -> Result<Layers, Stop> {
        let header_bytes = transport_end(offload, csum_start, frame)?;
        let (ip, network_start) = network_layer(frame, offload)?;
        if network_start + ip.min_header_bytes() > csum_start {
            return Err(Refusal::NetworkHeaderLength.into());
        }
        match ip {
            IpVersion::V4 => check_v4(frame, network_start, csum_start, offload.transport)?,
            IpVersion::V6 => check_v6(frame, network_start, csum_start, offload.transport)?,
        }
        Ok(Layers {
            ip,
            network_start,
            transport_start: csum_start,
            header_bytes,
        })
    }
}

/// End of the transport header, which is the end of the template (rule 3); hdr_len is not asked (rule 21).
fn transport_end(offload: &Offload, csum_start: usize, frame: &Prefix) -> Result<usize, Stop> {
    if csum_start < ETHERNET_BYTES + offload.min_network_bytes() {
        return Err(Refusal::ChecksumStartTooSmall.into());
    }
    check_end(csum_start + offload.transport.min_header_bytes(), frame)?;
    let header_bytes = match offload.transport {
        Transport::Tcp => {
            let data_offset: usize = frame.byte(csum_start + 12)?.view_bits::<Msb0>()[..4].load_be();
            if data_offset < 5 {
                return Err(Refusal::DataOffsetTooSmall.into());
            }
            4 * data_offset
        }
        Transport::Udp => offload.transport.min_header_bytes(),
    };
    let end = csum_start + header_bytes;
    check_end(end, frame)?;
    // The template is taken as a whole before its layers are judged.
    frame.byte(end - 1)?;
    Ok(end)
}

fn check_end(end: usize, frame: &Prefix) -> Result<(), Stop> {
    if end > frame.frame_bytes {
        return Err(Refusal::HeaderBeyondChain.into());
    }
    if end > HEADER_BYTES_MAX {
        return Err(Refusal::HeaderTooLong.into());
    }
    Ok(())
}

/// Skips the tags and checks EtherType and version: the network layer, and where it begins.
fn network_layer(frame: &Prefix, offload: &Offload) -> Result<(IpVersion, usize), Stop> {
    let mut start = ETHERNET_BYTES;
    let mut ether_type = frame.word(start - 2)?;
    for _ in 0..TAGS_MAX {
        if TAG_TYPES.contains(&ether_type) {
            start += TAG_BYTES;
            ether_type = frame.word(start - 2)?;
        }
    }
    let version: u8 = frame.byte(start)?.view_bits::<Msb0>()[..4].load_be();
    let fits = |ip: &IpVersion| ether_type == ip.ether_type() && version == ip.version();
    let served = [IpVersion::V4, IpVersion::V6]
        .into_iter()
        .filter(|ip| offload.ip.is_none_or(|only| only == *ip));
    let ip = served.into_iter().find(fits).ok_or(Refusal::ProtocolMismatch)?;
    Ok((ip, start))
}

fn check_v4(frame: &Prefix, start: usize, csum_start: usize, transport: Transport) -> Result<(), Stop> {
    let header_words: usize = frame.byte(start)?.view_bits::<Msb0>()[4..].load_be();
    // There is room for 5 words below csum_start, so fewer miss it too.
    if start + 4 * header_words != csum_start {
        return Err(Refusal::NetworkHeaderLength.into());
    }
    if frame.byte(start + 9)? != transport.protocol() {
        return Err(Refusal::ProtocolMismatch.into());
    }
    let fragment = frame.word(start + 6)?.to_be_bytes();
    let fragment = fragment.view_bits::<Msb0>();
    let (more_fragments, offset) = (fragment[2], &fragment[3..]);
    if more_fragments || offset.any() {
        return Err(Refusal::Fragment.into());
    }
    Ok(())
}

/// Follows the extension headers to the transport header. `csum_start` bounds the walk.
fn check_v6(frame: &Prefix, start: usize, csum_start: usize, transport: Transport) -> Result<(), Stop> {
    let mut next_header = frame.byte(start + 6)?;
    let mut position = start + IpVersion::V6.min_header_bytes();
    loop {
        if next_header == FRAGMENT {
            return Err(Refusal::Fragment.into());
        }
        if position == csum_start && next_header == transport.protocol() {
            return Ok(());
        }
        let known = matches!(next_header, HOP_BY_HOP | ROUTING | DESTINATION_OPTIONS);
        if position >= csum_start || !known {
            return Err(Refusal::ExtensionHeaders.into());
        }
        next_header = frame.byte(position)?;
        position += 8 * (1 + usize::from(frame.byte(position + 1)?));
    }
}
