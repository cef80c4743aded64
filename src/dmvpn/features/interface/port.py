"""One interface: what configuration, host and the owner of its line protocol say, and the state that follows.

The name of an interface determines its kind, which has the defaults of IOS (`KindDefaults`) and its place in lists.

Without a configured link-local address it is derived (RFC 4291 §2.5.6), in this order: from the hardware address (RFC
4291 Appendix A, as IOS does), the IPv4 address of the interface or, on a tunnel, its NBMA address (RFC 4213 §3.7), and
where there is neither, a number made of names, always the same one (as RFC 7217 asks).
"""

from __future__ import annotations

import enum
import hashlib
import re
from functools import lru_cache
from ipaddress import IPv6Address

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.effects import SetInterface
from dmvpn.base.events import LinkChanged, PlaneAnnounced
from dmvpn.base.notices import InterfaceState, Ipv6State, LineProtocolDecided
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable, Value
from dmvpn.features.interface.model import IDENTIFIER_LENGTH, InterfaceSettings
from dmvpn.features.interface.reasons import InterfaceReason
from dmvpn.net.ipv6 import LEAST_MTU

#: kbit/s above which microseconds are too coarse, and picoseconds times kbit/s.
_COARSE, _WIDE = 1_000_000, 10**13

_NAME = re.compile(r"([A-Za-z-]+)([\d/.:]*)")


class KindDefaults(Value):
    """Defaults of one kind.

    bandwidth: kbit/s.
    delay: microseconds.
    mtu: octets.
    logical: made by the router itself.
    """

    bandwidth: int
    delay: int
    mtu: int
    logical: bool
    hardware: str

    @property
    def wide_delay(self) -> int | None:
        """The delay that EIGRP's wide metrics use, picoseconds: above 1 Gbit/s it follows from the bandwidth, because
        microseconds are too coarse; None: `delay`. IOS 15.9 sends 1,250,000 for a loopback.
        """
        return _WIDE // self.bandwidth if self.bandwidth > _COARSE and self.delay else None


_KINDS = {
    "TenGigabitEthernet": KindDefaults(10_000_000, 10, 1500, logical=False, hardware="dmvpn vNIC"),
    "GigabitEthernet": KindDefaults(1_000_000, 10, 1500, logical=False, hardware="dmvpn vNIC"),
    "FastEthernet": KindDefaults(100_000, 100, 1500, logical=False, hardware="dmvpn vNIC"),
    "Ethernet": KindDefaults(10_000, 1000, 1500, logical=False, hardware="dmvpn vNIC"),
    "Loopback": KindDefaults(8_000_000, 5000, 1514, logical=True, hardware="Loopback"),
    "Tunnel": KindDefaults(100, 50_000, 9976, logical=True, hardware="Tunnel"),
    "Null": KindDefaults(10_000_000, 0, 1500, logical=True, hardware="Unknown"),
}


#: Names whose kind and key are remembered: more than a router has ports and tunnels.
_NAMES = 1024


@lru_cache(maxsize=_NAMES)
def kind_name(name: str) -> str:
    """Return the letters of an interface name: "GigabitEthernet" for GigabitEthernet0/1."""
    match = _NAME.match(name)
    return match[1] if match else name


@lru_cache(maxsize=_NAMES)
def kind_of(name: str) -> KindDefaults:
    """Return the defaults for an interface; a kind that we do not know counts as an Ethernet of 1 Gbit/s."""
    return _KINDS.get(kind_name(name), _KINDS["GigabitEthernet"])


@lru_cache(maxsize=_NAMES)
def sort_key(name: str) -> tuple[str, tuple[int, ...]]:
    """Return the key of IOS's order: by kind, then by the numbers of slot, port and unit."""
    match = _NAME.match(name)
    if match is None:
        return name, ()
    return match[1], tuple(int(number) for number in re.split(r"[/.:]", match[2]) if number)


_PREFIX = 0xFE80 << 112
#: The bit of an EUI-64 that says, the other way round, whether it is unique in the world.
_UNIVERSAL = 0x02


def derive(hardware: bytes, address: IPAddress | None, names: str) -> IPv6Address:
    """Derive a link-local address. address: of the interface or its underlay. names: of router and interface."""
    if len(hardware) == 6 and any(hardware):
        identifier = bytes((hardware[0] ^ _UNIVERSAL,)) + hardware[1:3] + b"\xff\xfe" + hardware[3:]
        return IPv6Address(_PREFIX | int.from_bytes(identifier, "big"))
    if address is not None and address.version == 4:
        return IPv6Address(_PREFIX | int(address))
    return IPv6Address(_PREFIX | int.from_bytes(hashlib.sha256(names.encode()).digest()[:8], "big"))


