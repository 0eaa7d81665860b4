//! Floor 0: regex or hex bytes to match spans.
