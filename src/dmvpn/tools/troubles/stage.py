"""The roles of routers in a network: read from a scenario, or from the running configurations.

Actor     a router of the overlay with the names and addresses that orders need ("{tunnel}", "{hub.nbma}")
Stage     hub, spokes, provider, translator, and what kind of network it is (`Need`)
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface
from typing import Final

from dmvpn.base.addresses import IPAddress, spelled
from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.features.eigrp.model import ProcessSettings
from dmvpn.features.ike.translation import begins_with_v1
from dmvpn.features.nhrp.model import TunnelConfig as NhrpTunnel
from dmvpn.features.tunnel.model import TunnelSettings
from dmvpn.network.device import Device
from dmvpn.network.lines import Lines
from dmvpn.network.overlay import TunnelEnd, tunnel_ends
from dmvpn.shells.lab_model import INSIDE, OUTSIDE
from dmvpn.shells.scenario import Scenario
from dmvpn.tools.troubles.model import Need, Role
from dmvpn.tools.troubles.setup import GROUP, LAN_IN, LAN_OUT, TUNNEL_IN, WAN_IN

#: How the line of a default route begins.
_DEFAULT: Final = "ip route 0.0.0.0 0.0.0.0 "
#: The keyword of lines and commands that each version of IP has for itself; a static route, and a map of one address.
_OF_VERSION: Final = re.compile(
    r"\bip (?=(?:nhrp|tcp adjust-mss|mtu|split-horizon|next-hop-self|summary-address|hello-interval|hold-time|eigrp"
    r"|authentication|ospf)\b)"
)
_ROUTE: Final = re.compile(r"\bip route ([0-9A-F]*:[0-9A-F:]*) (\S+) ")
_MAP: Final = re.compile(r"(?<=ipv6 nhrp map )([0-9A-F]*:[0-9A-F:]*)(?= )")


def _of_ipv6(text: str) -> str:
    """Return a line, a command or a hint about an overlay of IPv4 in the words of IPv6."""
    text = re.sub(r"^router (?=ospf |eigrp \d)", "ipv6 router ", _OF_VERSION.sub("ipv6 ", text))
    return _ROUTE.sub(_route_of_ipv6, _MAP.sub(r"\1/128", text))


def _route_of_ipv6(route: re.Match[str]) -> str:
    mask = route[2]
    return f"ipv6 route {route[1]}/{int(IPv6Address(mask)).bit_count() if ':' in mask else 128} "


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A router. settings, nhrp: of its tunnel, None without a tunnel. process: of EIGRP.

    wan: the interface of the tunnel's source. host: the address of a host in its LAN. Strings are "" if it has none.
    """

    name: str
    device: Device
    settings: TunnelSettings | None = None
    nhrp: NhrpTunnel
    process: ProcessSettings | None = None
    lan: str = ""
    host: str = ""

    @property
    def lines(self) -> Lines:
        """Its configuration, for orders that change lines."""
        return self.device.lines

    @property
    def tunnel(self) -> str:
        """The interface."""
        return self.settings.name if self.settings is not None else ""

    @property
    def end(self) -> TunnelEnd | None:
        """Its tunnel with the settings of all features."""
        return next((end for end in tunnel_ends(self.device) if end.name == self.tunnel), None)

    @property
    def multipoint(self) -> bool:
        """True if its tunnel is mGRE."""
        return self.settings is not None and self.settings.multipoint

    @property
    def wan(self) -> str:
        """The interface that its tunnel leaves by."""
        if self.settings is None:
            return ""
        named, own = self.settings.source_interface, self.device.ports.items()
        if named:
            return named if self.device.interface(named) is not None else ""
        return next((port for port, address in own if address.ip == self.settings.source_address), "")

    @property
    def version(self) -> int:
        """The version of IP inside its tunnel."""
        return self.nhrp.version

    def _inside(self, port: str) -> IPv4Interface | IPv6Interface | None:
        """Return the address of a port, of the version inside the tunnel."""
        if self.version == 4:
            return self.device.ports.get(port)
        interface = self.device.interface(port)
        own = interface.addresses_of(6) if interface is not None else ()
        return IPv6Interface(f"{own[0][0]}/{own[0][1]}") if own else None

    @property
    def tunnel_interface(self) -> IPv4Interface | IPv6Interface | None:
        """The address inside the tunnel."""
        return self._inside(self.tunnel)

    @property
    def wan_interface(self) -> IPv4Interface | None:
        """The NBMA address."""
        return self.device.ports.get(self.wan)

    @property
    def lan_interface(self) -> IPv4Interface | IPv6Interface | None:
        """The address in its LAN."""
        return self._inside(self.lan)

    @property
    def gateway(self) -> str:
        """Where its default route leads to."""
        return str(next(iter(self.device.default_gateways), ""))

    @property
    def default_route(self) -> str:
        """The line."""
        return next((line for line in self.lines.headers(_DEFAULT) if self.gateway in line.split()[4:]), "")

    @property
    def eigrp(self) -> str:
        """The name or the number of its EIGRP process."""
        return (self.process.name or self.number) if self.process is not None else ""

    @property
    def is_named(self) -> bool:
        """True if its EIGRP process is configured in named mode."""
        return self.process is not None and self.process.is_named

    @property
    def number(self) -> str:
        """The autonomous system of its EIGRP process."""
        return str(self.process.autonomous_system) if self.process is not None else ""

    @property
    def eigrp_header(self) -> str:
        """The header of its EIGRP process."""
        return f"{'ipv6 ' if self.version == 6 and not self.is_named else ''}router eigrp {self.eigrp}"

    @property
    def family(self) -> str:
        """The address family line of a named process."""
        family = f"address-family {'ipv4' if self.version == 4 else 'ipv6'}"
        return next(iter(self.lines.section(self.eigrp_header).headers(family)), "")

    @property
    def eigrp_lines(self) -> Lines:
        """The lines of the EIGRP process, or of its address family in named mode."""
        process = self.lines.section(self.eigrp_header)
        return process.section(self.family) if self.is_named else process

    def networks(self, address: IPAddress) -> list[str]:
        """Return the `network` lines of its process that take an address in; IPv6 has none."""
        if not isinstance(address, IPv4Address):
            return []
        every = self.process.networks if self.process is not None else ()
        covering = [str(one.address) for one in every if one.matches(address)]
        return [line for line in self.eigrp_lines.headers("network ") if line.split()[1] in covering]

    @cached_property
    def words(self) -> Mapping[str, str]:
        """The words for templates, for those properties that the router has."""
        found = {
            "name": self.name,
            "tunnel": self.tunnel,
            "wan": self.wan,
            "lan": self.lan,
            "host": self.host,
            "default_route": self.default_route,
            "gateway": self.gateway,
            "eigrp": self.eigrp,
            "as": self.number,
            "ospf": next((str(one.number) for one in self.device.ospf.of_version(self.version).processes), ""),
            "bgp": str(self.device.bgp.local_as or ""),
            "rip": "rip" if self.device.rip.enabled else "",
            "profile": self.settings.protection if self.settings is not None else "",
        }
        for name, interface in (
            ("tunnel", self.tunnel_interface),
            ("nbma", self.wan_interface),
            ("lan", self.lan_interface),
        ):
            address = "nbma" if name == "nbma" else f"{name}_address"
            if interface is not None:
                found[address] = spelled(interface.ip)
                found[f"{name}_length"] = str(interface.network.prefixlen)
                found[f"{name}_mask"] = str(interface.network.netmask)
                found[f"{name}_network"] = spelled(interface.network.network_address)
                found[f"{name}_wildcard"] = str(interface.network.hostmask)
                found[f"{name}_last"] = str(interface.network.broadcast_address)
        found |= self._crypto(found["profile"]) | self._vrfs()
        return {word: text for word, text in found.items() if text}

    def _vrfs(self) -> dict[str, str]:
        """Return the VRFs of the tunnel, the front door's default route, and what a second cloud on the router has."""
        if self.settings is None:
            return {}
        front, inside = self.settings.front, self.device.vrf_of(self.tunnel)
        second = next((one for one in self.device.tunnels.tunnels if one.name != self.tunnel), None)
        vrf2 = self.device.vrf_of(second.name) if second is not None else ""
        ports = (name for name in self.device.ports if not name.startswith("Tunnel") and self.device.vrf_of(name))
        lan2 = next((name for name in ports if vrf2 != inside and self.device.vrf_of(name) == vrf2), "")
        address2 = self.device.ports.get(second.name if second is not None else "")
        found = {
            "front": front,
            "front_route": next(iter(self.lines.headers(f"ip route vrf {front} 0.0.0.0 0.0.0.0 ")), ""),
            "front_gateway": str(next(iter(self.device.default_gateways_of(front)), "")) if front else "",
            "front_keyring": next(iter(self.lines.headers("crypto keyring ")), "") if front else "",
            "inside": inside,
            "vrf2": vrf2,
            "lan2": lan2,
            "tunnel2": second.name if second is not None else "",
            "key": str(self.settings.key or ""),
            "key2": str(second.key or "") if second is not None else "",
        }
        for name, interface in (("tunnel2", address2), ("lan2", self.device.ports.get(lan2))):
            if interface is not None:
                found[f"{name}_address"] = str(interface.ip)
                found[f"{name}_mask"] = str(interface.network.netmask)
        return found

    def _crypto(self, profile: str) -> dict[str, str]:
        """Return the names of the IKEv2 profile, keyring and peer of an IPsec profile."""
        ipsec = next((one for one in self.device.ipsec.profiles if one.name == profile), None)
        name = ipsec.ikev2_profile if ipsec is not None else ""
        keyring = next((one.keyring for one in self.device.ikev2.profiles if one.name == name), "")
        peers = (peer.name for one in self.device.ikev2.keyrings if one.name == keyring for peer in one.peers)
        found = {"ikev2_profile": name, "keyring": keyring, "peer": next(peers, "")}
        if begins_with_v1(self.device.ikev2) and not name:  # the lines by which main mode begins
            for word, head in (("isakmp_key", "crypto isakmp key "), ("isakmp_policy", "crypto isakmp policy ")):
                found[word] = next(iter(self.lines.headers(head)), "")
        return found


