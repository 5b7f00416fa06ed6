//! `segwalk board`: the PC's side of a board, real or simulated.

use crate::bitstream::board as board_named;
use crate::output::{print_json, print_text, table, thousands, Progress};
use crate::send::{Ip, ModeArg};
use anyhow::{bail, ensure, Context, Result};
use clap::Subcommand;
use segwalk_hdl::board::data::Board;
use segwalk_model::board_registers;
use segwalk_model::bridge::{BAUD, BOARD_REGISTERS, REGISTER_BYTES};
use segwalk_model::registers::{self, Register};
use segwalk_model::segment::IpVersion;
use segwalk_sim::board::bench::{fast_options, model, BoardBench, WireFrame};
use segwalk_sim::board::client::BoardClient;
use segwalk_sim::board::device::BoardDevice;
use segwalk_sim::board::port::{PortSerial, PtyBoard};
use segwalk_sim::board::sender::{expected_frames, send, super_frame_bytes, BoardSendOptions, BoardSendReport};
use segwalk_sim::pcap::PcapWriter;
use serde::Serialize;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Drive a board over its UART, or a simulated one over a pseudo-terminal
#[derive(clap::Args)]
#[command(after_help = "Examples:
  segwalk board --sim colorlight-i5 send README.md --pcap board.pcapng
  segwalk board --sim versa serve
  segwalk board --port /dev/ttyACM0 send README.md --dst 192.168.1.20 --dst-mac 02:11:22:33:44:55
  segwalk board --port /dev/ttyUSB1 counters
  segwalk board --port /dev/ttyUSB1 mdio 0 1
  segwalk board --port /dev/ttyUSB1 peek 0x1000 64

Exit status: 0 when all went well, 1 when something differs, 2 on other errors.")]
pub struct Args {
    /// Serial port of the board
    #[arg(long, value_name = "DEVICE", conflicts_with = "sim", required_unless_present = "sim")]
    port: Option<String>,
    /// Simulate this board in Verilator, down to its pins
    #[arg(long, value_name = "NAME", value_parser = board_named)]
    sim: Option<&'static Board>,
    /// Bits a second of the UART, as the bitstream was built
    #[arg(long, default_value_t = BAUD)]
    baud: u32,
    /// Print nothing but JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Send a file: page tables, rings, header templates and payload go over the bridge, frames leave the board
    Send(SendArgs),
    /// Read memory
    Peek {
        /// Byte address
        #[arg(value_parser = number)]
        address: u32,
        /// Bytes
        #[arg(default_value = "16", value_parser = number)]
        bytes: u32,
    },
    /// Write memory
    Poke {
        /// Byte address
        #[arg(value_parser = number)]
        address: u32,
        /// Bytes as hexadecimal digits, as in 0011ff
        data: String,
    },
    /// Read or write a register by name or by address (0x1000 and above are the board's own)
    Register {
        /// Name, as in STATUS or BOARD_CONTROL, or byte address
        register: String,
        /// Value to write
        #[arg(value_parser = number)]
        value: Option<u32>,
    },
    /// With --sim: leave the board running and say where its UART is, for other commands with --port
    Serve,
    /// Show every counter of engine and board that is not 0
    Counters,
    /// Read or write a register of the PHY
    Mdio {
        /// Address of the PHY, 0 to 31
        #[arg(value_parser = clap::value_parser!(u32).range(0..32))]
        phy: u32,
        /// Register, 0 to 31
        #[arg(value_parser = clap::value_parser!(u32).range(0..32))]
        register: u32,
        /// Value to write
        #[arg(value_parser = number)]
        value: Option<u32>,
    },
}

#[derive(clap::Args)]
struct SendArgs {
    /// File to send
    file: PathBuf,
    /// Payload bytes of a segment
    #[arg(long, value_name = "N", default_value_t = 1448)]
    mss: u16,
    /// Network layer
    #[arg(long, value_enum, default_value = "4")]
    ip: Ip,
    /// Page tables of the payload
    #[arg(long, value_enum, default_value = "sv39")]
    mode: ModeArg,
    /// Destination IP address
    #[arg(long, value_name = "IP")]
    dst: Option<IpAddr>,
    /// Source IP address
    #[arg(long, value_name = "IP")]
    src: Option<IpAddr>,
    /// Destination MAC address
    #[arg(long, value_name = "MAC", value_parser = mac)]
    dst_mac: Option<[u8; 6]>,
    /// Source MAC address
    #[arg(long, value_name = "MAC", value_parser = mac)]
    src_mac: Option<[u8; 6]>,
    /// Write the frames of a simulated board's wire to this pcapng file
    #[arg(long, value_name = "F")]
    pcap: Option<PathBuf>,
}

fn number(text: &str) -> Result<u32, String> {
    let parsed = match text.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16),
        None => text.parse(),
    };
    parsed.map_err(|_| format!("`{text}` is not a number of 32 bits; write it as 4096 or 0x1000"))
}

