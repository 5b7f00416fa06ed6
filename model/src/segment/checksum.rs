//! The Internet checksum (RFC 1071).

/// A one's complement sum under way. Bytes are summed as big-endian words; an odd last byte is the high half of a word
/// padded with zeros (rule 17).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum(u64);

impl Sum {
    /// An empty sum.
    pub fn new() -> Self {
        Self(0)
    }

    /// The sum with one word more.
    #[must_use]
    pub fn word(self, word: u16) -> Self {
        Self(self.0 + u64::from(word))
    }

    /// The sum with a number of more than 16 bits, which counts as its 16-bit words.
    #[must_use]
    pub fn number(self, number: usize) -> Self {
        Self(self.0 + number as u64)
    }

    /// The sum with `bytes`, which start at an even offset.
    #[must_use]
    pub fn bytes(self, bytes: &[u8]) -> Self {
        let words = bytes
            .chunks(2)
            .map(|pair| u64::from(pair[0]) << 8 | u64::from(*pair.get(1).unwrap_or(&0)));
        Self(self.0 + words.sum::<u64>())
    }

    /// The sum folded to 16 bits with end-around carry; 0 only when everything summed was 0.
    pub fn fold(self) -> u16 {
        let mut sum = self.0;
        while sum > 0xFFFF {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        sum as u16
    }

    /// The checksum: the folded sum's complement.
    pub fn checksum(self) -> u16 {
        !self.fold()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn example_of_rfc_1071() {
        let sum = Sum::new().bytes(&[0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7]);
        assert_eq!(sum.fold(), 0xDDF2);
        assert_eq!(sum.checksum(), 0x220D);
    }

    #[test]
    fn rule_17_odd_last_byte_is_the_high_half() {
        assert_eq!(Sum::new().bytes(&[0x12, 0x34, 0x56]).fold(), 0x1234 + 0x5600);
    }

    #[test]
    fn numbers_wider_than_a_word_fold() {
        assert_eq!(Sum::new().number(0x1_0002).fold(), 3);
        assert_eq!(Sum::new().word(0xFFFF).word(0xFFFF).fold(), 0xFFFF);
    }
}
