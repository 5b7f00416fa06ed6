//! Prints `docs/segmentation_cases.md`.

fn main() {
    print!("{}", segwalk_model::cases::page::page());
}
