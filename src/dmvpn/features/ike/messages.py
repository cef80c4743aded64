"""Log messages of IKE, each with what it means. Mnemonics are those of IOS, where it has one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.notices import Log, log_messages

if TYPE_CHECKING:
    from dmvpn.base.entrances import Denial
    from dmvpn.base.reasons import Reason
    from dmvpn.features.ike.peer_settings import Endpoint


class IsakmpOnOff(Log, name="CRYPTO-6-ISAKMP_ON_OFF"):
    """The first tunnel is protected now, or the last one no more: IKE is heard at our addresses, or not."""

    @classmethod
    def of(cls, *, on: bool) -> Self:
        """Return the message."""
        return cls(f"ISAKMP is {'ON' if on else 'OFF'}")


class SessionStatus(Log, name="CRYPTO-5-IKEV2_SESSION_STATUS"):
    """Packets can be exchanged with a peer under protection, or no more. Said with `crypto logging ikev2`."""

    @classmethod
    def of(cls, peer: Endpoint, identity: str, *, up: bool) -> Self:
        """Return the message for this peer."""
        text = f"Crypto tunnel v2 is {'UP' if up else 'DOWN'}. Peer {peer.address}:{peer.port} Id: {identity}"
        return cls(text)


class IsakmpSessionStatus(Log, name="CRYPTO-5-SESSION_STATUS"):
    """The same about a peer of IKEv1."""

    @classmethod
    def of(cls, peer: Endpoint, identity: str, *, up: bool) -> Self:
        """Return the message for this peer."""
        text = f"Crypto tunnel v1 is {'UP' if up else 'DOWN'}. Peer {peer.address}:{peer.port} Id: {identity}"
        return cls(text)


class NegotiationAborted(Log, name="IKEV2-3-NEG_ABORT"):
    """IKE came to no agreement with a peer, and why: what both sides have, or what does not fit.

    The peer gets only the error that the protocol requires; its own log has its half. Once a minute for each peer.
    """

    @classmethod
    def of(cls, peer: Endpoint, why: Reason) -> Self:
        """Return the message for this peer."""
        return cls(f"Negotiation aborted due to ERROR: {why} (peer {peer.address}:{peer.port})")


class NothingComes(Log, name="CRYPTO-4-NO_ESP"):
    """A peer answers IKE, packets go to it, and none of its own has ever come: something on the way may drop ESP.

    It may also be that the peer has nothing to send. Said once a day for each connection.
    """

    @classmethod
    def of(cls, peer: Endpoint, *, in_udp: bool) -> Self:
        """Return the message for this peer."""
        what = f"UDP port {peer.port}" if in_udp else "IP protocol 50"
        text = f"Peer {peer.address} answers IKE, but no ESP of it has come"
        return cls(f"{text}: is {what} dropped on the way, or does the peer send nothing?")


class DeniedByList(Log, name="CRYPTO-4-DENIED_BY_LIST"):
    """An inbound access list of this router denies what a protected tunnel needs from its peer, so the tunnel is cut.

    Said once a minute for each entry.
    """

    @classmethod
    def of(cls, denied: Denial) -> Self:
        """Return the message."""
        text = str(denied)
        return cls(f"{text[0].upper()}{text[1:]}: the tunnel is cut")


class ModeFailed(Log, name="CRYPTO-6-IKMP_MODE_FAILURE"):
    """IKEv1 came to no agreement with a peer, and why: in main mode (phase 1) or in quick mode (phase 2).

    The peer learns the least that the protocol allows; its own log has its half. Said once a minute for each peer.
    """

    @classmethod
    def of(cls, peer: Endpoint, why: Reason, *, proved: bool) -> Self:
        """Return the message for this peer. proved: main mode is over."""
        mode = "Quick" if proved else "Main"
        return cls(f"Processing of {mode} mode failed with peer at {peer.address}: {why}")


class BadMessage(Log, name="CRYPTO-4-IKMP_BAD_MESSAGE"):
    """A message of IKE is malformed; one of IKEv1 may also be encrypted with other keys: the pre-shared keys differ.

    Said once a minute for each peer.
    """

    @classmethod
    def of(cls, peer: Endpoint, why: Reason) -> Self:
        """Return the message for this peer."""
        return cls(f"IKE message from {peer.address} failed its sanity check or is malformed: {why}")


class AggressiveModeDisabled(Log, name="CRYPTO-5-IKMP_AG_MODE_DISABLED"):
    """A peer begins in aggressive mode, which this router never speaks. Said once a minute for each peer."""

    @classmethod
    def of(cls, peer: Endpoint, why: Reason) -> Self:
        """Return the message for this peer."""
        text = "Unable to initiate or respond to Aggressive Mode while disabled"
        return cls(f"{text}: {why} (peer {peer.address}:{peer.port})")


class NotAsWritten(Log, name="CRYPTO-4-IKE_CONFIG"):
    """Lines of the configuration of IKE are understood, and something of them cannot be done as they say."""

    @classmethod
    def of(cls, what: str) -> Self:
        """Return the message."""
        return cls(what)


class KeysTold(Log, name="CRYPTO-4-KEYS_WRITTEN"):
    """A capture of the lab's packets writes keys, too: its files decrypt all traffic that is protected from now on."""

    @classmethod
    def of(cls, *, on: bool) -> Self:
        """Return the message for either."""
        what = "Keys of new SAs are written to files for a packet capture" if on else "Keys are not written any more"
        return cls(what)


MESSAGES: Final = log_messages(vars())
#: Names of the flags of debugs.
IKEV2: Final = "crypto ikev2"
PACKET: Final = "crypto ikev2 packet"
ERROR: Final = "crypto ikev2 error"
INTERNAL: Final = "crypto ikev2 internal"
ISAKMP: Final = "crypto isakmp"
