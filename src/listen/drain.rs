//! How serving ended.

use std::ops::Add;

/// How serving ended.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Drained {
    /// Connections that were still at work when the time of grace was over, and were cut.
    pub cut: usize,
}

impl Add for Drained {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { cut: self.cut + other.cut }
    }
}
