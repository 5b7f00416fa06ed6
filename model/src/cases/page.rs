//! The generated page `docs/segmentation_cases.md`.
/// The page.
pub fn page() -> String {
    String::new()
}
