//! GRE headers: RFC 2784, with key and sequence number of RFC 2890. RFC 1701 source routing does not exist here.

use crate::checksum::Sum;
use crate::ip::Packet;
use crate::unfinished::lacks_checksum;

/// What a GRE packet carries, RFC 2784 §2.4: the empty answer to a keepalive of IOS.
pub const KEEPALIVE: u16 = 0x0000;
/// IPv4.
pub const IPV4: u16 = 0x0800;
/// IPv6, RFC 7676 §2.
pub const IPV6: u16 = 0x86DD;
/// NHRP, RFC 2332 §5.
pub const NHRP: u16 = 0x2001;

const CHECKSUM_PRESENT: u16 = 0x8000;
const KEY_PRESENT: u16 = 0x2000;
const SEQUENCE_PRESENT: u16 = 0x1000;
/// Bits 1, 4 and 5, set only by RFC 1701 source routing (RFC 2784 §2.2), and the version (§2.3.1): refuse the packet.
const REFUSED: u16 = 0x4C07;

/// What is wrong with a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Malformed {
    /// It ends after so many octets.
    CutShort(usize),
    /// It has flags that no such header has.
    Flags(u16),
    /// The checksum over header and payload does not hold, RFC 2784 §2.5.
    Checksum,
}

/// The fields of a header that decide where its payload goes. length: of the header, octets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What follows.
    pub protocol: u16,
    /// Which of the tunnels between two addresses.
    pub key: Option<u32>,
    /// Where the payload begins.
    pub length: usize,
    /// Which of the sender's packets it is, RFC 2890 §2.2.
    pub sequence: Option<u32>,
}

impl Header {
    /// Read the header of a whole GRE packet, and nothing more: a checksum covers all of it.
    pub fn parse(packet: &[u8]) -> Result<Self, Malformed> {
        let short = Malformed::CutShort(packet.len());
        let (base, options) = packet.split_first_chunk::<4>().ok_or(short)?;
        let flags = u16::from_be_bytes([base[0], base[1]]);
        if flags & REFUSED != 0 {
            return Err(Malformed::Flags(flags));
        }
        let has = |flag| usize::from(flags & flag != 0);
        let words = has(CHECKSUM_PRESENT) + has(KEY_PRESENT) + has(SEQUENCE_PRESENT);
        let (options, _) = options.split_at_checked(4 * words).ok_or(short)?;
        let protocol = u16::from_be_bytes([base[2], base[3]]);
        let length = 4 + options.len();
        if flags & CHECKSUM_PRESENT != 0
            && Sum::of(packet).checksum() != 0
            && !left_to_a_card(options, protocol, packet.get(length..).unwrap_or_default())
        {
            return Err(Malformed::Checksum);
        }
        let key = options.get(4 * has(CHECKSUM_PRESENT)..).and_then(<[u8]>::first_chunk);
        let sequence = options.last_chunk().filter(|_| flags & SEQUENCE_PRESENT != 0);
        Ok(Self {
            protocol,
            key: key.filter(|_| flags & KEY_PRESENT != 0).map(|octets| u32::from_be_bytes(*octets)),
            length,
            sequence: sequence.map(|octets| u32::from_be_bytes(*octets)),
        })
    }
}

/// Did a Linux that shares no wire with us, but a virtual cable, leave the checksum to a network card?
///
/// Of a packet whose inner checksum is finished it leaves 0 in the field. Of another one the field holds what will be
/// right once the inner checksum is (local checksum offload), and of a merged one anything (`gre_build_header` in
/// include/net/gre.h).
fn left_to_a_card(options: &[u8], protocol: u16, inner: &[u8]) -> bool {
    options.starts_with(&[0, 0])
        || Packet::of(inner)
            .is_some_and(|inner| protocol_of(inner) == protocol && lacks_checksum(inner).is_some())
}

/// What a packet is to a GRE header.
fn protocol_of(packet: Packet) -> u16 {
    match packet {
        Packet::V4(_) => IPV4,
        Packet::V6(_) => IPV6,
    }
}

/// A packet that is so many numbers late was not overtaken: its sender has begun again.
const BEGAN_ANEW: u32 = 4096;

/// The numbers on the packets of a point-to-point tunnel, RFC 2890 §2.2: of those that leave and that come.
#[derive(Debug, Default)]
pub struct Sequence {
    next: u32,
    last: Option<u32>,
}

impl Sequence {
    /// Of the next packet that leaves.
    pub fn number(&mut self) -> u32 {
        let number = self.next;
        self.next = number.wrapping_add(1);
        number
    }

    /// Is the packet with this number? One without is; so is 0, with which a sender begins again.
    pub fn is_in_order(&mut self, number: Option<u32>) -> bool {
        let Some(number) = number else { return true };
        if number != 0 && self.last.is_some_and(|last| last.wrapping_sub(number) < BEGAN_ANEW) {
            return false;
        }
        self.last = Some(number);
        true
    }
}

/// Octets of a header that [`write`] makes.
pub fn length(key: Option<u32>) -> usize {
    if key.is_some() { 8 } else { 4 }
}

