//! Files of super-frames: records of `virtio_net_hdr` and frame, or captures.

use crate::headers::{fold, sum};
use anyhow::{bail, ensure, Context, Result};
use etherparse::{ether_type, ip_number};
use pcap_file::pcapng::{Block, PcapNgReader};
use pcap_file::DataLink;
use segwalk_model::limits::VIRTIO_NET_HDR_BYTES;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr, FLAG_NEEDS_CSUM};
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

/// Bytes of `virtio_net_hdr` in a record: without `num_buffers`, as a TAP has it.
pub const RECORD_HDR_BYTES: usize = 10;
/// First four bytes of a pcapng file.
const PCAPNG: [u8; 4] = [0x0A, 0x0D, 0x0D, 0x0A];
const ETHERNET_BYTES: usize = 14;
/// TCP flag CWR, in the second byte of flags.
const CWR: u8 = 0x80;

/// One super-frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// What is asked for; `num_buffers` is 0.
    pub hdr: VirtioNetHdr,
    /// The frame.
    pub frame: Vec<u8>,
}

/// Writes records: length of what follows (u32, little-endian), `virtio_net_hdr` of 10 bytes, frame.
pub fn write_records(path: &Path, records: &[Record]) -> Result<()> {
    let cannot = || format!("cannot write {}; give a file in a folder that exists", path.display());
    let mut file = BufWriter::new(File::create(path).with_context(cannot)?);
    for record in records {
        let bytes = (RECORD_HDR_BYTES + record.frame.len()) as u32;
        file.write_all(&bytes.to_le_bytes()).with_context(cannot)?;
        file.write_all(&record.hdr.to_bytes()[..RECORD_HDR_BYTES])
            .with_context(cannot)?;
        file.write_all(&record.frame).with_context(cannot)?;
    }
    file.flush().with_context(cannot)
}

/// Reads records, or a pcapng file whose super-frames are to be cut into segments of `mss` bytes ([`derive`]).
pub fn read_records(path: &Path, mss: u16) -> Result<Vec<Record>> {
    let bytes =
        std::fs::read(path).with_context(|| format!("cannot read {}; give a file that exists", path.display()))?;
    let records = if bytes.starts_with(&PCAPNG) {
        read_pcapng(&bytes, mss)
    } else {
        parse_records(&bytes)
    };
    records.with_context(|| format!("{} is not a file of super-frames", path.display()))
}

/// Takes records apart. The length counts header and frame; where that does not come out it is tried as the frame's
/// alone.
pub fn parse_records(bytes: &[u8]) -> Result<Vec<Record>> {
    parse_counting(bytes, 0).or_else(|error| parse_counting(bytes, RECORD_HDR_BYTES).map_err(|_| error))
}

fn parse_counting(mut bytes: &[u8], uncounted: usize) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    while !bytes.is_empty() {
        let number = records.len();
        let (length, rest) = bytes
            .split_first_chunk()
            .with_context(|| format!("record {number} has no length"))?;
        let length = u32::from_le_bytes(*length) as usize + uncounted;
        ensure!(
            length >= RECORD_HDR_BYTES,
            "record {number} has {length} bytes, fewer than its virtio_net_hdr"
        );
        ensure!(
            length <= rest.len(),
            "record {number} has {length} bytes, but {} are left",
            rest.len()
        );
        let mut hdr = [0; VIRTIO_NET_HDR_BYTES];
        hdr[..RECORD_HDR_BYTES].copy_from_slice(&rest[..RECORD_HDR_BYTES]);
        records.push(Record {
            hdr: VirtioNetHdr::parse(&hdr),
            frame: rest[RECORD_HDR_BYTES..length].to_vec(),
        });
        bytes = &rest[length..];
    }
    Ok(records)
}

