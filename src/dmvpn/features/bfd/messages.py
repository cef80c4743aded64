"""What BFD writes into the log and prints for its debugs. Texts are those of IOS.

`MESSAGES` lists the log messages; the docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import Final, Self

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.notices import Log, log_messages
from dmvpn.features.bfd.packet import ControlPacket

#: Names of the debug flags.
EVENT: Final = "bfd event"
PACKET: Final = "bfd packet"


class SessionCreated(Log, name="BFD-6-BFD_SESS_CREATED"):
    """A routing protocol wants a neighbor watched, and BFD begins to call it."""

    @classmethod
    def of(cls, address: IPAddress, protocol: str, interface: str, handle: int) -> Self:
        """Return the message for this session."""
        ends = f"neigh {spelled(address)} proc:{protocol}, idb:{interface} handle:{handle}"
        text = f"BFD-SYSLOG: bfd_session_created, {ends} act"
        return cls(text)


class SessionDestroyed(Log, name="BFD-6-BFD_SESS_DESTROYED"):
    """No routing protocol wants the neighbor watched any more; the far end is notified."""

    @classmethod
    def of(cls, discriminator: int, address: IPAddress, protocol: str, handle: int) -> Self:
        """Return the message for this session."""
        text = (
            f"BFD-SYSLOG: bfd_session_destroyed,  ld:{discriminator} neigh {spelled(address)} proc:{protocol}, "
            f"handle:{handle} act"
        )
        return cls(text)


class SessionUp(Log, name="BFDFSM-6-BFD_SESS_UP"):
    """Packets pass in both directions: from now on silence is noticed within the detection time."""

    @classmethod
    def of(cls, discriminator: int, handle: int) -> Self:
        """Return the message for this session."""
        text = f"BFD-SYSLOG: BFD session ld:{discriminator} handle:{handle} is going UP"
        return cls(text)


class SessionDown(Log, name="BFDFSM-6-BFD_SESS_DOWN"):
    """A session that was up is down, and the protocols that asked for it hear so; the message says why."""

    @classmethod
    def of(cls, discriminator: int, handle: int, why: str) -> Self:
        """Return the message for this session. why: in IOS's words."""
        text = f"BFD-SYSLOG: BFD session ld:{discriminator} handle:{handle},is going Down Reason: {why}"
        return cls(text)


class TooManySessions(Log, name="BFD-4-TOO_MANY"):
    """There are as many sessions as there is room for: further neighbors are not watched (said once a minute)."""

    @classmethod
    def of(cls, address: IPAddress, interface: str, most: int) -> Self:
        """Return the message for the neighbor that is not watched."""
        text = f"{spelled(address)} on {interface} is not watched: there are {most} sessions already"
        return cls(text)


MESSAGES: Final = log_messages(vars())


def event_line(address: IPAddress, interface: str, text: str) -> str:
    """Return a line of `debug bfd event`."""
    return f"BFD: {spelled(address)} on {interface}: {text}"


def packet_line(way: str, address: IPAddress, interface: str, what: ControlPacket | str) -> str:
    """Return a line of `debug bfd packet`. way: "Tx" or "Rx". what: the packet, or a text about it."""
    if not isinstance(what, str):
        what = (
            f"diag:{what.diagnostic} state:{what.state.word} P:{what.poll:d} F:{what.final:d} "
            f"ld/rd:{what.mine}/{what.yours} tx:{what.desired_tx} rx:{what.required_rx} mult:{what.multiplier}"
        )
    return f"BFD {way}: {spelled(address)} on {interface}, {what}"
