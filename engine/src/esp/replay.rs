//! Which packets came already, and what the upper half of a sequence number is: RFC 4303 §3.4.3 and appendix A.
//!
//! The window is a ring of bits, as RFC 6479 has it: moving it forward clears words and shifts none.

/// Packets of the narrowest window there is: trains of packets (UDP segmentation, several queues) arrive out of order.
pub const SMALLEST: u64 = 1024;
const BITS: u64 = u64::BITS as u64;

/// Sequence numbers that were seen.
#[derive(Clone, Debug)]
pub struct Window {
    /// Packets; 0: no protection.
    size: u64,
    /// The highest number so far.
    top: u64,
    /// Bit `n` of the ring: a number that is `n` modulo its length was seen. Its length is a power of two.
    ring: Vec<u64>,
}

impl Window {
    /// size: packets; 0: no protection.
    pub fn new(size: u64) -> Self {
        let size = if size == 0 { 0 } else { size.max(SMALLEST) };
        // One word more than the window: that of the highest number is filled while the oldest is still asked for.
        let words = if size == 0 { 0 } else { (size.div_ceil(BITS) + 1).next_power_of_two() };
        Self { size, top: 0, ring: vec![0; words as usize] }
    }

    /// The highest number so far.
    pub fn top(&self) -> u64 {
        self.top
    }

    /// The 64-bit sequence number whose lower half a packet shows (appendix A2.2).
    pub fn full_number(&self, low: u32) -> u64 {
        let (high, bottom) = (self.top >> 32, self.top as u32);
        let width = if self.size == 0 { SMALLEST } else { self.size };
        let before = bottom.wrapping_sub(width as u32);
        let guess = if u64::from(bottom) + 1 >= width {
            // Where the window begins just below zero, nothing is below it.
            if u64::from(bottom) + 1 == width || low > before { high } else { high + 1 }
        } else if low > before && high > 0 {
            high - 1 // the window reaches back into the half before
        } else {
            high
        };
        guess << 32 | u64::from(low)
    }

    /// May a packet with this number still come? Asked before it is opened, and again nothing is noted.
    pub fn is_fresh(&self, number: u64) -> bool {
        if number == 0 {
            return false;
        }
        if self.size == 0 || number > self.top {
            return true;
        }
        let (word, bit) = self.place(number);
        self.top - number < self.size && self.ring[word] & bit == 0
    }

    /// The packet with this number opened: it does not come again.
    pub fn note(&mut self, number: u64) {
        if number > self.top {
            self.advance(number);
        }
        if self.size != 0 {
            let (word, bit) = self.place(number);
            self.ring[word] |= bit;
        }
    }

    fn advance(&mut self, number: u64) {
        let words = self.ring.len() as u64;
        let (from, to) = (self.top / BITS, number / BITS);
        for word in from + 1..=to.min(from + words) {
            self.ring[(word & (words - 1)) as usize] = 0;
        }
        self.top = number;
    }

    fn place(&self, number: u64) -> (usize, u64) {
        let word = (number / BITS) & (self.ring.len() as u64 - 1);
        (word as usize, 1 << (number % BITS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// As the RFC says it, without regard to memory.
    struct Book {
        size: u64,
        top: u64,
        seen: BTreeSet<u64>,
    }

    impl Book {
        fn is_fresh(&self, number: u64) -> bool {
            let in_window = number > self.top || self.top - number < self.size;
            number > 0 && in_window && !self.seen.contains(&number)
        }
    }

    proptest! {
        #[test]
        fn exactly_what_is_in_the_window_and_has_not_come_is_fresh(
            size in 1u64..3000, steps in prop::collection::vec((0u64..5000, any::<bool>()), 1..400)
        ) {
            let mut window = Window::new(size);
            let mut book = Book { size: size.max(SMALLEST), top: 0, seen: BTreeSet::new() };
            for (step, forward) in steps {
                let number = if forward { book.top + step / 16 } else { book.top.saturating_sub(step) };
                prop_assert_eq!(window.is_fresh(number), book.is_fresh(number));
                if book.is_fresh(number) {
                    window.note(number);
                    book.seen.insert(number);
                    book.top = book.top.max(number);
                }
                prop_assert_eq!(window.top(), book.top);
            }
        }

        #[test]
        fn a_number_near_the_highest_is_found_again_from_its_lower_half(
            size in 1024u64..2048, top in 1u64..(1 << 34), step in -1000i64..1_000_000
        ) {
            let mut window = Window::new(size);
            window.note(top);
            let number = top.saturating_add_signed(step).max(1);
            prop_assert_eq!(window.full_number(number as u32), number);
        }
    }

    #[test]
    fn the_upper_half_counts_up_when_the_lower_one_begins_again() {
        let mut window = Window::new(1024);
        for number in [(1 << 32) - 2, (1 << 32) + 5, (1 << 32) - 900, (1 << 32) + 1023] {
            assert_eq!(window.full_number(number as u32), number);
            window.note(number);
        }
    }

    #[test]
    fn without_protection_everything_but_zero_is_fresh() {
        let mut window = Window::new(0);
        window.note(7);
        assert!(window.is_fresh(7) && window.is_fresh(1) && !window.is_fresh(0));
    }
}