fn read_pcapng(bytes: &[u8], mss: u16) -> Result<Vec<Record>> {
    let mut reader = PcapNgReader::new(bytes).context("the pcapng header cannot be read")?;
    let mut records = Vec::new();
    while let Some(block) = reader.next_block() {
        let (interface, data) = match block.context("a pcapng block cannot be read")? {
            Block::EnhancedPacket(packet) => {
                ensure!(
                    packet.original_len as usize == packet.data.len(),
                    "packet {} is cut off; capture with a snapshot length of 262144",
                    records.len()
                );
                (packet.interface_id as usize, packet.data.to_vec())
            }
            Block::SimplePacket(packet) => (0, packet.data.to_vec()),
            _ => continue,
        };
        let link = reader.interfaces().get(interface).map(|interface| interface.linktype);
        if link != Some(DataLink::ETHERNET) {
            bail!("packet {} is not of an Ethernet interface", records.len());
        }
        records.push(derive(data, mss));
    }
    Ok(records)
}

/// The `virtio_net_hdr` that a driver gives a captured frame, and the frame with the checksum seed that it leaves
/// (rule 15, virtio contract): TCP and UDP with more than `mss` bytes of payload are to be segmented, TCP with the ECN
/// bit when CWR is set; other TCP and UDP gets its checksum completed; anything else, fragments too, is sent as it is. Bytes behind
/// the IP packet are cut off, as they are padding.
pub fn derive(mut frame: Vec<u8>, mss: u16) -> Record {
    let plain = VirtioNetHdr::default();
    let Some(layers) = CapturedLayers::find(&frame) else {
        return Record { hdr: plain, frame };
    };
    frame.truncate(layers.end);
    let start = layers.transport_start;
    let (csum_offset, header_bytes) = match layers.protocol {
        ip_number::TCP => match frame.get(start + 12) {
            Some(offset) => (16, 4 * usize::from(offset >> 4)),
            None => return Record { hdr: plain, frame },
        },
        _ => (6, 8),
    };
    let field = start + csum_offset;
    if frame.len() < start + header_bytes || header_bytes < csum_offset + 2 {
        return Record { hdr: plain, frame };
    }
    let l4_bytes = (frame.len() - start) as u64;
    let seed = fold(layers.pseudo + u64::from(layers.protocol.0) + l4_bytes);
    let mut hdr = VirtioNetHdr {
        flags: FLAG_NEEDS_CSUM,
        hdr_len: (start + header_bytes) as u16,
        csum_start: start as u16,
        csum_offset: csum_offset as u16,
        ..plain
    };
    if frame.len() - start - header_bytes > usize::from(mss) {
        hdr.gso_size = mss;
        hdr.gso_type = match (layers.protocol, layers.is_v6) {
            (ip_number::UDP, _) => gso::UDP_L4,
            (_, true) => gso::TCPV6,
            (_, false) => gso::TCPV4,
        };
        if layers.protocol == ip_number::TCP && frame[start + 13] & CWR != 0 {
            hdr.gso_type |= gso::ECN;
        }
    }
    frame[field..field + 2].copy_from_slice(&seed.to_be_bytes());
    Record { hdr, frame }
}

/// Where the layers of a captured frame are.
struct CapturedLayers {
    is_v6: bool,
    protocol: etherparse::IpNumber,
    transport_start: usize,
    /// End of the IP packet, or of the frame where the IP length is 0 as it can be in super-frames (rule 5).
    end: usize,
    /// Sum of the pseudo-header's addresses.
    pseudo: u64,
}

impl CapturedLayers {
    /// None when it is not TCP or UDP, or a fragment.
    fn find(frame: &[u8]) -> Option<Self> {
        let word = |at: usize| Some(u16::from_be_bytes([*frame.get(at)?, *frame.get(at + 1)?]));
        let mut start = ETHERNET_BYTES;
        for _ in 0..2 {
            if [0x8100, 0x88A8].contains(&word(start - 2)?) {
                start += 4;
            }
        }
        let layers = match etherparse::EtherType(word(start - 2)?) {
            ether_type::IPV4 => {
                let header_bytes = 4 * usize::from(frame.get(start)? & 0xF);
                if word(start + 6)? & 0x3FFF != 0 || header_bytes < 20 {
                    return None;
                }
                CapturedLayers {
                    is_v6: false,
                    protocol: etherparse::IpNumber(frame[start + 9]),
                    transport_start: start + header_bytes,
                    end: end(frame, start, word(start + 2)?.into()),
                    pseudo: sum(frame.get(start + 12..start + 20)?),
                }
            }
            ether_type::IPV6 => {
                let length = match word(start + 4)? {
                    0 => 0,
                    length => 40 + usize::from(length),
                };
                let mut destination = frame.get(start + 24..start + 40)?;
                let mut protocol = etherparse::IpNumber(frame[start + 6]);
                let mut at = start + 40;
                while let ip_number::IPV6_HOP_BY_HOP | ip_number::IPV6_ROUTE | ip_number::IPV6_DESTINATION_OPTIONS =
                    protocol
                {
                    let header = frame.get(at..at + 8 * (1 + usize::from(*frame.get(at + 1)?)))?;
                    if protocol == ip_number::IPV6_ROUTE && header.len() >= 24 && header[3] > 0 {
                        // rule 9: the final destination
                        destination = &header[header.len() - 16..];
                    }
                    protocol = etherparse::IpNumber(header[0]);
                    at += header.len();
                }
                CapturedLayers {
                    is_v6: true,
                    protocol,
                    transport_start: at,
                    end: end(frame, start, length),
                    pseudo: sum(frame.get(start + 8..start + 24)?) + sum(destination),
                }
            }
            _ => return None,
        };
        [ip_number::TCP, ip_number::UDP]
            .contains(&layers.protocol)
            .then_some(layers)
    }
}