fn mac(text: &str) -> Result<[u8; 6], String> {
    let wrong = || format!("`{text}` is not a MAC address; write it as 02:11:22:33:44:55");
    let bytes: Result<Vec<u8>, _> = text.split(':').map(|byte| u8::from_str_radix(byte, 16)).collect();
    bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or_else(wrong)
}

/// How long a simulated board may take for an answer.
const SIMULATION_TIME: Duration = Duration::from_secs(30);

/// Runs the command.
pub fn run(args: &Args) -> Result<bool> {
    let simulated = match args.sim {
        Some(board) => Some((board, simulate(board)?)),
        None => None,
    };
    let device = match (&simulated, &args.port) {
        (Some((_, pty)), _) => pty.device.clone(),
        (None, Some(port)) => port.clone(),
        (None, None) => bail!("give --port DEVICE or --sim NAME"),
    };
    let mut client = BoardClient::new(PortSerial::open(&device, args.baud)?);
    // a pseudo-terminal has a simulated board at its other end
    if device.starts_with("/dev/pts/") {
        client.answer_time = SIMULATION_TIME;
    }
    match &args.action {
        Action::Send(options) => return send_file(args, options, client, simulated),
        Action::Peek { address, bytes } => {
            let mut data = vec![0; *bytes as usize];
            client.read_memory(*address, &mut data)?;
            if args.json {
                print_json(&hex::encode(&data))?;
            } else {
                print_text(&dump(*address, &data))?;
            }
        }
        Action::Poke { address, data } => {
            let data =
                hex::decode(data).context("the data must be an even number of hexadecimal digits, as in 0011ff")?;
            client.write_memory(*address, &data)?;
            if args.json {
                print_json(&data.len())?;
            } else {
                print_text(&format!("{} bytes written at {address:#x}", data.len()))?;
            }
        }
        Action::Register { register, value } => {
            let address = register_address(register)?;
            if let Some(value) = value {
                client.write_register(address, *value)?;
            }
            let value = client.read_register(address)?;
            if args.json {
                print_json(&value)?;
            } else {
                print_text(&format!("{value:#010x}"))?;
            }
        }
        Action::Serve => {
            let Some((board, pty)) = &simulated else {
                bail!("only a simulated board can be served; give --sim NAME")
            };
            client.greet()?;
            // whoever opens it next wants it for itself
            drop(client);
            print_text(&format!(
                "{} is simulated; its UART is {device}. Ctrl+C ends it. In another terminal:\n  \
                 segwalk board --port {device} counters",
                board.title
            ))?;
            while !pty.has_failed() {
                std::thread::sleep(Duration::from_millis(200));
            }
            bail!("the simulation ended by itself");
        }
        Action::Counters => counters(args, &mut client)?,
        Action::Mdio { phy, register, value } => {
            let value = match value {
                Some(value) => {
                    let value = u16::try_from(*value).context("a register of a PHY has 16 bits")?;
                    client.mdio(*phy, *register, Some(value))?;
                    value
                }
                None => client.mdio(*phy, *register, None)?,
            };
            if args.json {
                print_json(&value)?;
            } else {
                print_text(&format!("PHY {phy} register {register}: {value:#06x}"))?;
            }
        }
    }
    Ok(true)
}

fn simulate(board: &'static Board) -> Result<PtyBoard> {
    let options = fast_options(board);
    PtyBoard::start(BoardBench::new(&model(board, &options)?, board, &options)?)
}

fn register_address(name: &str) -> Result<u32> {
    let find = |all: &[Register]| {
        all.iter()
            .find(|register| register.name.eq_ignore_ascii_case(name))
            .copied()
    };
    if let Some(register) = find(registers::ALL) {
        return Ok(register.offset.into());
    }
    if let Some(register) = find(board_registers::ALL) {
        return Ok(BOARD_REGISTERS + u32::from(register.offset));
    }
    match number(name) {
        Ok(address) if address < REGISTER_BYTES => Ok(address),
        _ => bail!("there is no register `{name}`; docs/registers.md has the names, and addresses are below {REGISTER_BYTES:#x}"),
    }
}

