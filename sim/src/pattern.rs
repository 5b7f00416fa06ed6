//! When a side of a handshake goes on and when it stalls.

/// Small generator of random numbers (xorshift64*): a call a clock must cost next to nothing.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The same seed gives the same numbers.
    pub fn new(seed: u64) -> Self {
        // splitmix64, so that seeds that differ in one bit give unlike sequences; never 0
        let mut z = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        Self((z ^ (z >> 31)) | 1)
    }

    /// 64 random bits.
    #[inline]
    pub fn next_u64(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`; 0 when `limit` is 0.
    #[inline]
    pub fn below(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(limit)) >> 64) as u64
    }
}

/// On which clocks one side of a channel goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pattern {
    /// Every clock.
    #[default]
    Always,
    /// Every n-th clock.
    EveryNth(u32),
    /// Each clock by chance.
    Random {
        /// Chance of a stall, in 256ths.
        stall_of_256: u8,
    },
    /// Clocks on, then clocks off, again and again: fills queues to the brim and empties them.
    Phases {
        /// Clocks that go.
        on: u32,
        /// Clocks that stall.
        off: u32,
    },
}

impl Pattern {
    /// Whether this clock goes.
    #[inline]
    pub fn goes(self, clock: u64, rng: &mut Rng) -> bool {
        match self {
            Pattern::Always => true,
            Pattern::EveryNth(n) => clock % u64::from(n.max(1)) == 0,
            Pattern::Random { stall_of_256 } => (rng.next_u64() >> 56) as u8 >= stall_of_256,
            Pattern::Phases { on, off } => clock % u64::from((on + off).max(1)) < u64::from(on.max(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_go_as_often_as_they_say() {
        let count = |pattern: Pattern| {
            let mut rng = Rng::new(3);
            (0..10_000).filter(|clock| pattern.goes(*clock, &mut rng)).count()
        };
        assert_eq!(count(Pattern::Always), 10_000);
        assert_eq!(count(Pattern::EveryNth(4)), 2_500);
        assert_eq!(count(Pattern::Phases { on: 30, off: 10 }), 7_500);
        assert!((7_300..7_700).contains(&count(Pattern::Random { stall_of_256: 64 })));
    }

    #[test]
    fn numbers_stay_below_the_limit() {
        let mut rng = Rng::new(0);
        assert!((0..1000).all(|_| rng.below(7) < 7));
        assert_eq!(rng.below(0), 0);
    }
}
