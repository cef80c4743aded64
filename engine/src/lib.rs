//! The packet engine of dmvpn: multipoint GRE between TAP devices and raw sockets.
//!
//! ```text
//!             TAP                                                                     raw socket, protocol 47
//!   kernel ── frame ──> core::outbound (table, segment, mss, hairpin) ──> wire ──────────── sendmmsg ──> NBMA
//!   kernel <── frame ── merge <── core::inbound (gre, table, unfinished, mss, hairpin) <─── recvmmsg <── NBMA
//!                                      └──> punts ──> ring ──> eventfd ──> Python (NHRP, keepalives, hairpins)
//! ```
//!
//! Two kinds of modules: those that compute (`core` and what it uses, `merge`: no system call, no clock, no panic on
//! whatever a packet holds; fuzzed, and tested against dmvpn's Python plane octet for octet), and those that call the
//! kernel (`sys`: the only one with `unsafe`; `worker`: one thread for each direction; `engine`: threads, descriptors
//! and the ring). `python` binds both to Python.
//!
//! The batch is the unit everywhere, because system calls for each packet are what a user-space data plane spends its
//! time on: TCP buffers are read whole from the TAP and cut here, and merged here before they are written to it.

pub mod checksum;
pub mod core;
pub mod gre;
pub mod hairpin;
pub mod ipv4;
pub mod merge;
pub mod mss;
pub mod segment;
pub mod table;
pub mod unfinished;
pub mod usage;
pub mod vnet;
pub mod wire;

/// Octets of an Ethernet header.
pub const ETHERNET: usize = 14;
/// Octets of the largest IPv4 packet.
pub const MAX_PACKET: usize = 0xFFFF;

#[cfg(feature = "python")]
mod engine;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "python")]
mod ring;
#[cfg(feature = "python")]
mod sys;
#[cfg(feature = "python")]
mod worker;

/// Lock; a thread that panicked meanwhile has left nothing half done that matters to others.
#[cfg(feature = "python")]
fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
