//! The payload reader: from fragments to one byte stream a chain.

pub mod burst_cutter;
pub mod chunker;
pub mod reader;
pub mod realigner;
pub mod records;
pub mod resolver;
