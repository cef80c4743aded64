//! Maps whose keys the control plane puts in: nobody else can make them collide, so hashing may be quick.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

/// A map of what the control plane has told us. What anybody may forge belongs into an ordinary `HashMap`.
pub type Told<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// Multiplies and mixes, a word at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        // 2^64 divided by the golden ratio; its upper half of the product is well mixed, so it is folded in.
        let product = u128::from(self.0 ^ word) * 0x9E37_79B9_7F4A_7C15;
        self.0 = product as u64 ^ (product >> 64) as u64;
    }
}

impl Hasher for Quick {
    fn write(&mut self, octets: &[u8]) {
        for chunk in octets.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u32(&mut self, value: u32) {
        self.add(value.into());
    }

    fn write_u64(&mut self, value: u64) {
        self.add(value);
    }

    fn write_usize(&mut self, value: usize) {
        self.add(value as u64);
    }

    fn write_isize(&mut self, value: isize) {
        self.add(value as u64);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
