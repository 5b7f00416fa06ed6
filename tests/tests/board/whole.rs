//! The whole board in Verilator: a text goes in over the UART and comes out of the RGMII pins.

use segwalk_hdl::board::data::{Board, BOARDS};
use segwalk_model::board_registers;
use segwalk_model::page_table::Mode;
use segwalk_model::segment::IpVersion;
use segwalk_sim::board::bench::{fast_options, model, BoardBench};
use segwalk_sim::board::client::BoardClient;
use segwalk_sim::board::device::BoardDevice;
use segwalk_sim::board::sender::{expected_frames, send, super_frame_bytes, BoardSendOptions};
use segwalk_sim::verilated::Model;

pub const GAP_BYTES: u64 = 12;

/// All boards with `SEGWALK_ALL_BOARDS`, the smallest without: each is a model of its own, a minute to build.
pub fn boards() -> Vec<(&'static Board, Model)> {
    let all = std::env::var_os("SEGWALK_ALL_BOARDS").is_some();
    BOARDS
        .iter()
        .filter(|board| all || board.name == "colorlight-i5")
        .map(|board| (board, model(board, &fast_options(board)).unwrap()))
        .collect()
}

pub fn device(board: &Board, model: &Model) -> BoardDevice<BoardBench> {
    let bench = BoardBench::new(model, board, &fast_options(board)).unwrap();
    BoardDevice::new(BoardClient::new(bench)).unwrap()
}

fn text(bytes: usize) -> Vec<u8> {
    b"The engine walks the page tables itself. "
        .iter()
        .copied()
        .cycle()
        .take(bytes)
        .collect()
}

/// Frames of the wire without padding and FCS, held against the model's.
pub fn check(device: &BoardDevice<BoardBench>, expected: &[Vec<u8>]) {
    let frames = &device.client.serial.frames;
    assert_eq!(frames.len(), expected.len(), "frames on the wire");
    for (ix, (got, frame)) in frames.iter().zip(expected).enumerate() {
        let bytes = &got.bytes[..got.bytes.len() - 4];
        assert!(bytes.starts_with(frame), "frame {ix} differs from the model's");
        assert!(
            bytes[frame.len()..].iter().all(|byte| *byte == 0),
            "padding of frame {ix}"
        );
        assert!(
            got.gap >= GAP_BYTES,
            "frame {ix} came {} byte times behind the one before",
            got.gap
        );
    }
}

#[test]
fn a_text_over_the_uart_leaves_as_frames_on_rgmii() {
    for (board, model) in boards() {
        for (ip, mode) in [
            (IpVersion::V4, Mode::Sv32),
            (IpVersion::V6, Mode::X86_64),
            (IpVersion::V4, Mode::Sv39),
            (IpVersion::V6, Mode::Bare),
        ] {
            let mut device = device(board, &model);
            let options = BoardSendOptions {
                ip,
                mode,
                ..Default::default()
            };
            let file = text(20 << 10);
            let report = send(&mut device, &file, &options, |_, _| {}).unwrap();
            assert!(report.good, "{}: {report:?}", board.name);
            assert_eq!((report.payload_bytes, report.repeated_requests), (20 << 10, 0));
            let most = super_frame_bytes(board.memory_bytes as usize, &options).unwrap();
            check(&device, &expected_frames(&file, most, &options).unwrap());
            // on the wire, the full frames of a super-frame follow each other at the smallest gap
            let close = device
                .client
                .serial
                .frames
                .windows(2)
                .filter(|pair| pair[1].gap == GAP_BYTES)
                .count();
            assert!(close >= 10, "{}: {close} frames follow at once", board.name);
            let sent = device.client.read_board(board_registers::BOARD_FRAMES).unwrap();
            assert_eq!(u64::from(sent), device.client.serial.frames.len() as u64);
        }
    }
}

#[test]
fn registers_of_board_and_phy_answer() {
    let (board, model) = boards().remove(0);
    let mut device = device(board, &model);
    let client = &mut device.client;
    assert_eq!(
        client.read_board(board_registers::BOARD_MEMORY_BYTES).unwrap(),
        board.memory_bytes
    );
    assert_eq!(
        u64::from(client.read_board(board_registers::BOARD_CLOCK_HZ).unwrap()),
        board.pll.core_hz()
    );
    let ready = board_registers::BOARD_STATUS.field("phy_ready");
    assert_eq!(ready.get(client.read_board(board_registers::BOARD_STATUS).unwrap()), 1);
    assert_eq!(client.mdio(0, 2, None).unwrap(), 0x0022);
    client.mdio(0, 4, Some(0x5AA5)).unwrap();
    assert_eq!(client.serial.phy_registers()[4], 0x5AA5);
    assert_eq!(client.mdio(0, 4, None).unwrap(), 0x5AA5);
    let error = client.mdio(7, 2, None).unwrap_err().to_string();
    assert!(error.contains("no PHY answers at address 7"), "{error}");
    // a held PHY does not answer, and is not ready until it was left alone for a while
    client.write_board(board_registers::BOARD_CONTROL, 1).unwrap();
    assert_eq!(ready.get(client.read_board(board_registers::BOARD_STATUS).unwrap()), 0);
    client.write_board(board_registers::BOARD_CONTROL, 0).unwrap();
    let error = client
        .read_memory(board.memory_bytes, &mut [0; 4])
        .unwrap_err()
        .to_string();
    assert!(error.contains("outside the board's memory"), "{error}");
}