fn dump(address: u32, data: &[u8]) -> String {
    let lines = data.chunks(16).enumerate().map(|(ix, part)| {
        let digits: Vec<String> = part.iter().map(|byte| format!("{byte:02x}")).collect();
        let text: String = part
            .iter()
            .map(|byte| {
                if (0x20..0x7F).contains(byte) {
                    char::from(*byte)
                } else {
                    '.'
                }
            })
            .collect();
        format!("{:08x}  {:<47}  {text}", address as usize + 16 * ix, digits.join(" "))
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn counters(args: &Args, client: &mut BoardClient<PortSerial>) -> Result<()> {
    #[derive(Serialize)]
    struct Counter {
        name: String,
        value: u32,
    }
    let mut all = Vec::new();
    for register in registers::ALL
        .iter()
        .filter(|register| register.name.starts_with("COUNT_"))
    {
        let value = client.read_register(register.offset.into())?;
        all.push((register.name.to_string(), value));
    }
    for refusal in segwalk_model::refusal::Refusal::ALL {
        let offset = u32::from(registers::REFUSALS_BASE) + 4 * u32::from(refusal.code());
        all.push((format!("refused: {}", refusal.name()), client.read_register(offset)?));
    }
    for register in [
        board_registers::BOARD_FRAMES,
        board_registers::BOARD_BRIDGE,
        board_registers::BOARD_STATUS,
    ] {
        let value = client.read_board(register)?;
        for field in register.fields {
            all.push((format!("{}.{}", register.name, field.name), field.get(value)));
        }
    }
    let all = all.into_iter().filter(|(_, value)| args.json || *value != 0);
    let all: Vec<Counter> = all.map(|(name, value)| Counter { name, value }).collect();
    if args.json {
        return print_json(&all);
    }
    let mut rows = table(&["counter", "value"], &[1]);
    for counter in &all {
        rows.add_row([counter.name.clone(), thousands(counter.value.into())]);
    }
    print_text(&rows.to_string())
}

#[derive(Serialize)]
struct WireReport {
    frames: usize,
    bytes: u64,
    /// Frames that differ from the model's, are missing or are too many.
    mismatches: usize,
    smallest_gap_bytes: Option<u64>,
}

fn send_file(
    args: &Args,
    options: &SendArgs,
    client: BoardClient<PortSerial>,
    simulated: Option<(&'static Board, PtyBoard)>,
) -> Result<bool> {
    let file = std::fs::read(&options.file)
        .with_context(|| format!("cannot read {}; give a file that exists", options.file.display()))?;
    ensure!(
        options.pcap.is_none() || simulated.is_some(),
        "only a simulated board shows its wire; leave out --pcap, and capture at the far end of the cable"
    );
    let settings = BoardSendOptions {
        mss: options.mss,
        ip: match options.ip {
            Ip::V4 => IpVersion::V4,
            Ip::V6 => IpVersion::V6,
        },
        mode: options.mode.into(),
        destination: options.dst,
        source: options.src,
        destination_mac: options.dst_mac,
        source_mac: options.src_mac,
        ..BoardSendOptions::default()
    };
    let mut device = BoardDevice::new(client)?;
    let most = super_frame_bytes(device.memory_bytes(), &settings)?;
    let mut progress = Progress::new();
    let report = send(&mut device, &file, &settings, |done, all| progress.show(done, all));
    progress.finish();
    let report = report?;
    drop(device);
    let wire = match simulated {
        Some((_, pty)) => {
            let frames = pty.finish()?;
            if let Some(path) = &options.pcap {
                write_pcap(path, &frames)?;
            }
            Some(judge(&frames, &expected_frames(&file, most, &settings)?))
        }
        None => None,
    };
    if args.json {
        print_json(&serde_json::json!({ "send": report, "wire": wire }))?;
    } else {
        print_text(&render(&report, wire.as_ref()))?;
    }
    if report.dropped > 0 {
        eprintln!(
            "segwalk: the board's transmitter dropped frames that are longer than its queue; take a smaller --mss"
        );
    }
    Ok(report.good && wire.is_none_or(|wire| wire.mismatches == 0))
}

/// What the wire shows against what the model says: padding and FCS are behind the frame.
fn judge(frames: &[WireFrame], expected: &[Vec<u8>]) -> WireReport {
    let right = frames
        .iter()
        .zip(expected)
        .filter(|(frame, expected)| {
            frame.bytes.starts_with(expected) && frame.bytes.len() == expected.len().max(60) + 4
        })
        .count();
    WireReport {
        frames: frames.len(),
        bytes: frames.iter().map(|frame| frame.bytes.len() as u64).sum(),
        mismatches: frames.len().max(expected.len()) - right,
        smallest_gap_bytes: frames
            .iter()
            .map(|frame| frame.gap)
            .filter(|gap| *gap != u64::MAX)
            .min(),
    }
}

fn write_pcap(path: &std::path::Path, frames: &[WireFrame]) -> Result<()> {
    let mut pcap = PcapWriter::create(path)?;
    for frame in frames {
        // captures hold frames without their FCS
        pcap.write_at(
            std::time::Duration::from_nanos(frame.end * 8),
            &frame.bytes[..frame.bytes.len() - 4],
        )?;
    }
    pcap.finish()
}

fn render(report: &BoardSendReport, wire: Option<&WireReport>) -> String {
    let mut rows = table(&["", "value"], &[1]);
    let mut row = |name: &str, value: u64| {
        rows.add_row([name.to_string(), thousands(value)]);
    };
    row("payload bytes", report.payload_bytes);
    row("super-frames", report.super_frames);
    row("segments", report.segments);
    row("wire bytes", report.wire_bytes);
    row("TLB hits", report.tlb_hits.into());
    row("walks", report.walks.into());
    row("faults", report.faults.into());
    row("refused", report.refused.into());
    row("dropped by the transmitter", report.dropped.into());
    row("repeated requests", report.repeated_requests);
    if let Some(wire) = wire {
        row("frames on the wire", wire.frames as u64);
        row("frames that differ", wire.mismatches as u64);
        if let Some(gap) = wire.smallest_gap_bytes {
            row("smallest gap, byte times", gap);
        }
    }
    rows.to_string()
}
