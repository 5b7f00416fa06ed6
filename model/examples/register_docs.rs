//! Prints `docs/registers.md`.

fn main() {
    print!("{}", segwalk_model::docs::registers_page());
}
