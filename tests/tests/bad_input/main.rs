//! Bad input is refused, counted and survived: the head is completed, the next frame goes out right, and nothing of the
//! refused frame leaves wrongly. Tests carry the numbers of the segmentation rules.

mod chains;
mod frames;
mod pages;
mod rings;

use segwalk_model::page_table::Mode;
use segwalk_sim::core_bench::{BenchConfig, CoreBench};
use segwalk_tests::device;
use segwalk_tests::rig::Rig;

fn rig(mode: Mode) -> Rig<CoreBench> {
    Rig::new(device(BenchConfig::default()).unwrap(), mode).unwrap()
}
