"""How a session begins: our OPEN, the checks of the peer's OPEN, and the capabilities that both support."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.features.bgp.model import ONE_PATH, Additional
from dmvpn.features.bgp.packet import (
    IPV4_UNICAST,
    VERSION,
    Capability,
    CapabilityValue,
    ErrorCode,
    MessageError,
    Open,
    OpenError,
)

if TYPE_CHECKING:
    from ipaddress import IPv4Address

    from dmvpn.features.bgp.packet import Restart

#: IPv4 unicast in capabilities: the address family in two octets, and the subsequent one in one.
_FAMILY: Final = IPV4_UNICAST[:2] + IPV4_UNICAST[3:]


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenParameters:
    """Parameters of our OPEN to one peer, and requirements for its OPEN. hold_time, keepalive: seconds.

    marks_refreshes: we support Enhanced Route Refresh (RFC 7313).
    least_hold_time: a smaller hold time of the peer is refused.
    restart: our graceful restart capability; None: not sent.
    additional: whether we receive and send several paths to a prefix.
    alternates: further AS numbers that the peer may be in.
    """

    local_as: int
    remote_as: int
    router_id: IPv4Address
    hold_time: int
    keepalive: int
    marks_refreshes: bool = True
    least_hold_time: int = 0
    restart: Restart | None = None
    additional: Additional = ONE_PATH
    alternates: tuple[int, ...] = ()

    def open(self) -> Open:
        """Return our OPEN."""
        return Open.with_capabilities(
            self.local_as,
            self.hold_time,
            self.router_id,
            (
                CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST),
                CapabilityValue(Capability.OLD_ROUTE_REFRESH),
                CapabilityValue(Capability.ROUTE_REFRESH),
                CapabilityValue(Capability.FOUR_OCTET_AS, self.local_as.to_bytes(4, "big")),
                *_additional_capability(self.additional),
                *((CapabilityValue(Capability.ENHANCED_REFRESH),) if self.marks_refreshes else ()),
                *((self.restart.capability(),) if self.restart is not None else ()),
            ),
        )

    def check(self, message: Open) -> None:
        """Check the OPEN of the peer, RFC 4271 §6.2. Raises MessageError."""
        if message.version != VERSION:
            raise _refused("version", OpenError.UNSUPPORTED_VERSION, VERSION.to_bytes(2, "big"))
        remote_as = message.real_autonomous_system
        if remote_as not in (self.remote_as, *self.alternates):
            data = message.autonomous_system.to_bytes(2, "big")
            raise _refused("autonomous system", OpenError.BAD_PEER_AS, data)
        is_internal = remote_as == self.local_as
        if not int(message.identifier) or (is_internal and message.identifier == self.router_id):
            raise _refused("identifier", OpenError.BAD_IDENTIFIER, message.identifier.packed)
        if message.hold_time in (1, 2) or message.hold_time < self.least_hold_time:
            raise _refused("hold time", OpenError.UNACCEPTABLE_HOLD_TIME)
        families = [one.value for one in message.capabilities if one.code == Capability.MULTIPROTOCOL]
        if families and IPV4_UNICAST not in families:
            wanted = CapabilityValue(Capability.MULTIPROTOCOL, IPV4_UNICAST).serialize()
            raise _refused("address family", OpenError.UNSUPPORTED_CAPABILITY, wanted)


def agreed(own: Additional, heard: Open) -> Additional:
    """Return in which directions path identifiers are used: where one end sends them and the other receives them."""
    theirs = _heard_additional(heard)
    return Additional(sends=own.sends and theirs.receives, receives=own.receives and theirs.sends)


def _additional_capability(own: Additional) -> tuple[CapabilityValue, ...]:
    """Return the capability of RFC 7911 §4, unless neither direction is configured."""
    ways = own.receives + 2 * own.sends
    return (CapabilityValue(Capability.ADDITIONAL_PATHS, _FAMILY + bytes((ways,))),) if ways else ()


def _heard_additional(heard: Open) -> Additional:
    """Return the ADD-PATH support of an OPEN for IPv4 unicast; undefined values are ignored (RFC 7911 §4)."""
    found = heard.capability(Capability.ADDITIONAL_PATHS)
    if found is None or len(found.value) % 4:
        return ONE_PATH
    families = {found.value[at : at + 3]: found.value[at + 3] for at in range(0, len(found.value), 4)}
    ways = families.get(_FAMILY, 0)
    return Additional(sends=ways in (2, 3), receives=ways in (1, 3))


def _refused(what: str, subcode: OpenError, data: bytes = b"") -> MessageError:
    return MessageError(
        f"OPEN with another {what}", code=ErrorCode.OPEN, subcode=subcode, clause="RFC 4271 §6.2", data=data
    )
