//! What protects the octets of a packet: AES-GCM (RFC 4106), or AES-CBC with HMAC (RFC 3602, RFC 2404, RFC 4868).
//!
//! All of it is AWS-LC's. Its contexts wipe keys and key schedules when they are dropped; the salt is wiped here.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::UnboundCipherKey;
use aws_lc_rs::cipher::{self, DecryptingKey, DecryptionContext, EncryptingKey, EncryptionContext};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use aws_lc_rs::iv::FixedLength;
use zeroize::Zeroizing;

/// Octets of SPI and sequence number.
pub const HEADER: usize = 8;
/// Octets of the longest initialization vector.
pub const LONGEST_IV: usize = 16;
const GCM_IV: usize = 8;
const GCM_TAG: usize = 16;
const SALT: usize = 4;
const BLOCK: usize = 16;

/// What authenticates where the cipher does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hash {
    /// RFC 2404.
    Sha1,
    /// RFC 4868.
    Sha256,
    /// RFC 4868.
    Sha384,
    /// RFC 4868.
    Sha512,
}

impl Hash {
    /// By its name in the configuration of dmvpn.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "sha1" => Self::Sha1,
            "sha256" => Self::Sha256,
            "sha384" => Self::Sha384,
            "sha512" => Self::Sha512,
            _ => return None,
        })
    }

    /// Octets of the integrity check value.
    fn length(self) -> usize {
        match self {
            Self::Sha1 => 12,
            Self::Sha256 => 16,
            Self::Sha384 => 24,
            Self::Sha512 => 32,
        }
    }

    fn algorithm(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha384 => hmac::HMAC_SHA384,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

/// How a packet is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Suite {
    /// Of the AES key.
    pub bits: u16,
    /// None: AES-GCM with a tag of 16 octets.
    pub hash: Option<Hash>,
}

impl Suite {
    /// Octets of the initialization vector in each packet.
    pub fn iv(self) -> usize {
        if self.hash.is_some() { BLOCK } else { GCM_IV }
    }

    /// Octets of the integrity check value.
    pub fn icv(self) -> usize {
        self.hash.map_or(GCM_TAG, Hash::length)
    }

    /// What padding fills up to, octets: RFC 4303 §2.4.
    pub fn align(self) -> usize {
        if self.hash.is_some() { BLOCK } else { 4 }
    }

    /// Octets of padding behind so many of payload.
    pub fn padding(self, payload: usize) -> usize {
        (payload + 2).next_multiple_of(self.align()) - payload - 2
    }
}

/// Keys that do not fit their suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKeys;

/// A packet that does not open: forged, damaged, or not ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken;

/// Which way packets go.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// They are sealed.
    Out,
    /// They are opened.
    In,
}

/// The keys of one direction.
pub struct Protection {
    suite: Suite,
    esn: bool,
    keys: Keys,
}

enum Keys {
    Gcm(LessSafeKey, Zeroizing<[u8; SALT]>),
    Seal(EncryptingKey, hmac::Key),
    Open(DecryptingKey, hmac::Key),
}

impl Protection {
    /// key: of the cipher, an AEAD's salt at its end. esn: extended sequence numbers.
    pub fn new(suite: Suite, way: Way, key: &[u8], hash_key: &[u8], esn: bool) -> Result<Self, BadKeys> {
        let keys = match suite.hash {
            None => gcm(suite.bits, key)?,
            Some(hash) => cbc(suite.bits, way, key, &hmac::Key::new(hash.algorithm(), hash_key))?,
        };
        Ok(Self { suite, esn, keys })
    }

    /// How it protects.
    pub fn suite(&self) -> Suite {
        self.suite
    }

    /// Seal a packet in its place and append the check value. It holds header, room for the vector, and the text, whose
    /// length is right. number: of the packet, never the same twice.
    pub fn seal(&self, packet: &mut Vec<u8>, begin: usize, number: u64) -> Result<(), Broken> {
        match &self.keys {
            Keys::Gcm(key, salt) => {
                let (header, rest) = packet[begin..].split_at_mut(HEADER);
                let (iv, text) = rest.split_at_mut(GCM_IV);
                iv.copy_from_slice(&number.to_be_bytes());
                let (associated, length) = self.associated(header, number);
                let associated = Aad::from(&associated[..length]);
                let sealed = key.seal_in_place_separate_tag(nonce(salt, iv), associated, text);
                packet.extend_from_slice(sealed.map_err(|_| Broken)?.as_ref());
            }
            Keys::Seal(key, hash) => {
                let body = &mut packet[begin + HEADER..];
                // The vector is the number, encrypted under the same key (SP 800-38A appendix C, first method): nobody
                // foresees it (RFC 3602 §3), it is never the same twice, and nobody but us chooses what is encrypted.
                let (counter, iv) = (u128::from(number).to_be_bytes(), [0; BLOCK]);
                body[..BLOCK].copy_from_slice(&counter);
                let context = EncryptionContext::Iv128(FixedLength::from(iv));
                key.less_safe_encrypt(body, context).map_err(|_| Broken)?;
                let icv = self.sign(hash, &packet[begin..], number);
                packet.extend_from_slice(&icv.as_ref()[..self.suite.icv()]);
            }
            Keys::Open(..) => return Err(Broken),
        }
        Ok(())
    }

