//! Writes emitted frames to a pcapng file with their simulated times.

use anyhow::{Context, Result};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketBlock;
use pcap_file::pcapng::blocks::interface_description::{InterfaceDescriptionBlock, InterfaceDescriptionOption};
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::DataLink;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::time::Duration;

/// Tenths of a nanosecond in a clock of 156.25 MHz.
const CLOCK_TENTHS_NS: u64 = 64;

/// A pcapng file with one Ethernet interface and nanosecond timestamps.
pub struct PcapWriter {
    writer: PcapNgWriter<BufWriter<File>>,
}

impl PcapWriter {
    /// Creates the file, or empties the one that is there.
    pub fn create(path: &Path) -> Result<Self> {
        Self::create_for(path, "m_axis")
    }

    /// The same for an interface of that name.
    pub fn create_for(path: &Path, interface: &str) -> Result<Self> {
        let file = File::create(path).with_context(|| {
            format!(
                "cannot write {}; give --pcap a file in a folder that exists",
                path.display()
            )
        })?;
        let mut writer = PcapNgWriter::new(BufWriter::new(file)).context("cannot write the pcapng header")?;
        let description = InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName(interface.into()),
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        };
        writer
            .write_pcapng_block(description)
            .context("cannot write the pcapng interface")?;
        Ok(PcapWriter { writer })
    }

    /// Appends one frame whose last beat left on `clock`.
    pub fn write(&mut self, clock: u64, frame: &[u8]) -> Result<()> {
        self.write_at(Duration::from_nanos(clock * CLOCK_TENTHS_NS / 10), frame)
    }

    /// Appends one frame with a time of one's own.
    pub fn write_at(&mut self, timestamp: Duration, frame: &[u8]) -> Result<()> {
        let packet = EnhancedPacketBlock {
            interface_id: 0,
            timestamp,
            original_len: frame.len() as u32,
            data: frame.into(),
            options: vec![],
        };
        self.writer
            .write_pcapng_block(packet)
            .context("cannot write a frame to the pcapng file")?;
        Ok(())
    }

    /// Writes what is still buffered.
    pub fn finish(self) -> Result<()> {
        let file = self
            .writer
            .into_inner()
            .into_inner()
            .context("cannot write the end of the pcapng file")?;
        file.sync_all().context("cannot write the pcapng file to disk")
    }
}
