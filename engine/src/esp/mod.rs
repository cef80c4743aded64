//! ESP: RFC 4303. [`Outbound`] seals and [`Inbound`] opens one direction of a security association each, in place.
//!
//! `dmvpn.dataplane.esp` does the same in Python; with AES-GCM to the octet, whose vector is the sequence number.

pub mod cipher;
pub mod replay;

use std::ops::Range;

pub use cipher::{BadKeys, Broken, Hash, Suite};
use cipher::{HEADER, Protection, Way};
use replay::Window;

/// Octets before the payload, at most: header and the longest vector.
pub const LONGEST_HEAD: usize = HEADER + cipher::LONGEST_IV;
/// RFC 4303 §2.4: padding is 1, 2, 3 ...
const PADDING: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];
/// Octets behind payload and padding: how much padding, and what the payload is.
const TRAILER: usize = 2;

/// Why a packet was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// It came before, or is older than the window.
    Replayed,
    /// It does not open: forged, damaged, or not ours.
    Broken,
}

/// What we send. Sealing changes nothing here: the caller says which number the packet has.
pub struct Outbound {
    spi: [u8; 4],
    esn: bool,
    protection: Protection,
}

impl Outbound {
    /// spi: the peer's.
    pub fn new(suite: Suite, spi: u32, key: &[u8], hash_key: &[u8], esn: bool) -> Result<Self, BadKeys> {
        let protection = Protection::new(suite, Way::Out, key, hash_key, esn)?;
        Ok(Self { spi: spi.to_be_bytes(), esn, protection })
    }

    /// Octets before the payload.
    pub fn head(&self) -> usize {
        HEADER + self.protection.suite().iv()
    }

    /// Octets of the largest payload whose packet has no more than `room`.
    pub fn largest(&self, room: usize) -> usize {
        let suite = self.protection.suite();
        let text = room.saturating_sub(HEADER + suite.iv() + suite.icv());
        (text - text % suite.align()).saturating_sub(TRAILER)
    }

    /// The highest sequence number: nothing may be sent behind it (RFC 4303 §3.3.3).
    pub fn last(&self) -> u64 {
        if self.esn { u64::MAX } else { u32::MAX.into() }
    }

    /// Seal the buffer from `begin` on: room for the head, and the payload. The packet ends where the
    /// buffer does. number: of this packet alone. A packet that the cipher refuses is taken out of the buffer.
    pub fn seal(
        &self,
        buffer: &mut Vec<u8>,
        begin: usize,
        number: u64,
        next_header: u8,
    ) -> Result<(), Broken> {
        let payload = buffer.len() - begin - self.head();
        let padding = self.protection.suite().padding(payload);
        buffer.extend_from_slice(&PADDING[..padding]);
        buffer.extend_from_slice(&[padding as u8, next_header]);
        buffer[begin..begin + 4].copy_from_slice(&self.spi);
        buffer[begin + 4..begin + HEADER].copy_from_slice(&(number as u32).to_be_bytes());
        let sealed = self.protection.seal(buffer, begin, number);
        if sealed.is_err() {
            buffer.truncate(begin);
        }
        sealed
    }
}

/// A packet that was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    /// The payload, in the packet.
    pub payload: Range<usize>,
    /// What it is.
    pub next_header: u8,
    /// None so far had a higher sequence number.
    pub newest: bool,
}

/// What we receive.
pub struct Inbound {
    esn: bool,
    window: Window,
    protection: Protection,
}

impl Inbound {
    /// window: packets, 0: no replay protection.
    pub fn new(suite: Suite, key: &[u8], hash_key: &[u8], esn: bool, window: u64) -> Result<Self, BadKeys> {
        let protection = Protection::new(suite, Way::In, key, hash_key, esn)?;
        Ok(Self { esn, window: Window::new(window), protection })
    }

    /// The highest sequence number so far.
    pub fn top(&self) -> u64 {
        self.window.top()
    }

    /// Open a packet, from SPI to check value, in its place. The window moves only if it opens.
    pub fn open(&mut self, packet: &mut [u8]) -> Result<Opened, Refused> {
        let suite = self.protection.suite();
        if packet.len() < HEADER + suite.iv() + TRAILER + suite.icv() {
            return Err(Refused::Broken);
        }
        let low = u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]);
        let number = if self.esn { self.window.full_number(low) } else { low.into() };
        if !self.window.is_fresh(number) {
            return Err(Refused::Replayed);
        }
        let text = self.protection.open(packet, number).map_err(|_| Refused::Broken)?;
        let [.., padding, next_header] = packet[text.clone()] else { return Err(Refused::Broken) };
        let end = text.end.checked_sub(TRAILER + usize::from(padding)).filter(|end| *end >= text.start);
        let payload = text.start..end.ok_or(Refused::Broken)?;
        let newest = number > self.window.top();
        self.window.note(number);
        Ok(Opened { payload, next_header, newest })
    }
}

