//! Super-frames as software hands them to the engine: virtio_net_hdr, header template, payload.

use crate::headers::{fold, sum, Headers, Network, Seed, Template, Transport};
use segwalk_model::refusal::Refusal;
use segwalk_model::segment::{segment, SegmentSettings};
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr, FLAG_NEEDS_CSUM};

/// TCP flag CWR, which makes a driver set the ECN bit of gso_type.
const CWR: u16 = 0x080;

/// One frame for a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SuperFrame {
    /// Fields of the 12 bytes in front.
    pub hdr: VirtioNetHdr,
    /// Header template, Ethernet first.
    pub template: Vec<u8>,
    /// Everything behind the template.
    pub payload: Vec<u8>,
}

impl SuperFrame {
    /// A frame to be cut into TCP segments or UDP datagrams of `mss` bytes.
    pub fn segmented(headers: &Headers, payload: Vec<u8>, mss: u16, seed: Seed) -> Self {
        let template = headers.template(payload.len(), seed);
        let mut gso_type = match (&headers.transport, &headers.network) {
            (Transport::Udp { .. }, _) => gso::UDP_L4,
            (Transport::Tcp { .. }, Network::V4(_)) => gso::TCPV4,
            (Transport::Tcp { .. }, Network::V6(_)) => gso::TCPV6,
        };
        if matches!(headers.transport, Transport::Tcp { flags, .. } if flags & CWR != 0) {
            gso_type |= gso::ECN;
        }
        let hdr = VirtioNetHdr {
            gso_type,
            gso_size: mss,
            ..needs_csum(&template)
        };
        SuperFrame {
            hdr,
            template: template.bytes,
            payload,
        }
    }

    /// A frame whose checksum is to be completed.
    pub fn checksum_only(headers: &Headers, payload: Vec<u8>) -> Self {
        let template = headers.template(payload.len(), Seed::WithLength);
        SuperFrame {
            hdr: needs_csum(&template),
            template: template.bytes,
            payload,
        }
    }

    /// A frame that is right as it is.
    pub fn plain(headers: &Headers, payload: Vec<u8>) -> Self {
        let template = headers.template(payload.len(), Seed::WithLength);
        let (start, offset) = (usize::from(template.csum_start), usize::from(template.csum_offset));
        let mut bytes = template.bytes;
        let check = match !fold(sum(&bytes[start..]) + sum(&payload)) {
            // 0 in UDP says that there is no checksum (RFC 768).
            0 if offset == 6 => 0xFFFF,
            check => check,
        };
        bytes[start + offset..start + offset + 2].copy_from_slice(&check.to_be_bytes());
        SuperFrame {
            hdr: VirtioNetHdr::default(),
            template: bytes,
            payload,
        }
    }

    /// virtio_net_hdr and header template, as they stand in front of the payload.
    pub fn header_bytes(&self) -> Vec<u8> {
        [&self.hdr.to_bytes()[..], &self.template].concat()
    }

    /// Template and payload.
    pub fn frame(&self) -> Vec<u8> {
        [&self.template[..], &self.payload].concat()
    }

    /// All bytes of the chain.
    pub fn chain_bytes(&self) -> Vec<u8> {
        [&self.hdr.to_bytes()[..], &self.template, &self.payload].concat()
    }

    /// What the model makes of it.
    pub fn expected(&self, settings: &SegmentSettings) -> Result<Vec<Vec<u8>>, Refusal> {
        segment(&self.hdr, &self.frame(), settings)
    }
}

fn needs_csum(template: &Template) -> VirtioNetHdr {
    VirtioNetHdr {
        flags: FLAG_NEEDS_CSUM,
        hdr_len: template.bytes.len() as u16,
        csum_start: template.csum_start,
        csum_offset: template.csum_offset,
        ..VirtioNetHdr::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::headers::{flag, Ipv4};
    use crate::reassembly::Reassembly;

    fn headers() -> Headers {
        Headers {
            source_mac: [2, 0, 0, 0, 0, 1],
            destination_mac: [2, 0, 0, 0, 0, 2],
            tags: vec![],
            network: Network::V4(Ipv4 {
                source: [10, 0, 0, 1],
                destination: [10, 0, 0, 2],
                tos: 0,
                id: 1,
                dont_fragment: true,
                ttl: 64,
                options: vec![],
            }),
            transport: Transport::Tcp {
                ports: (1, 2),
                seq: 0xFFFF_FFF0,
                ack: 3,
                flags: flag::ACK,
                window: 4,
                urgent: 0,
                options: vec![],
            },
        }
    }

    #[test]
    fn the_model_cuts_a_super_frame_into_segments_that_give_the_payload_back() {
        let payload: Vec<u8> = (0..1000u32).map(|i| (i * 7) as u8).collect();
        let frame = SuperFrame::segmented(&headers(), payload.clone(), 99, Seed::WithLength);
        let frames = frame.expected(&SegmentSettings::default()).unwrap();
        assert_eq!(frames.len(), 11);
        let mut stream = Reassembly::new(0xFFFF_FFF0);
        for frame in &frames {
            let ip = &frame[14..];
            assert_eq!(fold(sum(&ip[..20])), 0xFFFF);
            let pseudo = sum(&ip[12..20]) + 6 + (ip.len() - 20) as u64;
            assert_eq!(fold(pseudo + sum(&ip[20..])), 0xFFFF);
            stream.push(frame).unwrap();
        }
        assert_eq!(stream.bytes().unwrap(), payload);
    }

    #[test]
    fn a_plain_frame_is_what_a_completed_checksum_gives() {
        let plain = SuperFrame::plain(&headers(), vec![5; 77]);
        let asked = SuperFrame::checksum_only(&headers(), vec![5; 77]);
        assert_eq!(
            asked.expected(&SegmentSettings::default()).unwrap(),
            vec![plain.frame()]
        );
        assert_eq!(
            plain.expected(&SegmentSettings::default()).unwrap(),
            vec![plain.frame()]
        );
    }
}
