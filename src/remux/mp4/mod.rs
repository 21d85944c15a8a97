//! ISO base media files (ISO/IEC 14496-12), fragmented or not, read as their bytes arrive.
//!
//! The reader is one of its own because of what it must withstand: tables stay the bytes that they
//! came as, and are walked entry by entry, so that memory and time follow the bytes that are really
//! there and not the counts that they claim.

mod boxes;
mod coding;
mod entry;
mod fragment;
mod movie;
mod reader;
mod table;

pub(super) use coding::Coding;
pub(super) use entry::name;
pub(super) use reader::Reader;
