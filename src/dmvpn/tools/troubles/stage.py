"""Who plays which part in a network: read from a scenario, or from what its routers run.

Actor     a router of the overlay with the names and addresses that orders need ("{tunnel}", "{hub.nbma}")
Stage     hub, spokes, provider, translator, and what kind of network it is (`Need`)
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Interface
from typing import TYPE_CHECKING

from dmvpn.base.errors import UserError
from dmvpn.network.lines import Lines, default_routes, interface_address, interfaces
from dmvpn.shells.scenario import INSIDE, OUTSIDE
from dmvpn.tools.troubles.acts import Part
from dmvpn.tools.troubles.trouble import Need

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dmvpn.shells.scenario import Scenario


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """A router. wan: the interface of the tunnel's source. host: the address of one in its LAN.

    default_route: the line, and gateway: where it leads to. What a router does not have is "" or None.
    """

    name: str
    lines: Lines
    tunnel: str = ""
    tunnel_interface: IPv4Interface | None = None
    wan: str = ""
    wan_interface: IPv4Interface | None = None
    lan: str = ""
    lan_interface: IPv4Interface | None = None
    host: str = ""
    default_route: str = ""
    gateway: str = ""
    eigrp: str = ""

    @property
    def tunnel_lines(self) -> Lines:
        """What is configured on its tunnel."""
        return self.lines.section(f"interface {self.tunnel}")

    @property
    def is_named(self) -> bool:
        """Is its EIGRP process of the named kind?"""
        return bool(self.eigrp) and not self.eigrp.isdecimal()

    @property
    def family(self) -> str:
        """The address family line of a named process."""
        return next(iter(self.lines.section(f"router eigrp {self.eigrp}").headers("address-family ipv4")), "")

    @property
    def eigrp_lines(self) -> Lines:
        """What the process, or its IPv4 address family, says."""
        process = self.lines.section(f"router eigrp {self.eigrp}")
        return process.section(self.family) if self.is_named else process

    @property
    def number(self) -> str:
        """The autonomous system of its EIGRP process."""
        return self.family.split()[-1] if self.is_named else self.eigrp

    def words(self) -> dict[str, str]:
        """What templates may name: what it has."""
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
            "profile": self.tunnel_lines.value("tunnel protection ipsec profile ").partition(" ")[0],
        }
        for name, interface in (
            ("tunnel", self.tunnel_interface),
            ("nbma", self.wan_interface),
            ("lan", self.lan_interface),
        ):
            address = "nbma" if name == "nbma" else f"{name}_address"
            if interface is not None:
                found[address] = str(interface.ip)
                found[f"{name}_mask"] = str(interface.network.netmask)
                found[f"{name}_network"] = str(interface.network.network_address)
                found[f"{name}_wildcard"] = str(interface.network.hostmask)
        found |= self._crypto(found["profile"])
        return {word: text for word, text in found.items() if text}

    def _crypto(self, profile: str) -> dict[str, str]:
        """The names of what stands behind an IPsec profile."""
        section = self.lines.section(f"crypto ipsec profile {profile}")
        ikev2 = section.value("set ikev2-profile ")
        keyring = self.lines.section(f"crypto ikev2 profile {ikev2}").value("keyring local ").partition(" ")[0]
        peer = self.lines.section(f"crypto ikev2 keyring {keyring}").value("peer ")
        transform = section.value("set transform-set ").partition(" ")[0]
        line = next(iter(self.lines.headers(f"crypto ipsec transform-set {transform} ")), "")
        return {"ikev2_profile": ikev2, "keyring": keyring, "peer": peer, "transform_line": line}


@dataclass(frozen=True, slots=True)
class Stage:
    """A network with its parts given out. actors: all routers. wires: by port, the ports it leads to."""

    scenario: Scenario
    actors: Mapping[str, Actor]
    parts: Mapping[Part, str]
    wires: Mapping[tuple[str, str], tuple[tuple[str, str], ...]]
    hubs: tuple[str, ...]
    spokes: tuple[str, ...]

    @classmethod
    def of(cls, scenario: Scenario, configurations: Mapping[str, str] | None = None) -> Stage:
        """Read a scenario; configurations: what its routers run, if not what it says. Raises UserError."""
        texts = scenario.configurations if configurations is None else configurations
        wires = {end: tuple(other for other in ends if other != end) for ends, _ in scenario.segments() for end in ends}
        actors = {name: _actor(scenario, name, Lines.of(text)) for name, text in texts.items()}
        overlay = [name for name, actor in actors.items() if actor.tunnel and scenario.role(name) != "provider"]
        hubs = tuple(name for name in overlay if _is_hub(scenario, actors[name]))
        spokes = tuple(name for name in overlay if name not in hubs)
        if not hubs or not spokes:
            raise UserError(f"{scenario.name} has no hub with spokes: nothing of a DMVPN can be tried there")
        bare = cls(scenario, actors, {}, wires, hubs, spokes)
        return bare.cast(hubs[0], spokes[0], spokes[1] if len(spokes) > 1 else spokes[0])

    def cast(self, hub: str, spoke: str, other: str) -> Stage:
        """The same network with other players: what a trouble does to a spoke, it does to this one."""
        parts = {Part.HUB: hub, Part.SPOKE: spoke, Part.OTHER: other}
        before = self.wires.get((spoke, self.actors[spoke].wan), ())
        gateway = next((node for node, port in before if port == INSIDE and node in self.scenario.lab.gateways), None)
        if gateway is not None:
            parts[Part.GATEWAY] = gateway
            before = self.wires.get((gateway, OUTSIDE), ())
        provider = [node for node, _ in before if self.scenario.role(node) == "provider"]
        if provider:
            parts[Part.PROVIDER] = provider[0]
        return replace(self, parts=parts)

    def actor(self, part: Part) -> Actor:
        """The router that plays this part."""
        return self.actors[self.parts[part]]

    def fill(self, template: str, part: Part) -> str:
        """A template with what the part, and others by their prefixes, are called. Raises UserError if it lacks one."""
        words: dict[str, object] = dict(self.actor(part).words()) if self.parts.get(part) in self.actors else {}
        words |= {
            name.value: _Words(self.actors[player].words())
            for name, player in self.parts.items()
            if player in self.actors
        }
        words["port"] = self.provider_port
        words |= self._nobodies(part)
        try:
            return template.format(**words)
        except (KeyError, AttributeError) as error:
            raise UserError(f"{self.scenario.name} has nothing that is {error.args[0]} in: {template}") from error

    def _nobodies(self, part: Part) -> dict[str, object]:
        """Addresses that nobody has, in a LAN and in the tunnel's subnet: the last ones that are free."""
        if self.parts.get(part) not in self.actors:
            return {}
        actor = self.actor(part)
        taken = [one.tunnel_interface.ip for one in self.actors.values() if one.tunnel_interface is not None]
        found: dict[str, object] = {}
        if actor.lan_interface is not None:
            found["nobody_in_lan"] = str(actor.lan_interface.network.broadcast_address - 1)
        if actor.tunnel_interface is not None:
            last = actor.tunnel_interface.network.broadcast_address - 1
            while last in taken:
                last -= 1
            found["nobody_in_tunnel"] = str(last)
        return found

    @property
    def provider_port(self) -> str:
        """The interface of the provider towards the first spoke."""
        spoke = self.actor(Part.SPOKE)
        ends = self.wires.get((spoke.name, spoke.wan), ())
        if Part.GATEWAY in self.parts:
            ends = self.wires.get((self.parts[Part.GATEWAY], OUTSIDE), ())
        return next((port for node, port in ends if node == self.parts.get(Part.PROVIDER)), "")

    @property
    def has(self) -> tuple[Need, ...]:
        """What kind of network it is."""
        hub, spoke, other = (self.actor(part) for part in (Part.HUB, Part.SPOKE, Part.OTHER))
        multipoint = all(one.tunnel_lines.has("tunnel mode gre multipoint") for one in (spoke, other))
        protected = hub.tunnel_lines.has("tunnel protection")
        gateways = [self._stands_behind(name) for name in (spoke.name, other.name)]
        answers = {
            Need.EIGRP: bool(hub.eigrp and spoke.eigrp),
            Need.MULTIPOINT: multipoint,
            Need.POINT_TO_POINT: not multipoint,
            Need.PHASE_3: multipoint
            and all(
                one.tunnel_lines.has(line)
                for one, line in ((hub, "ip nhrp redirect"), (spoke, "ip nhrp shortcut"), (other, "ip nhrp shortcut"))
            ),
            Need.NHRP_AUTHENTICATION: hub.tunnel_lines.has("ip nhrp authentication"),
            Need.PROTECTED: protected,
            Need.CLEAR: not protected,
            Need.PSK: protected and "keyring" in spoke.words(),
            Need.GATEWAY: gateways[0],
            Need.NO_GATEWAY: not gateways[0],
            Need.BOTH_BEHIND_NAT: all(gateways),
            Need.ONE_HUB: len(self.hubs) == 1,
            Need.TWO_HUBS: len(self.hubs) > 1,
            Need.PROVIDER: bool(self.provider_port),
        }
        return tuple(need for need, answer in answers.items() if answer)

    def _stands_behind(self, name: str) -> bool:
        """Is there a translator before it?"""
        ends = self.wires.get((name, self.actors[name].wan), ())
        return any(node in self.scenario.lab.gateways for node, _ in ends)


