"""One interface: what configuration, host and the owner of its line protocol say, and the state that follows."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dmvpn.base.effects import SetInterface
from dmvpn.base.notices import InterfaceState, LineProtocolDecided
from dmvpn.base.reasons import Reason
from dmvpn.features.interface.kinds import kind_name, kind_of

if TYPE_CHECKING:
    from dmvpn.base.addresses import IPAddress
    from dmvpn.base.events import LinkChanged
    from dmvpn.features.interface.model import InterfaceSettings

#: The IP MTU of a tunnel whose owner has not spoken yet: Ethernet's 1500 less an IP and a GRE header.
_TUNNEL_IP_MTU = 1476


class Status(enum.Enum):
    """The first of the two states of `show interfaces`; the second is the line protocol."""

    UP = "up"
    DOWN = "down"
    SHUT = "administratively down"


@dataclass(slots=True)
class Port:
    """The sources of truth of one interface. link: None until the host reports one. assigned: by the host (DHCP).

    decided: what the owner of a logical interface says. exists by configuration (`configured`), by `link`, or both.
    """

    settings: InterfaceSettings
    configured: bool = False
    link: LinkChanged | None = None
    assigned: tuple[IPAddress, int] | None = None
    decided: LineProtocolDecided | None = None

    @property
    def name(self) -> str:
        """The IOS name."""
        return self.settings.name

    @property
    def status(self) -> Status:
        """Is it shut, and has it a carrier? Logical interfaces always have one."""
        if self.settings.shutdown:
            return Status.SHUT
        if kind_of(self.name).logical or (self.link is not None and self.link.up):
            return Status.UP
        return Status.DOWN

    @property
    def address(self) -> tuple[IPAddress, int] | None:
        """The primary address: configured, else the one that the host assigned."""
        return self.settings.address or self.assigned

    @property
    def method(self) -> str:
        """Where the address comes from, in the words of `show ip interface brief`."""
        if self.settings.dhcp:
            return "DHCP"
        if self.settings.address:
            return "manual"
        return "other" if self.assigned else "unset"

    def state(self, old: InterfaceState | None, now: float) -> InterfaceState:
        """The state that follows; `old` tells since when the line is as it is."""
        line, reason = self._line(now)
        since = old.since if old is not None and old.line == line else now
        if old is not None and old.reason is not None and reason is not None and old.reason.what == reason.what:
            reason = old.reason if old.reason.evidence == reason.evidence else reason
        settings, kind = self.settings, kind_of(self.name)
        address, length = self.address or (None, 32)
        mtu = settings.mtu or (self.link.mtu if self.link else kind.mtu)
        return InterfaceState(
            name=self.name,
            enabled=not settings.shutdown,
            line=line,
            address=address,
            prefix_length=length,
            secondary=settings.secondary,
            mtu=mtu,
            ip_mtu=settings.ip_mtu or self._default_ip_mtu(mtu),
            bandwidth=settings.bandwidth or kind.bandwidth,
            delay=kind.delay if settings.delay is None else settings.delay,
            reason=reason,
            since=since,
        )

    def order(self, state: InterfaceState) -> SetInterface | None:
        """What the shell is to do for this state, or None if there is nothing to do it to.

        A tunnel exists for the shell from the tunnel feature's `SetTunnel` on, and loses its carrier by `SetCarrier`:
        its addresses are said whenever it has come up. Its MTU and MSS are part of `SetTunnel`.
        """
        kind = kind_name(self.name)
        if kind == "Null" or (kind == "Tunnel" and not state.line):
            return None
        return SetInterface(
            interface=self.name,
            up=state.enabled,
            addresses=state.addresses,
            mtu=None if kind == "Tunnel" else self.settings.ip_mtu or self.settings.mtu,
            mss=None if kind == "Tunnel" else self.settings.mss,
        )

    def _line(self, now: float) -> tuple[bool, Reason | None]:
        if self.settings.shutdown:
            return False, Reason("administratively down", since=now)
        if kind_name(self.name) == "Tunnel":
            if self.decided is None:
                return False, Reason("the tunnel is not set up yet", since=now)
            return self.decided.up, self.decided.reason
        if kind_of(self.name).logical:
            return True, None
        if self.link is None:
            return False, Reason("this system has no such interface", since=now)
        return self.link.up, self._disagreement(now) if self.link.up else Reason("no carrier", since=now)

    def _disagreement(self, now: float) -> Reason | None:
        wanted, actual = self.settings.address, self.assigned
        if wanted is None or actual is None or wanted == actual:
            return None
        evidence = f"configured {wanted[0]}/{wanted[1]}, the host has {actual[0]}/{actual[1]}"
        return Reason("the host uses another address", evidence, since=now)

    def _default_ip_mtu(self, mtu: int) -> int:
        if kind_name(self.name) != "Tunnel":
            return mtu
        return (self.decided.mtu if self.decided else None) or _TUNNEL_IP_MTU
