//! Chains for the tests: super-frames, frames without segmentation, and broken ones.

use super::bench::Chain;
use rand::seq::SliceRandom;
use rand::Rng;
use rand_chacha::ChaCha8Rng;
use segwalk_model::virtio_net_hdr::{gso, VirtioNetHdr, FLAG_NEEDS_CSUM};

/// What a TCP or UDP super-frame is made of.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    pub six: bool,
    /// UDP instead of TCP, without TCP's options and flags.
    pub udp: bool,
    pub tags: usize,
    /// IPv4: words of options. IPv6: units of 8 bytes in each of the extension headers.
    pub ip_options: Vec<usize>,
    pub tcp_option_words: usize,
    pub payload: usize,
    pub mss: u16,
    pub tcp_flags: u16,
}

impl Shape {
    /// IPv4 with timestamps, as Linux sends it.
    pub fn plain(payload: usize, mss: u16) -> Self {
        Self {
            tcp_option_words: 3,
            payload,
            mss,
            tcp_flags: 0x018,
            ..Default::default()
        }
    }

    /// All of it at random.
    pub fn random(random: &mut ChaCha8Rng) -> Self {
        let six = random.gen();
        let mss = *[
            1, 2, 3, 5, 7, 8, 9, 16, 63, 64, 65, 536, 1400, 1428, 1448, 1460, 4000, 8960, 9600,
        ]
        .choose(random)
        .expect("a list");
        let mss = if random.gen_bool(0.3) {
            random.gen_range(1..=9600)
        } else {
            mss
        };
        let segments = random.gen_range(0..12usize);
        let payload = match random.gen_range(0..4) {
            0 => segments * usize::from(mss),
            1 => (segments * usize::from(mss)).saturating_sub(random.gen_range(0..8)),
            2 => random.gen_range(0..=usize::from(mss)),
            _ => segments * usize::from(mss) + random.gen_range(0..usize::from(mss)),
        };
        let ip_options = if six {
            (0..*[0, 0, 0, 1, 2, 3].choose(random).expect("a list"))
                .map(|_| random.gen_range(1..4))
                .collect()
        } else {
            vec![*[0, 0, 1, 2, 10].choose(random).expect("a list")]
        };
        Self {
            six,
            udp: random.gen_bool(0.4),
            tags: *[0, 0, 1, 2].choose(random).expect("a list"),
            ip_options,
            tcp_option_words: *[0, 3, 3, 5, 10].choose(random).expect("a list"),
            payload: payload.min(110_000),
            mss,
            tcp_flags: random.gen::<u16>() & 0xFFF,
        }
    }

    pub fn l3(&self) -> usize {
        14 + 4 * self.tags
    }

    pub fn csum_start(&self) -> usize {
        if self.six {
            self.l3() + 40 + 8 * self.ip_options.iter().sum::<usize>()
        } else {
            self.l3() + 20 + 4 * self.ip_options.iter().sum::<usize>()
        }
    }

    pub fn header_bytes(&self) -> usize {
        self.csum_start() + if self.udp { 8 } else { 20 + 4 * self.tcp_option_words }
    }

    fn protocol(&self) -> u8 {
        if self.udp {
            17
        } else {
            6
        }
    }