@dataclass(frozen=True)
class Stage:
    """A network with its parts given out. actors: all routers. wires: by port, the ports it leads to."""

    scenario: Scenario
    actors: Mapping[str, Actor]
    parts: Mapping[Role, str]
    wires: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    hubs: tuple[str, ...]
    spokes: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario, configurations: Mapping[str, str] | None = None) -> Stage:
        """Read a scenario; configurations: the running ones, if they differ from its files. Raises UserError."""
        texts = scenario.configurations if configurations is None else configurations
        wires = {end: tuple(other for other in ends if other != end) for ends, _ in scenario.segments() for end in ends}
        actors = {name: _actor(scenario, Device.read(name, text)) for name, text in texts.items()}
        overlay = [name for name, actor in actors.items() if actor.tunnel and scenario.role(name) != "provider"]
        roles = {name: scenario.role(name) for name in overlay}
        dynamic = [name for name in overlay if actors[name].nhrp.multicast_dynamic]
        hubs = tuple(name for name in overlay if roles[name] == "hub" or (roles[name] == "router" and name in dynamic))
        spokes = tuple(name for name in overlay if name not in hubs)
        if not hubs or not spokes:
            raise UserError(f"{scenario.name} has no hub with spokes: nothing of a DMVPN can be tried there")
        bare = cls(scenario, actors, {}, wires, hubs, spokes)
        return bare.cast(hubs[0], spokes[0], spokes[1] if len(spokes) > 1 else spokes[0])

    def families(self) -> Iterator[Stage]:
        """Yield the same network for each version of IP inside its tunnels."""
        yield self
        if self.actor(Role.HUB).version == 4:
            actors = {name: _actor(self.scenario, one.device, 6) for name, one in self.actors.items()}
            if actors[self.parts[Role.HUB]].version == 6:
                yield replace(self, actors=actors)

    def cast(self, hub: str, spoke: str, other: str) -> Stage:
        """Return the same network with these roles: a trouble of "a spoke" then happens to this spoke."""
        parts = {Role.HUB: hub, Role.SPOKE: spoke, Role.OTHER: other}
        before = self.wires.get((spoke, self.actors[spoke].wan), ())
        gateway = next((node for node, port in before if port == INSIDE and node in self.scenario.lab.gateways), None)
        if gateway is not None:
            parts[Role.GATEWAY] = gateway
            before = self.wires.get((gateway, OUTSIDE), ())
        provider = [node for node, _ in before if self.scenario.role(node) == "provider"]
        if provider:
            parts[Role.PROVIDER] = provider[0]
        return replace(self, parts=parts)

    def actor(self, part: Role) -> Actor:
        """Return the router that plays this part."""
        return self.actors[self.parts[part]]

    def fill(self, template: str, part: Role) -> str:
        """Return a template filled in with the words of a role; the other roles have prefixes.

        Raises UserError if a word is missing.
        """
        words: dict[str, object] = dict(self.actor(part).words) if self.parts.get(part) in self.actors else {}
        words |= {
            name.value: _Words(self.actors[player].words)
            for name, player in self.parts.items()
            if player in self.actors
        }
        words["port"] = self.provider_port
        words |= self._nobodies(part)
        try:
            text = template.format(**words)
        except (KeyError, AttributeError) as error:
            raise UserError(f"{self.scenario.name} has nothing that is {error.args[0]} in: {template}") from error
        is_inside = part not in (Role.PROVIDER, Role.GATEWAY)
        return _of_ipv6(text) if is_inside and self.actor(Role.HUB).version == 6 else text

    def _nobodies(self, part: Role) -> dict[str, object]:
        """Return unused addresses of a LAN and of the tunnel's subnet: the last free ones."""
        if self.parts.get(part) not in self.actors:
            return {}
        actor = self.actor(part)
        taken = [one.tunnel_interface.ip for one in self.actors.values() if one.tunnel_interface is not None]
        found: dict[str, object] = {}
        if actor.lan_interface is not None:
            found["nobody_in_lan"] = spelled(actor.lan_interface.network.broadcast_address - 1)
        if actor.tunnel_interface is not None:
            last = actor.tunnel_interface.network.broadcast_address - 1
            while last in taken:
                last -= 1
            found["nobody_in_tunnel"] = spelled(last)
        return found

    @cached_property
    def provider_port(self) -> str:
        """The interface of the provider towards the first spoke."""
        spoke = self.actor(Role.SPOKE)
        ends = self.wires.get((spoke.name, spoke.wan), ())
        if Role.GATEWAY in self.parts:
            ends = self.wires.get((self.parts[Role.GATEWAY], OUTSIDE), ())
        return next((port for node, port in ends if node == self.parts.get(Role.PROVIDER)), "")

    @cached_property
    def has(self) -> tuple[Need, ...]:
        """The characteristics of the network."""
        hub, spoke, other = (self.actor(part) for part in (Role.HUB, Role.SPOKE, Role.OTHER))
        multipoint = spoke.multipoint and other.multipoint
        protected = hub.settings is not None and bool(hub.settings.protection)
        before = [self.wires.get((one.name, one.wan), ()) for one in (spoke, other)]
        gateways = [any(node in self.scenario.lab.gateways for node, _ in ends) for ends in before]
        lists = {name for name, _ in spoke.device.policy.access_lists}
        answers = {
            Need.EIGRP: bool(hub.eigrp and spoke.eigrp),
            Need.OSPF: all("ospf" in one.words for one in (hub, spoke)),
            Need.BGP: all("bgp" in one.words for one in (hub, spoke)),
            Need.RIP: all("rip" in one.words for one in (hub, spoke)),
            Need.MULTIPOINT: multipoint,
            Need.POINT_TO_POINT: not multipoint,
            Need.PHASE_3: multipoint and hub.nhrp.redirect and spoke.nhrp.shortcut and other.nhrp.shortcut,
            Need.NHRP_AUTHENTICATION: bool(hub.nhrp.authentication),
            Need.PROTECTED: protected,
            Need.CLEAR: not protected,
            Need.PSK: protected and "keyring" in spoke.words,
            Need.IKEV2: protected and "ikev2_profile" in spoke.words,
            Need.ISAKMP: protected and all({"isakmp_key", "isakmp_policy"} <= one.words.keys() for one in (hub, spoke)),
            Need.CERTIFICATES: protected and bool(spoke.device.pki.trustpoints),
            Need.SEALED: any(one.startswith("key chain ") or " password " in one for one in spoke.lines.lines),
            Need.GATEWAY: gateways[0],
            Need.NO_GATEWAY: not gateways[0],
            Need.BOTH_BEHIND_NAT: all(gateways),
            Need.ONE_HUB: len(self.hubs) == 1,
            Need.TWO_HUBS: len(self.hubs) > 1,
            Need.PROVIDER: bool(self.provider_port),
            Need.FRONT_DOOR: "front" in spoke.words,
            Need.INSIDE_VRF: "inside" in spoke.words,
            Need.TWO_CUSTOMERS: {"tunnel2", "lan2", "key2"} <= spoke.words.keys(),
            Need.TWO_TUNNELS: "tunnel2" in spoke.words and "vrf2" not in spoke.words,
            Need.LAN_LISTS: {LAN_IN, LAN_OUT} <= lists,
            Need.TUNNEL_LISTS: TUNNEL_IN in lists,
            Need.WAN_LISTS: WAN_IN in lists,
            Need.GROUPS: spoke.lines.has(f"object-group network {GROUP}"),
            Need.NO_LISTS: not lists,
        }
        return tuple(need for need, answer in answers.items() if answer)


class _Words:
    """Gives `{hub.nbma}` to templates."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    def __getattr__(self, name: str) -> str:
        try:
            return self._words[name]
        except KeyError:
            raise AttributeError(name) from None


def _actor(scenario: Scenario, device: Device, version: int = 4) -> Actor:
    """Return a router for this version of IP, or for the other one, if its tunnel has that alone."""
    name = device.name
    settings = next((one for one in device.tunnels.tunnels if one.has_source), None)
    tunnel = settings.name if settings is not None else ""
    spoken = [end.nhrp for end in tunnel_ends(device) if end.name == tunnel]
    nhrp = next(iter(sorted(spoken, key=lambda one: one.version != version)), NhrpTunnel(name=tunnel))
    hosts = [host for host in scenario.lab.hosts.values() if scenario.end(host.link)[0] == name]
    host = hosts[0] if hosts else None
    second = host.interface6 if host is not None and nhrp.version == 6 else None
    return Actor(
        name=name,
        device=device,
        settings=settings,
        nhrp=nhrp,
        process=next(iter(device.eigrp.of_version(nhrp.version)), None),
        lan=scenario.end(hosts[0].link)[1] if hosts else "",
        host=spelled((second or host.interface).ip) if host is not None else "",
    )