#: What a data plane carries that has said nothing.
NO_IPV6 = PlaneAnnounced(ipv6=False)
#: RFC 4291 §2.5.6: the prefix of all link-local addresses.
LINK_LOCAL_LENGTH = 64
#: The IP MTU of a tunnel whose owner has not spoken yet: Ethernet's 1500 less an IP and a GRE header.
_TUNNEL_IP_MTU = 1476


class Status(enum.Enum):
    """The first of the two states of `show interfaces`; the second is the line protocol."""

    UP = "up"
    DOWN = "down"
    SHUT = "administratively down"


class InterfaceSources(Mutable):
    """The sources of truth of one interface.

    link: None until the host reports one.
    assigned: by the host, or by a DHCP server to the router's own client (`has_lease`).
    decided: what the owner of a logical interface says. exists by configuration (`configured`), by `link`, or both.
    plane: what the data plane says of itself.
    hostname, underlay (of a tunnel): what a link-local address is made of.
    learned: the prefixes that other routers advertise, of which addresses are made.
    borrowed: the address of the interface that `ipv6 unnumbered` names.
    """

    settings: InterfaceSettings
    configured: bool = False
    link: LinkChanged | None = None
    assigned: tuple[IPAddress, int] | None = None
    decided: LineProtocolDecided | None = None
    plane: PlaneAnnounced = NO_IPV6
    has_lease: bool = False
    hostname: str = ""
    underlay: IPAddress | None = None
    learned: tuple[Prefix, ...] = ()
    borrowed: IPAddress | None = None

    # What happens to it.

    def configure(self, settings: InterfaceSettings, hostname: str) -> bool:
        """Follow its section. Returns whether its state may change."""
        is_renamed = self.hostname != hostname and settings.ipv6 is not None
        is_other = not self.configured or self.settings != settings
        self.settings, self.configured, self.hostname = settings, True, hostname
        return is_other or is_renamed

    def unconfigure(self) -> None:
        """Forget its section, which is gone."""
        self.settings, self.configured = InterfaceSettings(name=self.name), False

    def linked(self, event: LinkChanged) -> None:
        """Apply the host's report of its link."""
        self.link = event

    def assign(self, address: IPAddress | None, prefix_length: int, *, leased: bool = False) -> None:
        """Take the address that the host assigned, or a DHCP server to our own client (`leased`); None: it is gone."""
        self.assigned = (address, prefix_length) if address is not None else None
        self.has_lease = leased and address is not None

    def decide(self, decision: LineProtocolDecided) -> bool:
        """Apply the decision of its line's owner. Returns whether these are the same words again."""
        before, self.decided = self.decided, decision
        return before == decision

    def announced(self, plane: PlaneAnnounced) -> None:
        """Apply the data plane's report about itself."""
        self.plane = plane

    def lead_over(self, underlay: IPAddress | None) -> bool:
        """Take the NBMA address of a tunnel, of which its link-local address may be made. Returns whether that
        matters.
        """
        is_other = self.underlay != underlay
        self.underlay = underlay
        return is_other and self.settings.ipv6 is not None

    def learn(self, prefixes: tuple[Prefix, ...]) -> bool:
        """Take the prefixes that other routers advertise. Returns whether they have changed."""
        before, self.learned = self.learned, prefixes
        return before != prefixes

    def borrow(self, address: IPAddress | None) -> bool:
        """Take the address of the interface that `ipv6 unnumbered` names. Returns whether it has changed."""
        before, self.borrowed = self.borrowed, address
        return before != address

    # What it is.

    @property
    def name(self) -> str:
        """The IOS name."""
        return self.settings.name

    @property
    def status(self) -> Status:
        """Shut down or not, with or without a carrier."""
        if self.settings.shutdown:
            return Status.SHUT
        if kind_of(self.name).logical or (self.link is not None and self.link.up):
            return Status.UP
        return Status.DOWN

    @property
    def address(self) -> tuple[IPAddress, int] | None:
        """The primary address: configured, else assigned."""
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
        """Return the state that follows; the line keeps the time of its last change from `old`."""
        line, reason = self._line(now)
        since = old.since if old is not None and old.line == line else now
        if old is not None and old.reason is not None and old.reason.says_the_same(reason):
            reason = old.reason
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
            wide_delay=kind.wide_delay if settings.bandwidth is None and settings.delay is None else None,
            reason=reason,
            since=since,
            ipv6=self._ipv6(self._default_ip_mtu(mtu), old, now, up=line),
            vrf=settings.vrf,
        )

    def _ipv6(self, mtu: int, old: InterfaceState | None, now: float, *, up: bool) -> Ipv6State | None:
        settings = self.settings.ipv6
        if settings is None:
            return None
        before = old.ipv6.reason if old is not None and old.ipv6 is not None else None
        reason, plane = None, self.plane
        if not plane.ipv6:
            code = InterfaceReason.NO_IPV6 if plane.lacks else InterfaceReason.ONLY_IPV4
            reason = before or Reason(code, (plane.lacks,) if plane.lacks else (), now)
        identifier = int(self._derived()) & ((1 << IDENTIFIER_LENGTH) - 1)
        learned = self.learned if up and settings.autoconfig is not None else ()
        made = ((IPv6Address(prefix.number | identifier), prefix.length) for prefix in (*settings.prefixes, *learned))
        addresses = (*settings.addresses, *made)
        if settings.anycast:  # they represent no single router, so they come last (RFC 4291 §2.6)
            addresses = tuple(sorted(addresses, key=lambda one: one[0] in settings.anycast))
        return Ipv6State(
            link_local=settings.link_local or self._derived(),
            addresses=addresses,
            borrowed=self.borrowed if settings.unnumbered else None,
            mtu=settings.mtu or max(mtu, LEAST_MTU),
            reason=reason,
        )

    def _derived(self) -> IPAddress:
        hardware = self.link.hardware_address if self.link is not None else b""
        own = self.underlay or (self.address[0] if self.address is not None else None)
        return derive(hardware, own, f"{self.hostname} {self.name}")

    def order(self, state: InterfaceState) -> SetInterface | None:
        """Return the order to the shell for this state, or None if there is no object to configure.

        A tunnel exists for the shell from the tunnel feature's `SetTunnel` on, and loses its carrier by `SetCarrier`:
        its addresses are said whenever it has come up. Its MTU and MSS are part of `SetTunnel`.
        """
        kind = kind_name(self.name)
        if kind == "Null" or (kind == "Tunnel" and not state.line):
            return None
        ipv6, settings = state.ipv6, self.settings.ipv6
        link_local = state.link_local(6)
        return SetInterface(
            interface=self.name,
            up=state.enabled,
            addresses=(*state.addresses, *state.routed(6), *(((link_local, LINK_LOCAL_LENGTH),) if link_local else ())),
            mtu=None if kind == "Tunnel" else self.settings.ip_mtu or self.settings.mtu,
            mss=None if kind == "Tunnel" else self.settings.mss,
            mtu6=ipv6.mtu if ipv6 is not None and ipv6.reason is None else None,
            leased=self.settings.dhcp and (not self.plane.manages or (self.plane.shares and not self.has_lease)),
            mss6=settings.mss if settings is not None else None,
            vrf=state.vrf,
        )

    def _line(self, now: float) -> tuple[bool, Reason | None]:
        if self.settings.shutdown:
            return False, Reason(InterfaceReason.SHUT, since=now)
        if kind_name(self.name) == "Tunnel":
            if self.decided is None:
                return False, Reason(InterfaceReason.UNDECIDED, since=now)
            return self.decided.up, self.decided.reason
        if kind_of(self.name).logical:
            return True, None
        if self.link is None:
            return False, Reason(InterfaceReason.MISSING, since=now)
        return self.link.up, self._disagreement(now) if self.link.up else Reason(InterfaceReason.NO_CARRIER, since=now)

    def _disagreement(self, now: float) -> Reason | None:
        wanted, actual = self.settings.address, self.assigned
        if self.settings.dhcp and actual is None:
            code = InterfaceReason.UNANSWERED if self.plane.manages else InterfaceReason.NO_LEASE
            return Reason(code, since=now)
        if wanted is None or actual is None or wanted == actual:
            return None
        return Reason(InterfaceReason.OTHER_ADDRESS, (*wanted, *actual), now)

    def _default_ip_mtu(self, mtu: int) -> int:
        if kind_name(self.name) != "Tunnel":
            return mtu
        return (self.decided.mtu if self.decided else None) or _TUNNEL_IP_MTU
