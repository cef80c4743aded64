//! The packet engine of dmvpn: multipoint GRE, in clear or in ESP, between TAP devices and sockets.
//!
//! ```text
//!         TAP                                                                  raw sockets, protocols 47 and 50; UDP 4500
//! kernel ─ frame ─> core::outbound (table, pieces, mss, hairpin) ─> leaving (sas, paths) ─> wire ─ sendmmsg ─> NBMA
//!                                                                       └─> sealing (esp) ─ trains ───┘
//! kernel <─ frame ─ merge <─ core::inbound (gre, table, delivery, hairpin) <─────────────────────── recvmmsg <── NBMA
//!                                            └── opening (sas, esp, reassembly) <─── arrived ───────┘
//!                                            └──> punts ──> ring ──> eventfd ──> Python
//! ```
//!
//! Two kinds of modules: those that compute (`core` and what it uses, `esp`, `sas`, `merge`: no system call, no clock, no
//! panic on whatever a packet holds; fuzzed, and tested against dmvpn's Python plane octet for octet), and those that call
//! the kernel (`sys`: the only one with `unsafe`; `worker`: one thread for each direction; `shared`, `ports`, `ring`:
//! what they and their owner, the `engine`, share). `python` binds both to Python.
//!
//! The batch is the unit everywhere, because system calls for each packet are what a user-space data plane spends its
//! time on: TCP buffers are read whole from the TAP and cut here, sealed one behind the other and sent as one train;
//! trains are received whole, opened in place, and merged before they are written to the TAP. One lock guards what the
//! control plane has told us; ciphers run outside of it.

pub mod alarms;
pub mod arrived;
pub mod checksum;
pub mod core;
mod cuts;
pub mod delivery;
pub mod doors;
pub mod early;
pub mod ecn;
pub mod esp;
pub mod fragments;
pub mod gre;
pub mod hairpin;
pub mod hash;
pub mod ip;
pub mod ipv4;
pub mod ipv6;
mod leaving;
pub mod merge;
pub mod mss;
pub mod opening;
pub mod outcome;
mod part;
pub mod paths;
mod pieces;
pub mod punt;
pub mod queue;
pub mod reassembly;
pub mod sas;
pub mod sealing;
pub mod segment;
pub mod silence;
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
mod ports;
#[cfg(feature = "python")]
mod python;
#[cfg(feature = "python")]
mod ring;
#[cfg(feature = "python")]
mod shared;
#[cfg(feature = "python")]
mod sys;
#[cfg(feature = "python")]
mod worker;

/// Lock; a thread that panicked meanwhile has left nothing half done that matters to others.
fn locked<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
