//! A device that is wrong by one bit, to see that the link notices, and that the dump can be replayed.

use crate::traffic::skip;
use anyhow::Result;
use segwalk_model::memory::SparseMemory;
use segwalk_sim::device::{Device, EmittedFrame};
use segwalk_sim::link::{link, End, Ended, LinkOptions};
use segwalk_sim::model_device::ModelDevice;
use segwalk_sim::record::read_records;
use segwalk_sim::replay::{replay_over, Oracle, ReplayOptions};
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// Frames of at least this many bytes are wrong: those of the transfer.
const LARGE: usize = 1000;

/// The model, with an error in every large frame.
struct Wrong(ModelDevice);

impl Device for Wrong {
    fn read_offset(&mut self, offset: u16) -> Result<u32> {
        self.0.read_offset(offset)
    }
    fn write_offset(&mut self, offset: u16, value: u32) -> Result<()> {
        self.0.write_offset(offset, value)
    }
    fn memory(&self) -> &SparseMemory {
        self.0.memory()
    }
    fn memory_mut(&mut self) -> &mut SparseMemory {
        self.0.memory_mut()
    }
    fn run(&mut self, clocks: u64) -> Result<()> {
        self.0.run(clocks)
    }
    fn run_until(&mut self, done: &mut dyn FnMut(&SparseMemory) -> Result<bool>) -> Result<()> {
        self.0.run_until(done)
    }
    fn clock(&self) -> u64 {
        self.0.clock()
    }
    fn take_frames(&mut self) -> Vec<EmittedFrame> {
        let mut frames = self.0.take_frames();
        for frame in &mut frames {
            if frame.bytes.len() >= LARGE {
                frame.bytes[60] ^= 1;
            }
        }
        frames
    }
}

#[test]
fn a_wrong_bit_ends_the_link_and_the_dump_replays() {
    let test = "a_wrong_bit_ends_the_link_and_the_dump_replays";
    let options = LinkOptions {
        duration: Some(Duration::from_secs(60)),
        dump: std::env::temp_dir().join(format!("segwalk-link-{}-wrong.rec", std::process::id())),
        ..LinkOptions::default()
    };
    let mut network = match options.network() {
        Ok(network) => network,
        Err(reason) => return skip(test, &reason).unwrap_or(()),
    };
    let address = SocketAddr::new(End::B.address(false), 8000);
    let (a, b) = (network.namespace(End::A).clone(), network.namespace(End::B).clone());
    let listener = b.run(|| TcpListener::bind(address)).expect("B listens");
    // nobody reads: the connection ends with the link
    std::thread::spawn(move || {
        let stream = a.run(|| TcpStream::connect_timeout(&address, Duration::from_secs(30)));
        stream.map(|mut stream| stream.write_all(&[7; 20_000]))
    });
    let result = link(Wrong(ModelDevice::new()), &mut network, &options, &[], None);
    drop((network, listener));
    let (ended, report) = result.expect("the link works");
    assert_eq!(ended, Ended::Difference);
    assert!(!report.is_good());
    let text = report.difference.expect("it differs");
    assert!(text.contains("differs from the model's at byte 60"), "{text}");
    let dump = report.dump.expect("it is written");
    let records = read_records(&dump, 1448).expect("replay reads it");
    std::fs::remove_file(&dump).expect("it is there");
    let last = records.last().expect("the super-frame is there");
    assert!(last.frame.len() >= LARGE, "{}", last.frame.len());
    let options = ReplayOptions::default();
    let good = replay_over(ModelDevice::new(), &records, &mut Oracle::Model, &options, |_, _| {}).expect("it replays");
    let bad = Wrong(ModelDevice::new());
    let bad = replay_over(bad, &records, &mut Oracle::Model, &options, |_, _| {}).expect("it replays");
    assert!(good.is_good() && !bad.is_good());
}
