"""One parsed configuration: its lines and their places, and the model that each feature makes of it."""

from __future__ import annotations

from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.switching import Box
from dmvpn.base.values import dataclass
from dmvpn.features.bgp.config import model as bgp_model
from dmvpn.features.bgp.model import BgpConfig
from dmvpn.features.dhcp.config import model as dhcp_model
from dmvpn.features.dhcp.model import DhcpConfig
from dmvpn.features.eigrp.config import model as eigrp_model
from dmvpn.features.filter.config import model as filter_model
from dmvpn.features.filter.model import FilterConfig
from dmvpn.features.ike.config import model as ike_model
from dmvpn.features.ike.model import IkeConfig
from dmvpn.features.interface.config import model as interface_model
from dmvpn.features.ipsec.config import model as ipsec_model
from dmvpn.features.ipsec.model import IpsecConfig
from dmvpn.features.nat.config import model as nat_model
from dmvpn.features.nat.model import NatConfig, interface_of, is_of_loopback, prefixes
from dmvpn.features.nhrp.config import model as nhrp_model
from dmvpn.features.ospf.config import model as ospf_model
from dmvpn.features.ospf.model import OspfConfig
from dmvpn.features.pki.config import model as pki_model
from dmvpn.features.pki.model import PkiConfig
from dmvpn.features.policy.config import model as policy_model
from dmvpn.features.policy.config import policies
from dmvpn.features.policy.model import PolicyConfig
from dmvpn.features.rip.config import model as rip_model
from dmvpn.features.static.config import model as static_model
from dmvpn.features.switching.config import model as switching_model
from dmvpn.features.track.config import model as track_model
from dmvpn.features.track.model import TrackConfig
from dmvpn.features.tunnel.config import model as tunnel_model
from dmvpn.features.vrf.config import model as vrf_model
from dmvpn.features.vrf.model import VrfConfig
from dmvpn.ios import DEFAULTS, INTERFACE, ConfigTree, LineReport, Places, Problem, Release, Section
from dmvpn.ios.common import HOSTNAME
from dmvpn.network.lines import IN_VRF, IN_VRF_OLD, NEGOTIATED, Lines
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from dmvpn.base.routemaps import RoutePolicies
    from dmvpn.features.eigrp.model import EigrpConfig
    from dmvpn.features.interface.model import InterfaceConfig, InterfaceSettings
    from dmvpn.features.nhrp.model import NhrpConfig
    from dmvpn.features.rip.model import RipConfig
    from dmvpn.features.static.model import StaticConfig, StaticRoute
    from dmvpn.features.tunnel.model import TunnelConfig, TunnelSettings
    from dmvpn.network.sites import Site


_DEFAULT: Final = Prefix.parse("0.0.0.0/0")