class _Words:
    """Gives `{hub.nbma}` to templates."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._words = words

    def __getattr__(self, name: str) -> str:
        try:
            return self._words[name]
        except KeyError:
            raise AttributeError(name) from None


def _is_hub(scenario: Scenario, actor: Actor) -> bool:
    role = scenario.role(actor.name)
    return role == "hub" or (role == "router" and actor.tunnel_lines.has("ip nhrp map multicast dynamic"))


def _actor(scenario: Scenario, name: str, lines: Lines) -> Actor:
    found = dict(interfaces(lines))
    tunnels = [port for port in found if port.startswith("Tunnel") and found[port].has("tunnel source")]
    tunnel = next(iter(tunnels), "")
    source = found[tunnel].value("tunnel source ") if tunnel else ""
    wan = source if source in found else _with_address(found, source)
    hosts = [host for host in scenario.lab.hosts.values() if scenario.end(host.link)[0] == name]
    lan = scenario.end(hosts[0].link)[1] if hosts else ""
    default_route, gateway = next(iter(default_routes(lines)), ("", ""))
    process = next(iter(lines.headers("router eigrp ")), "").removeprefix("router eigrp ")
    return Actor(
        name=name,
        lines=lines,
        tunnel=tunnel,
        tunnel_interface=interface_address(found[tunnel]) if tunnel else None,
        wan=wan,
        wan_interface=interface_address(found[wan]) if wan else None,
        lan=lan,
        lan_interface=interface_address(found[lan]) if lan in found else None,
        host=str(hosts[0].interface.ip) if hosts else "",
        default_route=default_route,
        gateway=str(gateway),
        eigrp=process,
    )


def _with_address(found: Mapping[str, Lines], address: str) -> str:
    """The interface that has an address."""
    for name, lines in found.items():
        interface = interface_address(lines)
        if interface is not None and address and interface.ip == IPv4Address(address):
            return name
    return ""
