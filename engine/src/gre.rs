//! GRE headers: RFC 2784, with key and sequence number of RFC 2890. RFC 1701 source routing does not exist here.

use crate::checksum::Sum;

/// What a GRE packet carries, RFC 2784 §2.4: the empty answer to a keepalive of IOS.
pub const KEEPALIVE: u16 = 0x0000;
/// IPv4.
pub const IPV4: u16 = 0x0800;
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
        if flags & CHECKSUM_PRESENT != 0 && Sum::of(packet).checksum() != 0 {
            return Err(Malformed::Checksum);
        }
        let key = options.get(4 * has(CHECKSUM_PRESENT)..).and_then(<[u8]>::first_chunk);
        Ok(Self {
            protocol: u16::from_be_bytes([base[2], base[3]]),
            key: key.filter(|_| flags & KEY_PRESENT != 0).map(|octets| u32::from_be_bytes(*octets)),
            length: 4 + options.len(),
        })
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

#[cfg(test)]
mod tests {
    use super::*;

    const fn header(protocol: u16, key: Option<u32>, length: usize) -> Header {
        Header { protocol, key, length }
    }

    #[test]
    fn headers_are_read_as_the_rfcs_draw_them() {
        for (octets, expected) in [
            (&b"\x00\x00\x08\x00"[..], Ok(header(IPV4, None, 4))),
            (b"\x20\x00\x20\x01\x00\x00\x00\x64", Ok(header(NHRP, Some(100), 8))),
            (b"\x10\x00\x08\x00\x00\x00\x00\x07", Ok(header(IPV4, None, 8))),
            (b"\x30\x00\x08\x00\x00\x00\x00\x64\x00\x00\x00\x01rest", Ok(header(IPV4, Some(100), 12))),
            (b"\xa0\x00\x00\x00\x5f\x9b\x00\x00\x00\x00\x00\x64", Ok(header(KEEPALIVE, Some(100), 12))),
            (b"\x83\xf8\x00\x00\x7c\x07\x00\x00", Ok(header(KEEPALIVE, None, 8))),
            (b"\xa0\x00\x00\x00\x5f\x9a\x00\x00\x00\x00\x00\x64", Err(Malformed::Checksum)),
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
    fn what_is_written_is_what_is_read() {
        for key in [None, Some(0), Some(100), Some(u32::MAX)] {
            let mut octets = Vec::new();
            write(NHRP, key, &mut octets);
            assert_eq!(octets.len(), length(key));
            assert_eq!(Header::parse(&octets), Ok(header(NHRP, key, octets.len())));
        }
    }
}
