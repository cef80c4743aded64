"""BFD Control packets: octets <-> values. RFC 5880 §4.1, over UDP as in RFC 5881 §4.

vers|diag  Sta|P|F|C|A|D|M  Detect Mult  Length
My Discriminator, Your Discriminator
Desired Min TX, Required Min RX, Required Min Echo RX: microseconds
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final, Self

from dmvpn.base.errors import WireError
from dmvpn.base.values import dataclass
from dmvpn.features.bfd.auth import AuthSection
from dmvpn.features.bfd.states import BfdState

if TYPE_CHECKING:
    from dmvpn.net.octets import Octets

VERSION: Final = 1
LENGTH: Final = 24
_BODY: Final = struct.Struct("!BBBBIIIII")
_CLAUSE: Final = "RFC 5880 §6.8.6"
_POLL, _FINAL, _CONTROL_PLANE, _AUTHENTICATED, _DEMAND, _MULTIPOINT = 0x20, 0x10, 0x08, 0x04, 0x02, 0x01


@dataclass(frozen=True, slots=True, kw_only=True)
class PacketFields:
    """The fields of a packet besides its state. Intervals are microseconds.

    diagnostic: a `Diagnostic`, or an unassigned number.
    control_plane_independent: the C bit; demand: the D bit.
    mine, yours: discriminators, of the sender and (0: not known) of the receiver.
    """

    diagnostic: int = 0
    poll: bool = False
    final: bool = False
    control_plane_independent: bool = False
    demand: bool = False
    multiplier: int
    mine: int
    yours: int
    desired_tx: int
    required_rx: int
    required_echo_rx: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlPacket(PacketFields):
    """One packet."""

    state: BfdState
    authentication: AuthSection | None = None

    @classmethod
    def parse(cls, data: Octets) -> Self:
        """Decode the payload of a datagram, checked as RFC 5880 §6.8.6 asks before a session is looked for.

        Whether its authentication is right, only the session knows. Raises WireError.
        """
        if len(data) < LENGTH:
            raise WireError("BFD packet cut short", offset=len(data), clause=_CLAUSE)
        first, second, multiplier, length, mine, yours, desired, required, echo = _BODY.unpack_from(data)
        if first >> 5 != VERSION:
            raise WireError(f"BFD version {first >> 5}", offset=0, clause=_CLAUSE)
        if not LENGTH <= length <= len(data):
            raise WireError(f"BFD length {length}", offset=3, clause=_CLAUSE)
        if not multiplier:
            raise WireError("detection multiplier 0", offset=2, clause=_CLAUSE)
        if second & _MULTIPOINT:
            raise WireError("the multipoint bit is set", offset=1, clause=_CLAUSE)
        authentication = AuthSection.parse(data[LENGTH:length]) if second & _AUTHENTICATED else None
        if not mine:
            raise WireError("my discriminator is 0", offset=4, clause=_CLAUSE)
        state = BfdState(second >> 6)
        if not yours and state in (BfdState.INIT, BfdState.UP):
            raise WireError(f"your discriminator is 0 in state {state.word}", offset=8, clause=_CLAUSE)
        return cls(
            state=state,
            diagnostic=first & 0x1F,
            poll=bool(second & _POLL),
            final=bool(second & _FINAL),
            control_plane_independent=bool(second & _CONTROL_PLANE),
            demand=bool(second & _DEMAND),
            multiplier=multiplier,
            mine=mine,
            yours=yours,
            desired_tx=desired,
            required_rx=required,
            required_echo_rx=echo,
            authentication=authentication,
        )

    def serialize(self, more: int = 0) -> bytes:
        """Encode all but the authentication. Raises struct.error if a number does not fit its field.

        more: octets of the authentication that follows, 0: none does.
        """
        bits = (
            self.state << 6
            | _POLL * self.poll
            | _FINAL * self.final
            | _CONTROL_PLANE * self.control_plane_independent
            | _DEMAND * self.demand
            | _AUTHENTICATED * bool(more)
        )
        return _BODY.pack(
            VERSION << 5 | self.diagnostic,
            bits,
            self.multiplier,
            LENGTH + more,
            self.mine,
            self.yours,
            self.desired_tx,
            self.required_rx,
            self.required_echo_rx,
        )
