//! The two directions of a frame.

/// The direction in which a frame passed the capturing interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// It left the host (egress).
    Out,
    /// It reached the host (ingress).
    In,
}

impl Direction {
    /// Returns `in` or `out`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Out => "out",
            Self::In => "in",
        }
    }
}