@dataclass(frozen=True, kw_only=True, eq=False)
class Device:
    """A router as its configuration has it. name: of the file. A feature that is not configured has an empty model.

    site: its place in the underlay, None if it was not given.
    vrf: whose routing protocols it shows, "": those of the global table.
    """

    name: str
    text: str
    tree: ConfigTree
    places: Places
    problems: tuple[Problem, ...]
    entries: tuple[LineReport, ...]
    release: Release | None
    site: Site | None = None
    vrf: str = ""

    @classmethod
    def read(cls, name: str, text: str, site: Site | None = None, *, leaves_out: bool = False) -> Device:
        """Parse a text. Lines with errors are listed in `problems` and ignored.

        leaves_out: ignore lines that restrict or divert traffic as well, as in a lab.
        """
        places = Places()
        result = configurator(FEATURES).parse_text(text, places=places, leaves_out=leaves_out, weak=True)
        return cls(
            name=name,
            text=text,
            tree=result.tree,
            places=places,
            problems=result.problems,
            entries=result.entries,
            release=result.release,
            site=site,
        )

    @cached_property
    def lines(self) -> Lines:
        """Its lines as `show running-config` prints them."""
        return Lines(tuple(self.tree.render()))

    @cached_property
    def numbered_lists(self) -> dict[str, list[str]]:
        """The lines of each list of `access-list N`, as the router keeps them: each once."""
        found: dict[str, list[str]] = {}
        for line in self.lines.lines:
            if line.startswith("access-list "):
                found.setdefault(line.split(maxsplit=2)[1], []).append(line)
        return found

    # The models: each is made when it is first asked for.

    @cached_property
    def interfaces(self) -> InterfaceConfig:
        return interface_model(self.tree)

    @cached_property
    def tunnels(self) -> TunnelConfig:
        return tunnel_model(self.tree)

    @cached_property
    def nhrp(self) -> NhrpConfig:
        return nhrp_model(self.tree)

    @cached_property
    def eigrp(self) -> EigrpConfig:
        return eigrp_model(self.tree, self.vrf)

    @cached_property
    def rip(self) -> RipConfig:
        return rip_model(self.tree, self.vrf)

    @cached_property
    def ospf(self) -> OspfConfig:
        return ospf_model(self.tree, self.vrf) or OspfConfig()

    @cached_property
    def bgp(self) -> BgpConfig:
        return bgp_model(self.tree, self.vrf) or BgpConfig()

    @property
    def vrfs_of_bgp(self) -> tuple[str, ...]:
        """The VRFs that have an address family of BGP."""
        return tuple(vrf for vrf in self.vrfs.names if bgp_model(self.tree, vrf) is not None)

    @cached_property
    def static(self) -> StaticConfig:
        return static_model(self.tree)

    @cached_property
    def ipsec(self) -> IpsecConfig:
        return ipsec_model(self.tree) or IpsecConfig()

    @cached_property
    def ikev2(self) -> IkeConfig:
        return ike_model(self.tree) or IkeConfig()

    @cached_property
    def pki(self) -> PkiConfig:
        return pki_model(self.tree) or PkiConfig()

    @cached_property
    def policy(self) -> PolicyConfig:
        return policy_model(self.tree) or PolicyConfig()

    @cached_property
    def policies(self) -> RoutePolicies:
        """The same lists and maps, as the policies that a route passes."""
        return policies(self.tree)

    @cached_property
    def filters(self) -> FilterConfig:
        return filter_model(self.tree) or FilterConfig()

    @cached_property
    def nat(self) -> NatConfig:
        return nat_model(self.tree) or NatConfig()

    @property
    def helpers(self) -> tuple[tuple[str, IPv4Address], ...]:
        """The `ip helper-address` lines of its ports, without those of other VRFs."""
        return tuple((port.interface, address) for port in self.dhcp.ports for vrf, address in port.helpers if not vrf)

    def nat_beyond(self, links: Sequence[Prefix]) -> Iterator[tuple[str, Prefix]]:
        """Yield addresses of NAT that are in none of these networks, each with the line that uses it: packets to them
        need a route at the provider.
        """
        for rule in self.nat.every_rule:
            own = self.ports.get(interface_of(rule)) if is_of_loopback(rule) else None  # others are on a link
            used = ((own.ip, own.ip),) if own is not None else self.nat.published(rule)
            yield from ((str(rule), one) for one in prefixes(used) if not any(one in link for link in links))

    @cached_property
    def dhcp(self) -> DhcpConfig:
        return dhcp_model(self.tree) or DhcpConfig()

    @cached_property
    def box(self) -> Box:
        return switching_model(self.tree) or Box()

    @cached_property
    def track(self) -> TrackConfig:
        return track_model(self.tree) or TrackConfig()

    @cached_property
    def vrfs(self) -> VrfConfig:
        return vrf_model(self.tree) or VrfConfig()

    @property
    def own_name(self) -> str:
        """The router's name, if a line says it."""
        return self.tree.args(HOSTNAME).text("name", "")

    @property
    def hostname(self) -> str:
        """The router's name: as configured, else that of the file without folder and ending."""
        name = self.own_name
        if name and name != "Router":
            return name
        return self.name.rsplit("/", 1)[-1].removesuffix(".cfg").removesuffix(".conf") or "Router"

    def may_have_unseen(self, version: int) -> bool:
        """Return whether its release may have IPv6 defaults that the configuration does not show, as it has for IPv4.

        Whether IOS 15.7 and later have them for IPv6 is not documented.
        """
        holding = [each.line for each in DEFAULTS if self.release is not None and each.holds(self.release)]
        return version == 6 and bool(holding) and not any(line.startswith("ipv6 ") for line in holding)

    def interface(self, name: str) -> InterfaceSettings | None:
        """Return the section of an interface."""
        return self._by_name.get(name)

    @cached_property
    def _by_name(self) -> dict[str, InterfaceSettings]:
        made = {settings.name: settings for settings in self.interfaces.interfaces}
        # In the order in which they are shown, which is not that in which they were typed.
        return {name: made[name] for name in self._sections if name in made}

    @cached_property
    def _sections(self) -> dict[str, Section]:
        return {args.interface("name"): section for args, section in self.tree.sections(INTERFACE)}

    def section(self, interface: str) -> Section | None:
        """Return the section of an interface in the tree, or None."""
        return self._sections.get(interface)

    @property
    def interface_names(self) -> tuple[str, ...]:
        """Of all interfaces that have a section."""
        return tuple(self._by_name)

    @cached_property
    def has_underlay(self) -> bool:
        """True if an interface besides its tunnels has an address. In examples there is often none."""
        return any(
            settings.address is not None or self.is_given_address(settings.name)
            for settings in self._by_name.values()
            if not settings.name.startswith("Tunnel")
        )

    @property
    def learns_routes(self) -> bool:
        """True with a routing protocol besides EIGRP, which most tunnels run: it may have routes of the underlay."""
        return self.rip.enabled or bool(self.ospf.processes) or bool(self.bgp.local_as) or self.has_unread_process

    @property
    def has_unread_process(self) -> bool:
        """True with a routing protocol that is not known here."""
        return any(entry.text.split()[:1] == ["router"] for entry in self.entries)

    def vrf_of(self, interface: str) -> str:
        """Return the VRF that an interface is in, "" for none."""
        section = self.section(interface)
        said = [args for line in (IN_VRF, IN_VRF_OLD) for args in section.all(line)] if section is not None else []
        return said[0].text("name") if said else ""

    def is_given_address(self, interface: str) -> bool:
        """Return whether the interface gets its address from DHCP or from the far end of a dial-up line."""
        section = self.section(interface)
        negotiated = section is not None and section.get(NEGOTIATED) is not None
        return negotiated or self.uses_dhcp(interface)

    def uses_dhcp(self, interface: str) -> bool:
        """Return whether the interface gets its address by DHCP."""
        settings = self.interface(interface)
        return settings is not None and settings.dhcp

    def addresses(self) -> Iterator[tuple[InterfaceSettings, IPAddress, int]]:
        """Yield every IPv4 address of an interface that is not shut down."""
        for settings in self._by_name.values():
            if settings.shutdown:
                continue
            if settings.address is not None:
                yield settings, *settings.address
            for address, length in settings.secondary:
                yield settings, address, length

    @cached_property
    def ports(self) -> dict[str, IPv4Interface]:
        """The first IPv4 address of each interface that has one, be it shut down or not."""
        return {
            settings.name: IPv4Interface((int(settings.address[0]), settings.address[1]))
            for settings in self._by_name.values()
            if settings.address is not None
        }

    def static_tracks(self) -> tuple[tuple[int, str], ...]:
        """Return the tracked objects that static routes follow, each with the beginning of the route's line."""
        routes = (route for route in self.static.ipv4 if route.track)
        return tuple((route.track, f"ip route {route.prefix.address} {route.prefix.netmask}") for route in routes)

    @cached_property
    def routes(self) -> tuple[StaticRoute, ...]:
        """The static routes of IPv4, of all tables."""
        tables = [self.static, *(static_model(self.tree, vrf) for vrf in self.vrfs.names)]
        return tuple(route for table in tables for route in table.routes if route.prefix.version == 4)

    @cached_property
    def default_gateways(self) -> list[IPv4Address]:
        """Where its static default routes lead to, be it behind an interface, of all tables."""
        return _gateways(self.routes)

    def static_of(self, vrf: str) -> StaticConfig:
        """Return the static routes of one table. vrf: "", the global table."""
        return static_model(self.tree, vrf) if vrf else self.static

    def default_gateways_of(self, vrf: str) -> list[IPv4Address]:
        """Return the default gateways of one table. vrf: "", the global table."""
        return _gateways(route for route in self.static_of(vrf).routes if route.prefix.version == 4)

    def owner(self, address: IPAddress, vrf: str = "") -> InterfaceSettings | None:
        """Return the interface that has this address, preferably in this VRF: several VRFs may have it."""
        owners = [settings for settings, mine, _ in self.addresses() if mine == address]
        return next((one for one in owners if self.vrf_of(one.name) == vrf), owners[0] if owners else None)

    def source(self, tunnel: TunnelSettings) -> IPAddress | None:
        """Return the NBMA address of a tunnel; None: the configuration does not say it."""
        if tunnel.source_address is not None:
            return tunnel.source_address
        interface = self.interface(tunnel.source_interface)
        return interface.address[0] if interface is not None and interface.address is not None else None

    @cached_property
    def tunnel_sources(self) -> frozenset[str]:
        """The interfaces whose addresses are tunnel sources."""
        named = {tunnel.source_interface for tunnel in self.tunnels.tunnels if tunnel.source_interface}
        given = {tunnel.source_address for tunnel in self.tunnels.tunnels}
        return frozenset(named | {settings.name for settings, address, _ in self.addresses() if address in given})

    @cached_property
    def lans(self) -> tuple[tuple[InterfaceSettings, Prefix], ...]:
        """The prefixes of interfaces that people at a site may be behind: not tunnels, VRFs and ways to a provider."""
        return tuple(
            (settings, prefix)
            for settings, address, length in self.addresses()
            if not settings.name.startswith(("Tunnel", "Loopback")) and settings.name not in self.tunnel_sources
            for prefix in (Prefix.of(address, length),)
            if not self.vrf_of(settings.name) and not self._is_outside(settings.name, prefix)
        )

    def translates(self, interface: str, side: str) -> bool:
        """Return whether it is on this side, "inside" or "outside", of a NAT of the router's own."""
        return interface in (self.nat.inside if side == "inside" else self.nat.outside)

    def _is_outside(self, interface: str, prefix: Prefix) -> bool:
        """Return whether a provider gives the address, NAT is done towards it, or a default route leads there."""
        return (
            self.is_given_address(interface)
            or self.translates(interface, "outside")
            or any(
                route.interface == interface or (not route.interface and route.next_hop in prefix)
                for route in self.static.routes
                if route.prefix.is_default
            )
        )

    def underlay_route(self, address: IPAddress) -> Prefix | None:
        """Return the longest prefix, connected or static and not through a tunnel, that leads to an address."""
        fitting = [prefix for prefix in self._underlay if address in prefix]
        return max(fitting, key=lambda prefix: prefix.length) if fitting else None

    @cached_property
    def has_default(self) -> bool:
        """True if there is a default route that does not lead into a tunnel."""
        by_dhcp = any(self.uses_dhcp(one.name) and not self.vrf_of(one.name) for one in self._by_name.values())
        return by_dhcp or any(prefix == _DEFAULT for prefix in self._underlay)

    @cached_property
    def _underlay(self) -> list[Prefix]:
        connected: dict[bool, list[Prefix]] = {True: [], False: []}  # by whether it is the subnet of a tunnel
        for settings, mine, length in self.addresses():
            connected[settings.name[:6] == "Tunnel"].append(Prefix.of(mine, length))
        return connected[False] + [
            route.prefix
            for route in self.static.routes
            if not route.interface.startswith(("Tunnel", "Null"))
            and not any(route.next_hop is not None and route.next_hop in prefix for prefix in connected[True])
        ]


def _gateways(routes: Iterable[StaticRoute]) -> list[IPv4Address]:
    """Return the next hops of the default routes, without the gateways of switches."""
    defaults = (route.next_hop for route in routes if route.prefix.is_default and not route.is_host)
    return [next_hop for next_hop in defaults if isinstance(next_hop, IPv4Address)]


def is_private(address: IPAddress | None) -> bool:
    """Return whether it is an address of RFC 1918, or a shared one of carriers' NATs (RFC 6598)."""
    if not isinstance(address, IPv4Address):
        return False
    blocks = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10")
    return any(address in Prefix.parse(block) for block in blocks)
