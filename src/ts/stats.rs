//! What a cutter has counted.

/// Counters of one feed's source since its start. They only grow, over breaks too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Whole packets read.
    pub packets: u64,
    /// Packets whose counter did not follow (ISO/IEC 13818-1, 2.4.3.3): something was lost before
    /// them. An announced break counts none.
    pub continuity_errors: u64,
    /// Packets marked as damaged by `transport_error_indicator`.
    pub transport_errors: u64,
    /// How often packet boundaries were lost after they had been found.
    pub sync_losses: u64,
    /// Packets with a scrambled payload.
    pub scrambled: u64,
    /// Bytes left out because they belonged to no packet.
    pub skipped_bytes: u64,
    /// PAT or PMT sections with a wrong CRC.
    pub table_errors: u64,
    /// Packets whose adaptation field does not fit.
    pub malformed: u64,
    /// Breaks of the source's timeline, announced or found.
    pub breaks: u64,
}
