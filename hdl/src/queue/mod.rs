//! The virtqueue side of the engine: takes chains from the avail rings and puts finished heads into the used rings.

pub mod avail_places;
pub mod completion;
pub mod descriptor;
pub mod fetcher;
pub mod fragments;
pub mod heads;
pub mod marks;
pub mod notifier;
pub mod records;
pub mod ring_reader;
pub mod scheduler;
pub mod span;
pub mod walker;

#[cfg(test)]
mod tests {
    use super::{completion::Completion, fetcher::QueueFetcher};
    use crate::{emit, lint};
    use rust_hdl::prelude::Block;

    fn lints_and_emits(mut block: impl Block, name: &str) {
        let verilog = emit::verilog(&mut block, name).unwrap();
        assert!(verilog.starts_with(&format!("module {name}(")));
        let findings = lint::check(&block, name);
        assert!(findings.is_empty(), "{findings:#?}");
    }

    #[test]
    fn one_to_sixteen_queues_emit_without_findings() {
        for queues in [1, 4, 16] {
            lints_and_emits(QueueFetcher::new(queues), "queue_fetcher");
            lints_and_emits(Completion::new(queues), "completion");
        }
    }

    #[test]
    #[should_panic(expected = "serves 1 to 16")]
    fn seventeen_queues_are_too_many() {
        QueueFetcher::new(17);
    }
}
