//! Writes the table of causes in `docs/mmu.md` anew.

fn main() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/mmu.md");
    let page = std::fs::read_to_string(path).expect("docs/mmu.md is there");
    let new = segwalk_model::docs::with_cause_places(&page).expect("docs/mmu.md has the marks of the table");
    std::fs::write(path, new).expect("docs/mmu.md can be written");
}