#[cfg(test)]
#[allow(clippy::panic, reason = "this is how a test fails")]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SPI: u32 = 0x0102_0304;

    fn suites() -> impl Strategy<Value = Suite> {
        let hash = prop::option::of(prop::sample::select(vec![
            Hash::Sha1,
            Hash::Sha256,
            Hash::Sha384,
            Hash::Sha512,
        ]));
        (prop::sample::select(vec![128, 192, 256]), hash).prop_map(|(bits, hash)| Suite { bits, hash })
    }

    fn pair(suite: Suite, esn: bool) -> (Outbound, Inbound) {
        let salt = if suite.hash.is_none() { 4 } else { 0 };
        let key: Vec<u8> = (0..usize::from(suite.bits) / 8 + salt).map(|octet| octet as u8).collect();
        match (
            Outbound::new(suite, SPI, &key, b"of the hash", esn),
            Inbound::new(suite, &key, b"of the hash", esn, 1024),
        ) {
            (Ok(outbound), Ok(inbound)) => (outbound, inbound),
            _ => panic!("{suite:?}"),
        }
    }

    fn sealed(outbound: &Outbound, payload: &[u8]) -> Vec<u8> {
        let mut buffer = b"before".to_vec();
        buffer.resize(6 + outbound.head(), 0);
        buffer.extend_from_slice(payload);
        assert_eq!(outbound.seal(&mut buffer, 6, 1, 47), Ok(()));
        assert_eq!(buffer[..6], *b"before");
        buffer.split_off(6)
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_once_and_not_after_a_bit_is_changed(
            suite in suites(), esn: bool, payload in prop::collection::vec(any::<u8>(), 0..100), bit: prop::sample::Index
        ) {
            let (outbound, mut inbound) = pair(suite, esn);
            let packet = sealed(&outbound, &payload);
            prop_assert_eq!(packet[..8].to_vec(), [1, 2, 3, 4, 0, 0, 0, 1].to_vec());
            prop_assert!(outbound.largest(packet.len()) >= payload.len());
            let largest = vec![0; outbound.largest(200)];
            let next = sealed(&outbound, &[&largest[..], &[0]].concat()).len();
            prop_assert!(sealed(&outbound, &largest).len() <= 200 && next > 200);
            prop_assert_eq!(packet.len() - suite.icv() - suite.iv(), 8 + payload.len() + suite.padding(payload.len()) + 2);
            let mut changed = packet.clone();
            let at = 32 + bit.index(8 * packet.len() - 32); // the code that finds the SA looks at the SPI
            changed[at / 8] ^= 1 << (at % 8);
            prop_assert!(inbound.open(&mut changed).is_err());
            let mut copy = packet.clone();
            let opened = inbound.open(&mut copy);
            let behind = opened.as_ref().map_or(0, |opened| opened.payload.end);
            let padding = suite.padding(payload.len());
            prop_assert_eq!(&copy[behind..behind + padding], &PADDING[..padding]);
            prop_assert_eq!(opened.map(|opened| (copy[opened.payload].to_vec(), opened.next_header, opened.newest)),
                Ok((payload, 47, true)));
            prop_assert_eq!(inbound.open(&mut packet.clone()), Err(Refused::Replayed));
        }

        #[test]
        fn whatever_comes_is_refused_and_never_a_panic(suite in suites(), esn: bool, mut octets: Vec<u8>) {
            prop_assert!(pair(suite, esn).1.open(&mut octets).is_err());
        }
    }

    #[test]
    fn every_cbc_packet_has_a_vector_of_its_own_which_is_no_counter() {
        let (outbound, _) = pair(Suite { bits: 128, hash: Some(Hash::Sha256) }, false);
        let vector = |number| {
            let mut buffer = vec![0; outbound.head()];
            assert_eq!(outbound.seal(&mut buffer, 0, number, 59), Ok(()));
            u128::from_be_bytes(buffer[HEADER..HEADER + 16].try_into().unwrap_or_default())
        };
        let [first, second] = [1, 2].map(vector);
        assert!((first ^ second).count_ones() > 30, "{first:x} {second:x}");
    }

    #[test]
    fn a_key_that_does_not_fit_is_refused() {
        for (bits, hash, key) in
            [(128, None, 16), (256, None, 35), (192, Some(Hash::Sha256), 16), (64, None, 12)]
        {
            let suite = Suite { bits, hash };
            assert!(Outbound::new(suite, SPI, &vec![0; key], b"", false).is_err());
        }
    }
}