    /// Open a packet in its place; returns where the text is in it. At least header, vector and check value are there.
    pub fn open(&self, packet: &mut [u8], number: u64) -> Result<std::ops::Range<usize>, Broken> {
        let start = HEADER + self.suite.iv();
        let end = packet.len().checked_sub(self.suite.icv()).filter(|end| *end >= start).ok_or(Broken)?;
        let (body, icv) = packet.split_at_mut(end);
        match &self.keys {
            Keys::Gcm(key, salt) => {
                let (head, text) = body.split_at_mut(start);
                let (associated, length) = self.associated(&head[..HEADER], number);
                let nonce = nonce(salt, &head[HEADER..]);
                let associated = Aad::from(&associated[..length]);
                key.open_in_place_separate_tag(nonce, associated, icv, text).map_err(|_| Broken)?;
            }
            Keys::Open(key, hash) => {
                let expected = self.sign(hash, body, number);
                verify_slices_are_equal(&expected.as_ref()[..icv.len()], icv).map_err(|_| Broken)?;
                let (head, text) = body.split_at_mut(start);
                if text.len() % BLOCK != 0 {
                    return Err(Broken);
                }
                let iv: [u8; BLOCK] = head[HEADER..].try_into().map_err(|_| Broken)?;
                let context = DecryptionContext::Iv128(FixedLength::from(iv));
                key.decrypt(text, context).map_err(|_| Broken)?;
            }
            Keys::Seal(..) => return Err(Broken),
        }
        Ok(start..end)
    }

    /// RFC 4106 §5: SPI and sequence number, all of it.
    fn associated(&self, header: &[u8], number: u64) -> ([u8; 12], usize) {
        let mut octets = [0; 12];
        octets[..HEADER].copy_from_slice(header);
        if self.esn {
            octets[4..].copy_from_slice(&number.to_be_bytes());
        }
        (octets, if self.esn { 12 } else { HEADER })
    }

    /// RFC 4303 §2.2.1: the upper half of the number is not sent, but authenticated.
    fn sign(&self, key: &hmac::Key, octets: &[u8], number: u64) -> hmac::Tag {
        if !self.esn {
            return hmac::sign(key, octets);
        }
        let mut context = hmac::Context::with_key(key);
        context.update(octets);
        context.update(&((number >> 32) as u32).to_be_bytes());
        context.sign()
    }
}

fn gcm(bits: u16, key: &[u8]) -> Result<Keys, BadKeys> {
    let algorithm = match bits {
        128 => &aead::AES_128_GCM,
        192 => &aead::AES_192_GCM,
        256 => &aead::AES_256_GCM,
        _ => return Err(BadKeys),
    };
    let (key, salt) = key.split_last_chunk::<SALT>().ok_or(BadKeys)?;
    let key = UnboundKey::new(algorithm, key).map_err(|_| BadKeys)?;
    Ok(Keys::Gcm(LessSafeKey::new(key), Zeroizing::new(*salt)))
}

fn cbc(bits: u16, way: Way, key: &[u8], hash: &hmac::Key) -> Result<Keys, BadKeys> {
    let algorithm = match bits {
        128 => &cipher::AES_128,
        192 => &cipher::AES_192,
        256 => &cipher::AES_256,
        _ => return Err(BadKeys),
    };
    let key = UnboundCipherKey::new(algorithm, key).map_err(|_| BadKeys)?;
    Ok(match way {
        Way::Out => Keys::Seal(EncryptingKey::cbc(key).map_err(|_| BadKeys)?, hash.clone()),
        Way::In => Keys::Open(DecryptingKey::cbc(key).map_err(|_| BadKeys)?, hash.clone()),
    })
}

fn nonce(salt: &Zeroizing<[u8; SALT]>, iv: &[u8]) -> Nonce {
    let mut octets = [0; aead::NONCE_LEN];
    octets[..SALT].copy_from_slice(&salt[..]);
    octets[SALT..].copy_from_slice(iv);
    Nonce::assume_unique_for_key(octets)
}