/// Append a header without checksum and sequence number; it does not depend on the payload.
pub fn write(protocol: u16, key: Option<u32>, to: &mut Vec<u8>) {
    let flags = if key.is_some() { KEY_PRESENT } else { 0 };
    to.extend_from_slice(&flags.to_be_bytes());
    to.extend_from_slice(&protocol.to_be_bytes());
    if let Some(key) = key {
        to.extend_from_slice(&key.to_be_bytes());
    }
}

/// What some tunnels have besides: `tunnel checksum`, `tunnel sequence-datagrams`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extras {
    /// A checksum of header and payload, RFC 2784 §2.5.
    pub checksum: bool,
    /// Numbers on packets; those that come too late are dropped, RFC 2890 §2.2.
    pub sequence: bool,
}

impl Extras {
    /// Are there any?
    pub fn any(self) -> bool {
        self.checksum || self.sequence
    }

    /// Octets of them in a header.
    pub fn length(self) -> usize {
        4 * (usize::from(self.checksum) + usize::from(self.sequence))
    }

    /// Append the head of a packet once more, with the extras. head: begins with what [`write`] made of this key.
    pub fn dress(self, head: &[u8], key: Option<u32>, number: u32, body: &[u8], to: &mut Vec<u8>) {
        let (header, rest) = head.split_at(length(key));
        let begin = to.len();
        to.extend_from_slice(header.get(..4).unwrap_or_default());
        if self.checksum {
            to[begin] |= (CHECKSUM_PRESENT >> 8) as u8;
            to.extend_from_slice(&[0; 4]);
        }
        to.extend_from_slice(header.get(4..).unwrap_or_default());
        if self.sequence {
            to[begin] |= (SEQUENCE_PRESENT >> 8) as u8;
            to.extend_from_slice(&number.to_be_bytes());
        }
        to.extend_from_slice(rest);
        if self.checksum {
            let checksum = Sum::of(&to[begin..]).and(body).checksum();
            to[begin + 4..begin + 6].copy_from_slice(&checksum.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn header(protocol: u16, key: Option<u32>, length: usize) -> Header {
        Header { protocol, key, length, sequence: None }
    }

    const fn numbered(header: Header, number: u32) -> Header {
        Header { sequence: Some(number), ..header }
    }

    #[test]
    fn headers_are_read_as_the_rfcs_draw_them() {
        for (octets, expected) in [
            (&b"\x00\x00\x08\x00"[..], Ok(header(IPV4, None, 4))),
            (b"\x20\x00\x20\x01\x00\x00\x00\x64", Ok(header(NHRP, Some(100), 8))),
            (b"\x10\x00\x08\x00\x00\x00\x00\x07", Ok(numbered(header(IPV4, None, 8), 7))),
            (
                b"\x30\x00\x08\x00\x00\x00\x00\x64\x00\x00\x00\x01rest",
                Ok(numbered(header(IPV4, Some(100), 12), 1)),
            ),
            (b"\xa0\x00\x00\x00\x5f\x9b\x00\x00\x00\x00\x00\x64", Ok(header(KEEPALIVE, Some(100), 12))),
            (b"\x83\xf8\x00\x00\x7c\x07\x00\x00", Ok(header(KEEPALIVE, None, 8))),
            (b"\xa0\x00\x00\x00\x5f\x9a\x00\x00\x00\x00\x00\x64", Err(Malformed::Checksum)),
            (b"\xa0\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x64", Ok(header(KEEPALIVE, Some(100), 12))),
            (b"", Err(Malformed::CutShort(0))),
            (b"\x00\x00\x08", Err(Malformed::CutShort(3))),
            (b"\x20\x00\x08\x00\x00\x00\x00", Err(Malformed::CutShort(7))),
            (b"\x40\x00\x08\x00", Err(Malformed::Flags(0x4000))),
            (b"\x00\x01\x88\x0b", Err(Malformed::Flags(0x0001))),
        ] {
            assert_eq!(Header::parse(octets), expected, "{octets:02x?}");
        }
    }

    #[test]
    fn what_is_dressed_is_what_is_read() {
        for extras in [(true, true), (true, false), (false, true)] {
            let extras = Extras { checksum: extras.0, sequence: extras.1 };
            for key in [None, Some(100)] {
                let (mut head, mut octets) = (Vec::new(), Vec::new());
                write(NHRP, key, &mut head);
                head.extend_from_slice(b"head");
                extras.dress(&head, key, 7, b"body", &mut octets);
                octets.extend_from_slice(b"body");
                let length = length(key) + extras.length();
                let expected = Header { sequence: extras.sequence.then_some(7), ..header(NHRP, key, length) };
                assert_eq!(Header::parse(&octets), Ok(expected));
                assert_eq!(&octets[length..], b"headbody");
            }
        }
    }

    #[test]
    fn what_is_written_is_what_is_read() {
        for key in [None, Some(0), Some(100), Some(u32::MAX)] {
            let mut octets = Vec::new();
            write(NHRP, key, &mut octets);
            assert_eq!(octets.len(), length(key));
            assert_eq!(Header::parse(&octets), Ok(header(NHRP, key, octets.len())));
        }
    }
}
