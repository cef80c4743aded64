"""Log messages of IKE, each with what it means. Mnemonics are those of IOS, where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.notices import log_kind, log_messages

if TYPE_CHECKING:
    from dmvpn.base.entrances import Denial
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.peer_settings import Endpoint


@log_kind("CRYPTO-6-ISAKMP_ON_OFF")
def isakmp_on_off(*, on: bool) -> str:
    """The first tunnel is protected now, or the last one no more: IKE is heard at our addresses, or not."""
    return f"ISAKMP is {'ON' if on else 'OFF'}"


@log_kind("CRYPTO-5-IKEV2_SESSION_STATUS")
def session_status(peer: Endpoint, identity: str, *, up: bool) -> str:
    """Packets can be exchanged with a peer under protection, or no more. Said with `crypto logging ikev2`."""
    return f"Crypto tunnel v2 is {'UP' if up else 'DOWN'}. Peer {peer.address}:{peer.port} Id: {identity}"


@log_kind("CRYPTO-5-SESSION_STATUS")
def isakmp_session_status(peer: Endpoint, identity: str, *, up: bool) -> str:
    """The same about a peer of IKEv1."""
    return f"Crypto tunnel v1 is {'UP' if up else 'DOWN'}. Peer {peer.address}:{peer.port} Id: {identity}"


@log_kind("IKEV2-3-NEG_ABORT")
def negotiation_aborted(peer: Endpoint, why: Reason) -> str:
    """IKE came to no agreement with a peer, and why: what both sides have, or what does not fit.

    The peer gets only the error that the protocol requires; its own log has its half. Once a minute for each peer.
    """
    return f"Negotiation aborted due to ERROR: {why} (peer {peer.address}:{peer.port})"


@log_kind("CRYPTO-4-NO_ESP")
def nothing_comes(peer: Endpoint, *, in_udp: bool) -> str:
    """A peer answers IKE, packets go to it, and none of its own has ever come: something on the way may drop ESP.

    It may also be that the peer has nothing to send. Said once a day for each connection.
    """
    what = f"UDP port {peer.port}" if in_udp else "IP protocol 50"
    text = f"Peer {peer.address} answers IKE, but no ESP of it has come"
    return f"{text}: is {what} dropped on the way, or does the peer send nothing?"


@log_kind("CRYPTO-4-DENIED_BY_LIST")
def denied_by_list(denied: Denial) -> str:
    """An inbound access list of this router denies what a protected tunnel needs from its peer, so the tunnel is cut.

    Said once a minute for each entry.
    """
    text = str(denied)
    return f"{text[0].upper()}{text[1:]}: the tunnel is cut"


@log_kind("CRYPTO-6-IKMP_MODE_FAILURE")
def mode_failed(peer: Endpoint, why: Reason, *, proved: bool) -> str:
    """IKEv1 came to no agreement with a peer, and why: in main mode (phase 1) or in quick mode (phase 2).

    The peer learns the least that the protocol allows; its own log has its half. Said once a minute for each peer.
    """
    # proved: main mode is over.
    mode = "Quick" if proved else "Main"
    return f"Processing of {mode} mode failed with peer at {peer.address}: {why}"


@log_kind("CRYPTO-4-IKMP_BAD_MESSAGE")
def bad_message(peer: Endpoint, why: Reason) -> str:
    """A message of IKE is malformed; one of IKEv1 may also be encrypted with other keys: the pre-shared keys differ.

    Said once a minute for each peer.
    """
    return f"IKE message from {peer.address} failed its sanity check or is malformed: {why}"


@log_kind("CRYPTO-5-IKMP_AG_MODE_DISABLED")
def aggressive_mode_disabled(peer: Endpoint, why: Reason) -> str:
    """A peer begins in aggressive mode, which this router never speaks. Said once a minute for each peer."""
    text = "Unable to initiate or respond to Aggressive Mode while disabled"
    return f"{text}: {why} (peer {peer.address}:{peer.port})"


@log_kind("CRYPTO-4-IKE_CONFIG")
def not_as_written(what: str) -> str:
    """Lines of the configuration of IKE are understood, and something of them cannot be done as they say."""
    return what


@log_kind("CRYPTO-4-KEYS_WRITTEN")
def keys_written(*, on: bool) -> str:
    """A capture of the lab's packets writes keys, too: its files decrypt all traffic that is protected from now on."""
    return "Keys of new SAs are written to files for a packet capture" if on else "Keys are not written any more"


MESSAGES: Final = log_messages(vars())
#: Names of the flags of debugs.
IKEV2: Final = "crypto ikev2"
PACKET: Final = "crypto ikev2 packet"
ERROR: Final = "crypto ikev2 error"
INTERNAL: Final = "crypto ikev2 internal"
ISAKMP: Final = "crypto isakmp"