fn end(frame: &[u8], network_start: usize, ip_bytes: usize) -> usize {
    match ip_bytes {
        0 => frame.len(),
        bytes => frame.len().min(network_start + bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::Seed;
    use crate::random::{super_frame_of, Kind};
    use crate::super_frame::SuperFrame;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;
    use segwalk_model::segment::segment;

    fn record(frame: &SuperFrame) -> Record {
        Record {
            hdr: VirtioNetHdr {
                num_buffers: 0,
                ..frame.hdr
            },
            frame: frame.frame(),
        }
    }

    #[test]
    fn records_come_back_and_either_way_to_count_is_read() {
        let mut random = ChaCha8Rng::seed_from_u64(1);
        let records: Vec<Record> = (0..20)
            .map(|_| record(&super_frame_of(&mut random, Kind::Segmented, 1, Seed::WithLength)))
            .collect();
        let path = std::env::temp_dir().join(format!("segwalk-records-{}", std::process::id()));
        write_records(&path, &records).unwrap();
        let read = read_records(&path, 1448);
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read.unwrap(), records);
        let mut frames_counted = Vec::new();
        for record in &records {
            frames_counted.extend((record.frame.len() as u32).to_le_bytes());
            frames_counted.extend(&record.hdr.to_bytes()[..RECORD_HDR_BYTES]);
            frames_counted.extend(&record.frame);
        }
        assert_eq!(parse_records(&frames_counted).unwrap(), records);
        let error = parse_records(&[9, 0, 0, 0, 1]).unwrap_err().to_string();
        assert_eq!(error, "record 0 has 9 bytes, fewer than its virtio_net_hdr");
    }

    #[test]
    fn a_captured_checksum_only_frame_gets_its_header_back() {
        let mut random = ChaCha8Rng::seed_from_u64(2);
        for _ in 0..200 {
            let mut frame = super_frame_of(&mut random, Kind::ChecksumOnly, 1, Seed::WithLength);
            frame.hdr.hdr_len = frame.template.len() as u16;
            let original = record(&frame);
            let sent = frame.expected(&Default::default()).unwrap().remove(0);
            assert_eq!(derive(sent, u16::MAX), original);
        }
    }

    #[test]
    fn what_is_longer_than_the_mss_is_segmented() {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let (mut segmented, settings) = (0, Default::default());
        for _ in 0..200 {
            let frame = super_frame_of(&mut random, Kind::ChecksumOnly, 1, Seed::WithLength);
            let sent = frame.expected(&settings).unwrap().remove(0);
            let derived = derive(sent, 100);
            if frame.payload.len() <= 100 {
                assert_eq!(derived.hdr.gso_size, 0);
                continue;
            }
            assert_eq!(
                (derived.hdr.gso_size, derived.hdr.csum_start),
                (100, frame.hdr.csum_start)
            );
            let frames = segment(&derived.hdr, &derived.frame, &settings).unwrap();
            assert_eq!(frames.len(), frame.payload.len().div_ceil(100));
            segmented += 1;
        }
        assert!(segmented > 50, "{segmented}");
    }
}
