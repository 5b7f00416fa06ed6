fn main() {
    let v = segwalk_hdl::emit::verilog(
        &mut segwalk_hdl::payload::reader::PayloadReader::default(),
        "payload_reader",
    )
    .unwrap();
    std::fs::write(std::env::args().nth(1).unwrap(), v).unwrap();
}
