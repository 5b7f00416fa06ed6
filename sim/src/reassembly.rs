//! Puts the TCP payload of emitted frames together by sequence number, as a receiver would.

use anyhow::{bail, ensure, Context, Result};
use etherparse::{NetSlice, SlicedPacket, TransportSlice};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The stream of one TCP connection.
#[derive(Clone, Debug)]
pub struct Reassembly {
    first_seq: u32,
    pieces: BTreeMap<u64, Vec<u8>>,
}

impl Reassembly {
    /// A stream whose first byte has the sequence number `first_seq`.
    pub fn new(first_seq: u32) -> Self {
        Reassembly {
            first_seq,
            pieces: BTreeMap::new(),
        }
    }

    /// Takes one Ethernet frame; bytes behind the IP packet's end (padding) are left out.
    pub fn push(&mut self, frame: &[u8]) -> Result<()> {
        let packet = SlicedPacket::from_ethernet(frame).context("an emitted frame is not well formed")?;
        let fragment = match &packet.net {
            Some(NetSlice::Ipv4(ip)) => ip.header().is_fragmenting_payload(),
            Some(NetSlice::Ipv6(ip)) => ip.is_payload_fragmented(),
            None => bail!("an emitted frame holds no IP packet"),
        };
        ensure!(!fragment, "an emitted frame is an IP fragment");
        let Some(TransportSlice::Tcp(tcp)) = packet.transport else {
            bail!("an emitted frame holds no TCP segment")
        };
        if tcp.payload().is_empty() {
            return Ok(());
        }
        let offset = self.offset(tcp.sequence_number());
        if let Some(before) = self.pieces.insert(offset, tcp.payload().to_vec()) {
            bail!(
                "two segments start at byte {offset} of the stream, {} bytes and {} bytes",
                before.len(),
                tcp.payload().len()
            );
        }
        Ok(())
    }

    /// Byte of the stream that a sequence number stands for: the one nearest to the end of what is there, since
    /// sequence numbers wrap every 4 GiB.
    fn offset(&self, seq: u32) -> u64 {
        let end = self
            .pieces
            .last_key_value()
            .map_or(0, |(at, piece)| at + piece.len() as u64);
        let ahead = seq.wrapping_sub(self.first_seq).wrapping_sub(end as u32) as i32;
        end.wrapping_add_signed(i64::from(ahead))
    }

    /// Calls `piece` with the stream's bytes in order; a gap or an overlap is an error.
    fn for_each(&self, mut piece: impl FnMut(&[u8])) -> Result<()> {
        let mut end = 0;
        for (at, bytes) in &self.pieces {
            ensure!(
                *at == end,
                "the stream has a gap or an overlap: byte {end} should come next and byte {at} does"
            );
            piece(bytes);
            end += bytes.len() as u64;
        }
        Ok(())
    }

    /// The whole stream.
    pub fn bytes(&self) -> Result<Vec<u8>> {
        let mut all = Vec::new();
        self.for_each(|piece| all.extend_from_slice(piece))?;
        Ok(all)
    }

    /// SHA-256 of the stream, in hexadecimal.
    pub fn sha256(&self) -> Result<String> {
        let mut hash = Sha256::new();
        self.for_each(|piece| hash.update(piece))?;
        Ok(hex::encode(hash.finalize()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use etherparse::PacketBuilder;

    fn frame(seq: u32, payload: &[u8]) -> Vec<u8> {
        let builder = PacketBuilder::ethernet2([1; 6], [2; 6])
            .ipv4([10, 0, 0, 1], [10, 0, 0, 2], 64)
            .tcp(1, 2, seq, 100);
        let mut bytes = Vec::new();
        builder.write(&mut bytes, payload).unwrap();
        bytes
    }

    #[test]
    fn joins_segments_over_the_wrap_and_ignores_padding() {
        let mut stream = Reassembly::new(0xFFFF_FFFE);
        let mut first = frame(0xFFFF_FFFE, b"abc");
        first.resize(60, 0xEE);
        stream.push(&first).unwrap();
        stream.push(&frame(4, b"fg")).unwrap();
        stream.push(&frame(1, b"cde")).unwrap();
        assert_eq!(stream.bytes().unwrap(), b"abccdefg");
    }

    #[test]
    fn a_gap_is_an_error() {
        let mut stream = Reassembly::new(0);
        stream.push(&frame(0, b"abc")).unwrap();
        stream.push(&frame(4, b"e")).unwrap();
        assert!(stream
            .sha256()
            .unwrap_err()
            .to_string()
            .contains("byte 3 should come next and byte 4 does"));
    }
}
