"""Rules about addresses across routers: duplicate addresses, and subnets that do not agree."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.causes import Cause
from dmvpn.base.findings import Rule, Severity
from dmvpn.base.terms import Likeness, NoValue, Term
from dmvpn.base.values import dataclass
from dmvpn.features.interface.config.sections import ADDRESS, OPEN_ADDRESS
from dmvpn.ios import INTERFACE
from dmvpn.network.device import is_private
from dmvpn.network.terms.table import Table, disagreements
from dmvpn.tools.lint.found import differing, found

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import IPAddress
    from dmvpn.network.device import Device
    from dmvpn.network.overlay import Network, TunnelEnd
    from dmvpn.tools.lint.found import NetworkConcern

DUPLICATE: Final = Rule(
    id="address-duplicate",
    severity=Severity.ERROR,
    title="Two routers have the same address",
    why="A tunnel address belongs to the spoke that registers it first; the second spoke is refused with code 14. The "
    "same NBMA address, or the same address in two LANs, means that only one of the two is ever reached. Private "
    "addresses of spokes behind NATs of their own may be equal, and so may addresses in VRFs. Advice for loopbacks "
    "(anycast) and LANs that not both routers advertise (guests).",
    bad="interface Tunnel0\n ip address 10.0.0.10 255.255.255.0",
    fix="interface Tunnel0\n ip address 10.0.0.20 255.255.255.0",
)


def _mask_lines(end: TunnelEnd, subnets: tuple[Prefix, ...]) -> tuple[str, ...]:
    """Return the lines that give an address the mask of the other end; () if its network is another one."""
    if end.nhrp.version == 6 or end.address is None or end.address not in subnets[0]:
        return ()
    return INTERFACE.of(name=end.name), ADDRESS.of(address=end.address, mask=subnets[0].netmask)


MASK: Final = Term["TunnelEnd", "tuple[Prefix, ...]"](
    rule=Rule(
        id="tunnel-mask-differs",
        severity=Severity.ERROR,
        title="The two ends of a tunnel have different masks",
        why="All routers of a cloud are on one subnet. Where the masks differ, a router takes neighbors for remote, "
        "or takes remote addresses for neighbors, and routing protocols refuse neighbors outside of their subnet.",
        bad="interface Tunnel0\n ip address 10.0.0.10 255.255.255.252",
        fix="interface Tunnel0\n ip address 10.0.0.10 255.255.255.0",
    ),
    cause=Cause.TUNNEL_MASK,
    name="tunnel mask",
    see=lambda end: tuple(Prefix.of(*one) for one in end.addresses) or NoValue.UNKNOWN,
    words=lambda subnets: f"the subnet {subnets[0]}",
    fits=lambda here, there: Likeness.of(any(one in there for one in here)),
    place=lambda end: end.line("ip address"),
    lines=_mask_lines,
)
MASKS: Final = Table(lambda end, _: end, (MASK,))
MISSING: Final = Rule(
    id="tunnel-address-missing",
    severity=Severity.ERROR,
    title="A DMVPN tunnel without an address",
    why="NHRP registers the tunnel's address; without one there is nothing to register, and no neighbor.",
    bad="interface Tunnel0\n ip nhrp network-id 1",
    fix="interface Tunnel0\n ip address 10.0.0.10 255.255.255.0",
)
RULES: Final = (DUPLICATE, MASK.rule, MISSING)


def check(network: Network) -> Iterator[NetworkConcern]:
    """Yield findings about the addresses of a network."""
    yield from _duplicates(network)
    for end in network.ends:
        if end.nhrp.network_id is not None and end.address is None and not end.interface.dhcp:
            what = f"{end.name} runs NHRP and has no {'IP' if end.nhrp.version == 4 else 'IPv6'} address"
            yield found(MISSING, end.device, end.at, what, f"{end.at[0]}\n {OPEN_ADDRESS}")
    for one in disagreements(network.pairs, MASKS):
        other = one.right.address
        is_far = one.odd.subnet is not None and other is not None and other not in one.odd.subnet
        yield differing(one, f": {other} is not on it") if is_far else differing(one, severity=Severity.WARNING)


def _duplicates(network: Network) -> Iterator[NetworkConcern]:
    first: dict[tuple[str, IPAddress], _Owner] = {}
    for device in network.devices:
        for settings, address, _ in device.addresses():
            here = _owner(network, device, settings.name, address)
            if here.is_hidden:
                continue
            there = first.setdefault((device.vrf_of(settings.name), address), here)
            if there.device is device:
                continue
            # Anycast, guests and ports for management are the same at many sites, and rightly.
            is_wrong = here.of_tunnel or there.of_tunnel or (here.is_advertised and there.is_advertised)
            if not is_wrong and device.vrf_of(settings.name):
                continue
            what = f"{settings.name} has {address}, and so has {there.interface} of {there.device.hostname}"
            at = (f"interface {settings.name}", f"ip address {address}")
            related = ((there.device, (f"interface {there.interface}", f"ip address {address}")),)
            yield found(DUPLICATE, device, at, what, related=related, severity=None if is_wrong else Severity.ADVICE)


@dataclass(frozen=True, slots=True)
class _Owner:
    """The owner of an address. of_tunnel: on a tunnel, or its source. is_advertised: in a LAN that it advertises."""

    device: Device
    interface: str
    of_tunnel: bool
    is_advertised: bool
    is_hidden: bool


def _owner(network: Network, device: Device, interface: str, address: IPAddress) -> _Owner:
    is_source = interface in device.tunnel_sources
    lans = network.advertised[device]
    return _Owner(
        device,
        interface,
        of_tunnel=is_source or interface.startswith("Tunnel"),
        is_advertised=any(settings.name == interface and prefix in lans for settings, prefix in device.lans),
        is_hidden=_is_hidden(network, device, interface, address, is_source=is_source),
    )


def _is_hidden(network: Network, device: Device, interface: str, address: IPAddress, *, is_source: bool) -> bool:
    """Return whether it may be equal to another router's: a private address that only a NAT sees."""
    if device.site is not None:
        is_behind = device.site.interface == interface if device.site.interface else is_source
        return device.site.nat is not None and is_behind
    if not is_source or not is_private(address):
        return False
    servers = [link.nbma for end in network.ends_of(device) for link in network.links_of(end)]
    return bool(servers) and not any(is_private(nbma) for nbma in servers)
