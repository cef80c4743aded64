//! The Internet checksum: RFC 1071, and its update when one word changes, RFC 1624.
//!
//! The ones' complement sum does not care for the order of octets (RFC 1071 §2 (B)): words are summed as the machine
//! reads them, four octets at a time in eight lanes, which compilers turn into vector instructions.

/// A sum of 16-bit words that is not folded yet. Everything added begins at an even place of the message.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sum(u64);

impl Sum {
    /// The sum of some octets; an odd last one is padded with zero.
    pub fn of(octets: &[u8]) -> Self {
        Self::default().and(octets)
    }

    /// With further octets.
    #[must_use]
    pub fn and(self, octets: &[u8]) -> Self {
        // A lane takes 2^32 words of 32 bits before it overflows; a packet has fewer than 2^14.
        let mut lanes = [0u64; 8];
        let mut blocks = octets.chunks_exact(32);
        for block in &mut blocks {
            for (lane, word) in lanes.iter_mut().zip(block.chunks_exact(4)) {
                *lane += u64::from(u32::from_ne_bytes([word[0], word[1], word[2], word[3]]));
            }
        }
        let mut words = blocks.remainder().chunks_exact(2);
        let mut sum: u64 = lanes.iter().sum();
        for word in &mut words {
            sum += u64::from(u16::from_ne_bytes([word[0], word[1]]));
        }
        if let [last] = words.remainder() {
            sum += u64::from(u16::from_ne_bytes([*last, 0]));
        }
        Self(self.0 + sum)
    }

    /// With one word.
    #[must_use]
    pub fn word(self, value: u16) -> Self {
        Self(self.0 + u64::from(value.to_be()))
    }

    /// The folded sum as a number. Never 0 unless all words were 0.
    pub fn folded(self) -> u16 {
        let mut sum = self.0;
        while sum >> 16 != 0 {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        u16::from_be(sum as u16)
    }

    /// The value for the checksum field. 0 if the field was summed too, and is right.
    pub fn checksum(self) -> u16 {
        !self.folded()
    }
}

/// The checksum after one aligned word changed from `old` to `new`, RFC 1624 §3 equation 3.
pub fn update(checksum: u16, old: u16, new: u16) -> u16 {
    let total = u32::from(!checksum) + u32::from(!old) + u32::from(new);
    let total = (total & 0xFFFF) + (total >> 16);
    !(((total & 0xFFFF) + (total >> 16)) as u16)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// As RFC 1071 §4.1 has it, one word at a time.
    fn by_the_book(octets: &[u8]) -> u16 {
        let mut sum = 0u32;
        for word in octets.chunks(2) {
            sum += u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }
        !(sum as u16)
    }

    #[test]
    fn the_example_of_rfc_1071_gives_its_sum() {
        assert_eq!(Sum::of(&[0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7]).folded(), 0xddf2);
    }

    #[test]
    fn words_count_as_their_octets_do() {
        let octets = Sum::of(&[0x12, 0x34, 0xca, 0xfe]);
        assert_eq!(Sum::default().word(0x1234).word(0xcafe).folded(), octets.folded());
    }

    #[test]
    fn the_example_of_rfc_1624_is_updated_to_zero_and_not_to_its_complement() {
        assert_eq!(update(0xDD2F, 0x5555, 0x3285), 0x0000);
    }

    proptest! {
        #[test]
        fn every_length_is_summed_like_the_book_does(octets in prop::collection::vec(any::<u8>(), 0..200)) {
            prop_assert_eq!(Sum::of(&octets).checksum(), by_the_book(&octets));
        }

        #[test]
        fn a_message_may_be_summed_in_even_parts(octets in prop::collection::vec(any::<u8>(), 0..200), at in 0usize..100) {
            let at = (2 * at).min(octets.len() & !1);
            prop_assert_eq!(Sum::of(&octets[..at]).and(&octets[at..]).folded(), Sum::of(&octets).folded());
        }
    }
}