    pub fn chain(&self, random: &mut ChaCha8Rng) -> Chain {
        let mut frame: Vec<u8> = (0..self.header_bytes() + self.payload).map(|_| random.gen()).collect();
        for tag in 0..self.tags {
            let kind: u16 = *[0x8100, 0x88A8].choose(random).expect("a list");
            frame[12 + 4 * tag..14 + 4 * tag].copy_from_slice(&kind.to_be_bytes());
        }
        let (l3, tcp) = (self.l3(), self.csum_start());
        if self.six {
            frame[l3 - 2..l3].copy_from_slice(&[0x86, 0xDD]);
            frame[l3] = 0x60 | frame[l3] & 15;
            let (mut link, mut at) = (l3 + 6, l3 + 40);
            for units in &self.ip_options {
                frame[link] = *[0, 43, 60].choose(random).expect("a list");
                frame[at + 1] = *units as u8 - 1;
                (link, at) = (at, at + 8 * units);
            }
            frame[link] = self.protocol();
        } else {
            frame[l3 - 2..l3].copy_from_slice(&[0x08, 0x00]);
            frame[l3] = 0x40 | ((tcp - l3) / 4) as u8;
            frame[l3 + 6] &= 0xC0;
            frame[l3 + 7] = 0;
            frame[l3 + 9] = self.protocol();
        }
        if !self.udp {
            frame[tcp + 12] = (((20 + 4 * self.tcp_option_words) / 4) << 4) as u8 | (self.tcp_flags >> 8) as u8;
            frame[tcp + 13] = self.tcp_flags as u8;
        }
        let hdr = VirtioNetHdr {
            flags: FLAG_NEEDS_CSUM,
            gso_type: match self.six {
                _ if self.udp => gso::UDP_L4,
                false => gso::TCPV4,
                true => gso::TCPV6,
            },
            hdr_len: random.gen(),
            gso_size: self.mss,
            csum_start: tcp as u16,
            csum_offset: if self.udp { 6 } else { 16 },
            num_buffers: random.gen(),
        };
        Chain::new(hdr, frame)
    }
}

/// A frame without segmentation, with or without a checksum to complete.
pub fn single(bytes: usize, checksum: bool, random: &mut ChaCha8Rng) -> Chain {
    let frame: Vec<u8> = (0..bytes).map(|_| random.gen()).collect();
    let offset = *[6, 16, 16, 0, 1, 17].choose(random).expect("a list");
    let room = bytes.saturating_sub(offset + 2);
    let hdr = VirtioNetHdr {
        flags: if checksum { FLAG_NEEDS_CSUM } else { 0 },
        gso_type: gso::NONE,
        hdr_len: random.gen(),
        gso_size: random.gen(),
        csum_start: random.gen_range(0..=room) as u16,
        csum_offset: offset as u16,
        num_buffers: random.gen(),
    };
    Chain::new(hdr, frame)
}

/// Something is wrong with it, or looks odd: a field of the header or a byte of the template.
pub fn spoil(chain: &mut Chain, random: &mut ChaCha8Rng) {
    let start = usize::from(chain.hdr.csum_start);
    let near = |random: &mut ChaCha8Rng, value: u16| value.wrapping_add(random.gen_range(0..9)).wrapping_sub(4);
    match random.gen_range(0..16) {
        0 => chain.hdr.flags = random.gen(),
        1 => {
            chain.hdr.gso_type = *[0, 1, 3, 4, 5, 0x80, 0x81, 0x84, 0x85, 2]
                .choose(random)
                .expect("a list")
        }
        2 => chain.hdr.gso_size = *[0, 9600, 9601, 0xFFFF, 1].choose(random).expect("a list"),
        3 => chain.hdr.csum_offset = *[6, 15, 17, 0, 0xFFFF].choose(random).expect("a list"),
        4 => chain.hdr.csum_start = near(random, chain.hdr.csum_start),
        5 => {
            chain.hdr.csum_start = *[0, 13, 33, 34, 53, 54, 236, 237, 240, 248, 249, 0xFFFF]
                .choose(random)
                .expect("a list")
        }
        6 => chain
            .frame
            .truncate(random.gen_range(0..(start + 61).min(chain.frame.len() + 1))),
        7 => {
            if let Some(byte) = chain.frame.get_mut(start + 12) {
                *byte = random.gen();
            }
        }
        8 | 9 if chain.frame.len() > 30 => {
            let at = random.gen_range(12..24);
            chain.frame[at] = *[0, 6, 17, 0x08, 0x81, 0x45, 0x60, 0x86, 0xDD, 0x88, 0xA8, 44]
                .choose(random)
                .expect("a list");
        }
        10..=12 if chain.frame.len() > start && start > 14 => {
            let at = random.gen_range(12..start);
            chain.frame[at] ^= 1 << random.gen_range(0..8);
        }
        13 if chain.frame.len() > 70 => {
            // IPv6 next headers and lengths
            let at = *[20, 24, 28, 54, 55, 58, 59, 62, 63].choose(random).expect("a list");
            chain.frame[at] = *[0, 1, 6, 17, 43, 44, 60, 255].choose(random).expect("a list");
        }
        14 => chain.hdr.gso_type |= gso::ECN,
        _ => chain.hdr.flags = 0,
    }
}
