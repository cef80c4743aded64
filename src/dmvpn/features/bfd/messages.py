"""What BFD writes into the log and prints for its debugs. Texts are those of IOS.

`MESSAGES` lists the log messages; the docstring of each is its explanation for `dmvpn explain`.
"""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.notices import log_kind, log_messages
from dmvpn.features.bfd.packet import ControlPacket

#: Names of the debug flags.
EVENT: Final = "bfd event"
PACKET: Final = "bfd packet"


@log_kind("BFD-6-BFD_SESS_CREATED")
def session_created(address: IPAddress, protocol: str, interface: str, handle: int) -> str:
    """A routing protocol wants a neighbor watched, and BFD begins to call it."""
    ends = f"neigh {spelled(address)} proc:{protocol}, idb:{interface} handle:{handle}"
    return f"BFD-SYSLOG: bfd_session_created, {ends} act"


@log_kind("BFD-6-BFD_SESS_DESTROYED")
def session_destroyed(discriminator: int, address: IPAddress, protocol: str, handle: int) -> str:
    """No routing protocol wants the neighbor watched any more; the far end is notified."""
    return (
        f"BFD-SYSLOG: bfd_session_destroyed,  ld:{discriminator} neigh {spelled(address)} proc:{protocol}, "
        f"handle:{handle} act"
    )


@log_kind("BFDFSM-6-BFD_SESS_UP")
def session_up(discriminator: int, handle: int) -> str:
    """Packets pass in both directions: from now on silence is noticed within the detection time."""
    return f"BFD-SYSLOG: BFD session ld:{discriminator} handle:{handle} is going UP"


@log_kind("BFDFSM-6-BFD_SESS_DOWN")
def session_down(discriminator: int, handle: int, why: str) -> str:
    """A session that was up is down, and the protocols that asked for it hear so; the message says why."""
    # why: in IOS's words.
    return f"BFD-SYSLOG: BFD session ld:{discriminator} handle:{handle},is going Down Reason: {why}"


@log_kind("BFD-4-TOO_MANY")
def too_many_sessions(address: IPAddress, interface: str, most: int) -> str:
    """There are as many sessions as there is room for: further neighbors are not watched (said once a minute)."""
    return f"{spelled(address)} on {interface} is not watched: there are {most} sessions already"


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
