"""The log messages of IPsec, each with its meaning, and the output of `debug crypto ipsec`.

Messages about packets that any station can send are limited: about one a minute for each sender, and few in total.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.notices import log_kind, log_messages
from dmvpn.base.protection import Connection, EspCipher, EspTransform, SaCount, SaView

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import ClearReceived, UnknownSpi
    from dmvpn.base.negotiation import NegotiationWanted
    from dmvpn.base.reasons import Reason

#: Names of the debug flags. SOCKET: what tunnels and NHRP ask for alone.
IPSEC: Final = "crypto ipsec"
SOCKET: Final = "crypto socket"
#: Seconds between two messages of one kind about one sender.
INTERVAL: Final = 60.0
#: Such messages in that time, of all senders.
LARGEST: Final = 16


@log_kind("CRYPTO-4-CANNOT_PROTECT")
def cannot_protect(tunnel: str, reason: Reason) -> str:
    """A tunnel asks for IPsec and cannot have it: it stays down, so that nothing leaves in clear. The text says why."""
    return f"{tunnel} stays down: {reason}"


@log_kind("CRYPTO-3-SA_REFUSED")
def sa_refused(remote: IPAddress, why: str) -> str:
    """The host did not take a pair of SAs: nothing is sent on it, and another pair is negotiated."""
    return f"SA with {remote} could not be installed: {why}"


@log_kind("CRYPTO-4-RECVD_PKT_NOT_IPSEC")
def not_ipsec(event: ClearReceived) -> str:
    """Clear GRE came for a protected tunnel and was dropped: the peer has no tunnel protection, or lost it."""
    addresses = f"vrf/dest_addr= {event.vrf}/{event.local}, src_addr= {event.remote}, prot= 47"
    return f"Rec'd packet not an IPSEC packet. (ip) {addresses}"


@log_kind("CRYPTO-4-RECVD_PKT_INV_SPI")
def invalid_spi(event: UnknownSpi, interface: str) -> str:
    """ESP came for an SA that is not there: the peer still has SAs of an earlier life of ours."""
    return (
        f"decaps: rec'd IPSEC packet has invalid spi for destaddr={event.local}, prot=50, "
        f"spi=0x{event.spi:X}({event.spi}), srcaddr={event.remote}, input interface={interface}"
    )


@log_kind("CRYPTO-4-PKT_REPLAY_ERR")
def replay_error(connection: Connection, count: SaCount, packets: int) -> str:
    """Packets came twice, or too late for the replay window; they were dropped."""
    return f"decrypt: replay check failed {_of_sa(connection, count, packets)}"


@log_kind("CRYPTO-4-RECVD_PKT_MAC_ERR")
def mac_error(connection: Connection, count: SaCount, packets: int) -> str:
    """Packets did not open: damaged on the way, forged, or sealed with other keys; they were dropped."""
    return f"decrypt: mac verify failed for {_of_sa(connection, count, packets)}"


def _of_sa(connection: Connection, count: SaCount, packets: int) -> str:
    return (
        f"connection id={connection.number}, spi=0x{count.spi_in:X}, packets={packets}, "
        f"srcaddr={connection.remote}, destaddr={connection.local}"
    )


MESSAGES: Final = log_messages(vars())


# ------------------------------------------------------------------------------------------------ debug crypto ipsec


def words_of(transform: EspTransform) -> str:
    """Return a transform as a set is written: "esp-256-aes esp-sha256-hmac", "esp-gcm 256"."""
    if transform.cipher is EspCipher.AES_GCM:
        return f"esp-gcm {transform.bits}"
    cipher = "esp-aes" if transform.bits == 128 else f"esp-{transform.bits}-aes"
    digest = "" if transform.hash is None else transform.hash.value.replace("sha1", "sha")
    return f"{cipher} esp-{digest}-hmac"


def requested(notice: NegotiationWanted) -> tuple[str, ...]:
    """Return the lines: IKE is asked for a pair of SAs, or to let one go."""
    if not notice.wanted:
        return (f"IPSEC(crypto_ipsec_sa_released): peer {notice.remote} is wanted no more",)
    return (
        "IPSEC(sa_request): ,",
        f"  (key eng. msg.) OUTBOUND local= {notice.local}:0, remote= {notice.remote}:0,",
        f"    local_proxy= {notice.local}/255.255.255.255/47/0,",
        f"    remote_proxy= {notice.remote}/255.255.255.255/47/0, profile= {notice.policy}",
    )


def created(view: SaView) -> tuple[str, ...]:
    """Return the lines of a pair of SAs that is there: two, as IOS counts each direction by itself."""
    ends = ((view.connection.local, view.spi_in), (view.connection.remote, view.spi_out))
    return tuple(f"IPSEC(create_sa): sa created, {_sa(end, spi, view)}" for end, spi in ends)


def deleted(view: SaView, why: str) -> tuple[str, ...]:
    """Return the lines of a pair of SAs that is gone."""
    ends = ((view.connection.local, view.spi_in), (view.connection.remote, view.spi_out))
    return tuple(f"IPSEC(delete_sa): deleting SA, {_sa(end, spi, view)} ({why})" for end, spi in ends)


def switched(view: SaView) -> tuple[str, ...]:
    """Return the lines: packets leave by this one from now on."""
    peer, spi = view.connection.remote, view.spi_out
    return (f"IPSEC(update_current_outbound_sa): updated peer {peer} current outbound sa to SPI {spi:X}",)


def _sa(end: IPAddress, spi: int, view: SaView) -> str:
    return (
        f"(sa) sa_dest= {end}, sa_proto= 50, sa_spi= 0x{spi:X}({spi}), sa_trans= {words_of(view.transform)} , "
        f"sa_conn_id= {view.connection.number}"
    )
