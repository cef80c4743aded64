"""Changes to configurations that cannot run as they are, so that an unknown network comes up in a lab all the same.

    tracking   tracked static routes are unconditional, unless the lab has what they track (`inference/kept_lines`)
    VRFs       a VRF without a definition, as in an excerpt, is the global table
    DHCP       a port gets an address (below), unless a server of the lab leases it one (`inference/kept_lines`)
    PPP        a port whose address is negotiated gets one, too
    ciphers    insecure ones of ESP (DES, 3DES, MD5, none) become AES and SHA, different ones at both ends alike
    policies   weak algorithms of IKE (3DES, MD5, groups 2 and 5) are permitted, as IOS does before 17.11; what
               IKEv1 has and is not built (DES, group 1) becomes another
    keys       tunnels that cannot be distinguished get keys (`lab_lines`)
    maps       GRE tunnels under a crypto map get an IPsec profile instead (`lab_lines`)
    excerpts   a router with only tunnels gets a port with their source
    profiles   multipoint tunnels of one source use one IPsec profile: that of the first
    diversions a router that sends packets out by policy routing alone has a default route
    bridges    a router with `bridge irb` is a switch with VLAN interfaces
    OSPFv3     for IPv4, it is OSPF version 2
    gateways   the virtual address of HSRP or VRRP is an address of the router with the highest priority
    releases   files of IOS XE without a release, where a hub relies on newer defaults, get 16.3 (`lab_lines`)

Lines are changed in place, so that messages still name the lines of the file. A note reports each change. A folder with
a `lab.yaml` says the rest itself, and only its ciphers and policies are changed.

Addresses of ports that a lab must assign, because the configurations do not contain them.

A port that uses DHCP, or is the source of a tunnel in an excerpt, gets the address that its own tunnel, its clients or
its IKE identity name; else one of its drawn wire, or of a pool; else an invented one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from operator import itemgetter
from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix
from dmvpn.base.values import Value
from dmvpn.features.ike.suites import isakmp_lacks
from dmvpn.features.vrf.config import vrfs
from dmvpn.ios import MAY_BE_WEAK, is_marked, normalize_interface, permission
from dmvpn.network.device import Device, is_private
from dmvpn.network.lab_lines import RELEASE, cloud_keys, replace_maps, silent_hubs, unnamed_releases
from dmvpn.network.lines import BEFORE, with_lines
from dmvpn.network.underlay import describes, far_ends
from dmvpn.router.features import FEATURES
from dmvpn.router.language import configurator

# ------------------------------------------------------------------------------------------------ missing addresses


#: Invented networks for ports with unknown addresses (RFC 2544).
_MADE_UP: Final = IPv4Network("198.18.0.0/15")
_LINK: Final = 30
_WIDE: Final = 24
_NO_PORTS: Final = ("Tunnel", "Loopback", "Null", "Virtual", "dynamic")


class MissingAddresses:
    """Assigned addresses of the ports of a network, and the next hops from there."""

    def __init__(self, devices: Mapping[str, Device], segments: Mapping[tuple[str, str], int]) -> None:
        """segments: wires from a drawing, by file name and port."""
        self._across = _across(devices, segments)
        self._given = _given(devices, self._across)
        #: Where tunnels end: looked up, never iterated.
        self._taken = {end for each in devices.values() for end in (*far_ends(each), *_sources(each))}
        self._taken |= {address.ip for ports in self._given.values() for address in ports.values()}

    def assigned(self, file: str) -> Mapping[str, IPv4Interface]:
        """Return the assigned addresses of a router's ports."""
        return self._given.get(file, {})

    def gateway(self, file: str, port: str) -> IPv4Address:
        """Return the next hop from a port with an assigned address.

        It is the station at the other end of the wire, otherwise the first host that ends no tunnel.
        """
        address, across = self._given[file][port], self._across.get((file, port))
        if across is not None and across.ip in address.network:
            return across.ip
        first = next(host for host in address.network.hosts() if host != address.ip)
        return next(self._free_hosts(address), first)

    def free_host(self, beside: IPv4Interface) -> IPv4Address:
        """Return the first host of a network that ends no tunnel."""
        return next(self._free_hosts(beside))

    def _free_hosts(self, beside: IPv4Interface) -> Iterator[IPv4Address]:
        return (host for host in beside.network.hosts() if host != beside.ip and host not in self._taken)


def _across(
    read: Mapping[str, Device], segments: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], IPv4Interface]:
    """Return for each port on a drawn wire an address that another router has there."""
    own = {(file, name): address for file, device in read.items() for name, address in device.ports.items()}
    on_wire: dict[int, list[tuple[str, str]]] = {}
    for port, number in segments.items():
        if port in own:
            on_wire.setdefault(number, []).append(port)
    others = {port: [one for one in on_wire.get(number, ()) if one[0] != port[0]] for port, number in segments.items()}
    return {port: own[found[0]] for port, found in others.items() if found}


def _given(
    read: Mapping[str, Device], across: Mapping[tuple[str, str], IPv4Interface]
) -> dict[str, dict[str, IPv4Interface]]:
    """Return the address of each port that needs one: by file and port.

    across: the station at the other end of its wire.
    """
    ports = [(file, name) for file, device in read.items() for name in (*_asking(device), *unaddressed(device))]
    known = [address for device in read.values() for address in device.ports.values()]
    found: dict[str, dict[str, IPv4Interface]] = {}
    made = _MADE_UP.subnets(new_prefix=_LINK)
    for file, name in ports:
        address = _told(read, file, name, known)
        if address is None:
            gateways = _elsewhere(read[file])
            place = _asking(read[file]).index(name) if name in _asking(read[file]) else 0
            gateway = gateways[place] if place < len(gateways) else None
            pool = _pool(read, file, name, known) or gateway
            near = across.get((file, name))
            network = near.network if near is not None else pool if pool is not None else next(made)
            part = network if network.prefixlen >= _WIDE else next(network.subnets(new_prefix=_WIDE))
            free = next((host for host in reversed([*part.hosts()]) if host not in [one.ip for one in known]), None)
            if free is None:
                free = next(next(made).hosts())
                network = IPv4Network(f"{free}/{_LINK}", strict=False)
            address = IPv4Interface(f"{free}/{network.prefixlen}")
        known.append(address)
        found.setdefault(file, {})[name] = address
    return found


def _elsewhere(device: Device) -> list[IPv4Network]:
    """Return the networks of gateways of default routes that are in no subnet of this router: ports must be there."""
    own = device.ports.values()
    far = [one for one in device.default_gateways if not any(one in address.network for address in own)]
    near = [IPv4Network(f"{one}/{_WIDE}", strict=False) for one in far]
    return [
        subnet if near.count(subnet) == 1 else IPv4Network(f"{one}/{_LINK}", strict=False)
        for one, subnet in zip(far, near, strict=True)
    ]


def _pool(read: Mapping[str, Device], file: str, port: str, known: Sequence[IPv4Interface]) -> IPv4Network | None:
    """Return the network of another router's pool that a port is most likely in.

    A tunnel's source is in no LAN of a site, nor is the outside of NAT in a private network without a default route.
    Descriptions that name the other router decide, then whether the pool is for no VLAN, then how few are there.
    """
    device = read[file]
    is_wan = any(tunnel.source_interface == port for tunnel in device.tunnels.tunnels)
    is_outside = device.translates(port, "outside")
    found: list[tuple[bool, bool, int, IPv4Network]] = []
    for name, each in read.items():
        pools = [IPv4Network(str(pool.network)) for pool in each.dhcp.pools if pool.network is not None]
        for pool in pools if name != file and not (is_wan and each.tunnels.tunnels) else ():
            seats = [seat for seat, address in each.ports.items() if address.network == pool]
            is_said = any(
                describes(device, port, each.own_name) or describes(each, seat, device.own_name) for seat in seats
            )
            is_vlan = any(seat.startswith("Vlan") or "." in seat for seat in seats)
            there = len([one for one in known if one.ip in pool])
            leads_out = not (is_outside and is_private(pool.network_address))
            if pool.prefixlen <= _LINK and there and (leads_out or any(one in pool for one in device.default_gateways)):
                found.append((not is_said, is_vlan, there, pool))
    return min(found, key=itemgetter(0, 1, 2))[3] if found else None


def _asking(device: Device) -> list[str]:
    """Return the ports of this router that need an address."""
    return [
        one.name
        for one in device.interfaces.interfaces
        if device.is_given_address(one.name) and not one.shutdown and not one.name.startswith("Tunnel")
    ]


def unaddressed(device: Device) -> list[str]:
    """Return sources of tunnels without an address in an excerpt, unless they are meant to have none."""
    sources = dict.fromkeys(tunnel.source_interface for tunnel in device.tunnels.tunnels)
    return [
        source
        for source in sources
        if source
        and not source.startswith(_NO_PORTS)
        and not any(
            line.startswith(("ip address", "no ip address", "shutdown"))
            for line in device.lines.section(f"interface {source}").lines
        )
    ]


def _sources(device: Device) -> list[IPv4Address]:
    """Return the sources of tunnels that are addresses."""
    sources = dict.fromkeys(tunnel.source_address for tunnel in device.tunnels.tunnels)
    return [source for source in sources if isinstance(source, IPv4Address)]


def _told(read: Mapping[str, Device], file: str, name: str, known: list[IPv4Interface]) -> IPv4Interface | None:
    """Return the router's address by its own tunnel, by mappings of its tunnel address, or by its IKE identity."""
    profiles = (profile.local_identity for profile in read[file].ikev2.profiles)
    identities = dict.fromkeys(one.address for one in profiles if one is not None and one.address is not None)
    for tunnel in read[file].tunnels.tunnels:
        said: list[IPAddress | None] = [tunnel.source_address]
        own = read[file].ports.get(tunnel.name)
        if tunnel.source_interface == name:
            said += _told_of(read, own.ip) if own is not None else []
            said += identities if len(identities) == 1 else []
        for address in said:
            if isinstance(address, IPv4Address) and address not in [one.ip for one in known]:
                near = next((one for one in known if address in one.network), None)
                return IPv4Interface(f"{address}/{near.network.prefixlen if near is not None else _WIDE}")
    return None


def _told_of(read: Mapping[str, Device], address: IPv4Address) -> list[IPAddress | None]:
    """Return the NBMA addresses that any router has for a tunnel address: by a map, then as that of a server."""
    every = [nhrp for device in read.values() for nhrp in device.nhrp.tunnels]
    maps = (nbma for nhrp in every for target, nbma in nhrp.maps if target == Prefix.host(address))
    return [*maps, *(server.nbma for nhrp in every for server in nhrp.nhs if server.address == address)]


# ------------------------------------------------------------------------------------------------ virtual addresses


#: An address in a line that was not read.
_OCTET: Final = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_IP: Final = rf"({_OCTET}(?:\.{_OCTET}){{3}})(?!\S)"
#: HSRP and VRRP: the address of a group, which hosts have as their gateway, and the router's priority in it.
_VIRTUAL: Final = re.compile(rf"(standby|vrrp) (?:(\d+) )?ip {_IP}")


def _virtual_addresses(devices: Mapping[str, Device]) -> dict[str, list[tuple[str, IPv4Address, IPv4Address]]]:
    """Return by router which ports have a virtual address in a lab, with the mask: of the ports that can be up, if
    there are any, the one with the highest priority. Two with one address are on two wires: each has it there.
    """
    owned = {address.ip for device in devices.values() for address in device.ports.values()}  # asked, never iterated
    standing: dict[IPv4Address, dict[tuple[bool, int, IPv4Address], list[tuple[str, str]]]] = {}
    for file, device in devices.items():
        for port, own in device.ports.items():
            lines = device.lines.section(f"interface {port}")
            for word, group, address in (one.groups() for line in lines.lines if (one := _VIRTUAL.match(line))):
                said = lines.value(f"{word} {group} priority " if group else f"{word} priority ")
                virtual = IPv4Address(address)
                priority = next((int(word) for word in said.split()[:1] if word.isdecimal()), 100)
                if virtual in own.network and virtual not in owned:
                    rank = (_can_be_up(device, port), priority, own.ip)
                    standing.setdefault(virtual, {}).setdefault(rank, []).append((file, port))
    found: dict[str, list[tuple[str, IPv4Address, IPv4Address]]] = {}
    for virtual, ranks in standing.items():
        for file, port in ranks[max(ranks)]:
            found.setdefault(file, []).append((port, virtual, devices[file].ports[port].netmask))
    return found


def _can_be_up(device: Device, port: str) -> bool:
    """Return whether the port is not shut down, and its VLAN there."""
    settings, vlan = device.interface(port), port.removeprefix("Vlan")
    return (settings is None or not settings.shutdown) and (vlan == port or int(vlan) in device.box.known)


# ------------------------------------------------------------------------------------------------ adaptations


_PROMPT: Final = rf"(?P<before>{BEFORE})"
#: Lines that name a VRF, and the same lines for the global table.
_GLOBAL: Final = (
    (re.compile(_PROMPT + r"tunnel\s+vrf\s+(?P<vrf>\S+)\s*$"), "!"),
    (re.compile(_PROMPT + r"(?:ip\s+)?vrf\s+forwarding\s+(?P<vrf>\S+)\s*$"), "!"),
    (re.compile(r"\s+ip\s+vrf\s+(?P<vrf>\S+)\s*$"), "!"),
    (re.compile(_PROMPT + r"vrf\s+(?P<vrf>(?!definition\b|forwarding\b)\S+)\s*$"), "!"),
    (
        re.compile(
            _PROMPT + r"(?P<line>logging\s+(?:host\s+|source-interface\s+)\S+)\s+vrf\s+(?P<vrf>\S+)(?P<rest>.*)$"
        ),
        r"\g<before>\g<line>\g<rest>",
    ),
    (re.compile(_PROMPT + r"match\s+fvrf\s+(?P<vrf>(?!any\s*$)\S+)\s*$"), r"\g<before>match fvrf any"),
    (re.compile(_PROMPT + r"ip\s+route\s+vrf\s+(?P<vrf>\S+)\s+(?P<rest>\d.*)$"), r"\g<before>ip route \g<rest>"),
    (
        re.compile(
            _PROMPT
            + r"(?P<family>address-family\s+ipv4(?:\s+unicast)?)\s+vrf\s+(?P<vrf>\S+)(?P<rest>\s+auto\S*\s+\d+\s*)$"
        ),
        r"\g<before>\g<family>\g<rest>",
    ),
)
_TRACK: Final = re.compile(
    rf"(?P<route>{BEFORE}ip\s+route\s+(?:vrf\s+\S+\s+)?\d.*?)\s+track\s+(?P<object>\d+)(?P<rest>.*)$"
)
_GRE_IPV4: Final = re.compile(_PROMPT + r"tunnel\s+mode\s+gre\s+ipv4\s*$")
_HEADER: Final = re.compile(_PROMPT + r"int\w*\s+(?P<name>[A-Za-z].*?)\s*$")
_BY_PEER: Final = re.compile(_PROMPT + r"ip\s+addr\w*\s+(?P<by>dhcp|nego\w*)\b.*$")
_TRANSFORMS: Final = re.compile(_PROMPT + r"(?P<head>cry\w*\s+ips\w*\s+tr[\w-]*\s+\S+)\s+(?P<words>\S.*?)\s*$")
_PROTECTION: Final = re.compile(
    rf"(?P<head>{BEFORE}tunnel\s+prot\w*\s+ips\w*\s+prof\w*\s+)(?P<profile>\S+)(?P<rest>.*)$"
)
_OSPFV3: Final = "router ospfv3 "
_ENDS: Final[tuple[list[str], ...]] = ([], ["exit-address-family"], ["!"])
_BY_POLICY: Final = re.compile(r"ip pol\w* ro[\w-]* (\S+)$")
_NEXT_HOP: Final = re.compile(rf"set ip (?:default )?next-hop (?:verify-availability )?{_IP}")
#: The port of an excerpt without ports.
_PORT: Final = "GigabitEthernet0/0"


class ReplacedLine(Value):
    """A line of a file that a lab may have as it is, if the lab has in the end what the line needs.

    now: the line in its place. port: it asks for an address there, and `route` is the line at the end for its gateway,
    "": none. track: its route follows this object.
    """

    line: str
    now: str
    port: str = ""
    route: str = ""
    track: int = 0


class Adapted(Value):
    """The texts as a lab uses them, by file name, the changes in sentences, and lines that may come back."""

    texts: dict[str, str]
    notes: tuple[str, ...]
    replaced: dict[str, list[ReplacedLine]] = field(default_factory=dict)


def adapted(texts: Mapping[str, str], segments: Mapping[tuple[str, str], int] | None = None) -> Adapted:
    """Make all necessary changes.

    texts: by file name.
    segments: wires from a drawing, by file name and port.
    """
    bridging = {file: made for file, text in texts.items() if (made := _bridging(text))}
    texts = {**texts, **{file: text for file, (text, _) in bridging.items()}}
    devices = {file: Device.read(file, text, leaves_out=True) for file, text in texts.items()}
    addresses = MissingAddresses(devices, segments or {})
    keys, unnamed, answers = cloud_keys(devices), unnamed_releases(devices), _virtual_addresses(devices)
    found: dict[str, str] = {}
    replaced: dict[str, list[ReplacedLine]] = {}
    notes = [
        f"{devices[file].own_name or file}: {tunnel} sends no multicasts, so routing protocols find no neighbor there: "
        "`ip nhrp map multicast dynamic` is missing (since IOS XE 16.3 it is on by default: a line `version` says so)"
        for file, tunnel in silent_hubs(devices)
        if file not in unnamed
    ]
    notes += [f"{devices[file].own_name or file} {why}" for file, (_, why) in bridging.items()]
    for file, text in texts.items():
        device, lines = devices[file], text.split("\n")
        count = len(lines)
        name = device.own_name or file
        if file in unnamed:
            lines.append(f"version {RELEASE}")
            notes.append(f"{name} has ports as IOS XE calls them, and names no release: the lab takes it for {RELEASE}")
        replaced[file] = [*_forget_tracks(lines)]
        notes += [f"{name}: {change}" for change in _replace(lines, device)]
        notes += [f"{name} {change}" for change in _address_ports(lines, file, device, addresses, replaced[file])]
        for section, why in (*_permit(text), *_replace_policies(device), *_route_out(device), *_version_2(lines)):
            lines += section
            notes.append(f"{name}{why}")
        virtual = answers.get(file, [])
        for port, address, mask in virtual:
            lines += [f"interface {port}", f" ip address {address} {mask} secondary"]
        if virtual:
            has = ", ".join(f"{address}" for _, address, _ in virtual)
            notes.append(f"{name} has the virtual addresses in which its priority is the highest: {has}")
        if file in keys:
            some = ", ".join(f"{tunnel} key {key}" for tunnel, key in keys[file].items())
            lines += [
                line for tunnel, key in keys[file].items() for line in (f"interface {tunnel}", f" tunnel key {key}")
            ]
            notes.append(f"{name}: tunnels of one source need keys to be distinguished: the lab gives {some}")
        notes += [f"{name} {change}" for change in _add_port(lines, device, addresses)]
        own = "\n".join(lines[:count])
        found[file] = with_lines(own, lines[count:]) if lines[count:] else own
    return Adapted(found, tuple(notes), replaced)


def secured(texts: Mapping[str, str], *, strict: bool) -> Adapted:
    """Make the changes that a folder with a `lab.yaml` needs, too: those of algorithms.

    strict: only what a file's release permits without showing it.
    """
    found, notes = {}, []
    for name, text in texts.items():
        lines = text.split("\n")
        changes = [] if strict else list(_replace_ciphers(lines))
        notes += [f"{name}: {change}" for change in changes]
        added = [*_permit(text, strict=strict)]
        added += [] if strict else _replace_policies(Device.read(name, text, leaves_out=True))
        notes += [f"{name}{why}" for _, why in added]
        own = "\n".join(lines) if changes else text
        found[name] = with_lines(own, [line for section, _ in added for line in section]) if added else own
    return Adapted(found, tuple(notes))


def _permit(text: str, *, strict: bool = False) -> Iterator[tuple[list[str], str]]:
    """Yield the line that permits the weak algorithms of a text, and why a lab has it."""
    if not MAY_BE_WEAK.search(text):
        return
    result, lines = configurator(FEATURES).parse_text(text), [line.strip() for line in text.split("\n")]
    if result.release is None and (strict or is_marked(lines)):
        return
    line = permission(result.tree, result.release)
    if line and line not in result.tree.render() and f"no {line}" not in lines:
        says = f"is of {result.release}" if result.release else "names no release"
        yield [line], f" {says}: the lab permits the weak algorithms of its policies, as IOS does before 17.11"


def _forget_tracks(lines: list[str]) -> Iterator[ReplacedLine]:
    """Let routes hold whatever the objects do that they follow."""
    for number, line in enumerate(lines):
        match = _TRACK.match(line) if "track" in line else None
        if match is not None:
            lines[number] = f"{match['route']}{match['rest']}"
            yield ReplacedLine(line, lines[number], track=int(match["object"]))


def _replace(lines: list[str], device: Device) -> Iterator[str]:
    """Change lines that a lab does not support; yield a sentence about each change."""
    for number, line in enumerate(lines):
        if (gre := _GRE_IPV4.match(line)) is not None:  # the spelling of other systems of the same vendor
            lines[number] = f"{gre['before']}tunnel mode gre ip"
    for vrf in _join_tables(lines, vrfs(device.tree)):
        yield f"VRF {vrf} is not defined: the lab takes it for the global table"
    yield from replace_maps(lines, device)
    yield from _replace_ciphers(lines)
    for tunnel, before, after in _share_profiles(lines, device):
        yield (
            f"{tunnel} has the source of a tunnel with another IPsec profile: the lab uses {after} in the "
            f"place of {before}"
        )


# ------------------------------------------------------------------------------------------------ bridges


_IRB: Final = re.compile(r"^bridge irb\s*$", re.MULTILINE)
_BRIDGED: Final = re.compile(r"^interface (\S+)\.\d+ *\n((?: .*\n)+)", re.MULTILINE)
_BVI: Final = re.compile(r"\bBVI ?(\d+)\b")


def _bridging(text: str) -> tuple[str, str] | None:
    """Return a text whose subinterfaces in bridge groups are trunks, and its BVIs VLAN interfaces, and why; or None."""
    vlans: dict[str, str] = {}
    trunks: dict[str, list[str]] = {}

    def trunk(section: re.Match[str]) -> str:
        by_word = {words[0].lower(): words[-1] for line in section[2].splitlines() if len(words := line.split()) > 1}
        if "bridge-group" not in by_word or not by_word.get("encapsulation", "").isdigit():
            return section[0]
        vlans[by_word["bridge-group"]] = by_word["encapsulation"]
        trunks.setdefault(section[1], []).append(by_word["encapsulation"])
        return "!\n" * section[0].count("\n")

    changed = _BRIDGED.sub(trunk, text) if _IRB.search(text) else text
    if not trunks:
        return None
    groups = dict.fromkeys(_BVI.findall(text))
    own = _BVI.sub(lambda found: f"Vlan{vlans.get(found[1], found[1])}", changed)
    modes = " switchport trunk encapsulation dot1q", " switchport mode trunk"
    added = [f"vlan {vlan}" for vlan in dict.fromkeys(vlans.values())]
    for port, carried in trunks.items():
        added += [f"interface {port}", f" switchport trunk allowed vlan {','.join(carried)}", *modes]
    names = [f"interface Vlan{vlans.get(group, group)} for BVI{group}" for group in groups]
    return with_lines(own, added), f"bridges VLANs: the lab takes it for a switch with {', '.join(names)}"


# ------------------------------------------------------------------------------------------------ VRFs


def _join_tables(lines: list[str], defined: tuple[str, ...]) -> list[str]:
    """Move VRFs without a definition into the global table. Returns their names."""
    joined: list[str] = []
    for number, line in enumerate(lines):
        if "vrf" not in line:
            continue
        for pattern, replacement in _GLOBAL:
            match = pattern.match(line)
            if match is not None and match["vrf"] not in defined:
                joined.append(match["vrf"])
                lines[number] = match.expand(replacement)
    return list(dict.fromkeys(joined))


# ------------------------------------------------------------------------------------------------ ciphers

#: Each set is replaced in its place, so that ends that disagree still disagree.
_STRONG: Final = {
    "esp-3des": "esp-aes 192",
    "esp-des": "esp-aes 256",
    "esp-seal": "esp-aes",
    "esp-md5-hmac": "esp-sha384-hmac",
    "ah-md5-hmac": "esp-sha384-hmac",
    "ah-sha-hmac": "esp-sha-hmac",
    "ah-sha256-hmac": "esp-sha256-hmac",
    "ah-sha384-hmac": "esp-sha384-hmac",
    "ah-sha512-hmac": "esp-sha512-hmac",
}
#: The same for policies of IKEv1: what few files name.
_BUILT: Final = {"des": "encryption aes 192", "group 1": "group 20"}
_WEAK: Final = frozenset(("esp-3des", "esp-des", "esp-seal", "esp-md5-hmac", "ah-md5-hmac"))
_ALONE: Final = "esp-sha512-hmac"
#: Further transforms, of which lines may have abbreviations.
_OTHERS: Final = (
    *("esp-aes", "esp-gcm", "esp-gmac", "esp-null", "comp-lzs"),
    *("esp-sha-hmac", "esp-sha256-hmac", "esp-sha384-hmac", "esp-sha512-hmac"),
)


def _replace_ciphers(lines: list[str]) -> Iterator[str]:
    """Change transform sets without any secure transform; yield a sentence about each."""
    for number, line in enumerate(lines):
        match = _TRANSFORMS.match(line)
        if match is None:
            continue
        words = [_whole(word) for word in match["words"].split()]
        if "esp-null" in words or any("gcm" in word or "gmac" in word for word in words):
            continue
        changed = list(dict.fromkeys(_STRONG.get(word, word) for word in words if word != "comp-lzs"))
        if "esp-aes" in " ".join(changed) and not any(word.endswith("-hmac") for word in changed):
            changed.append(_ALONE)
        if changed != words:  # those that are abbreviated and strong stay as they are
            lines[number] = f"{match['before']}{match['head']} {' '.join(changed)}"
            is_weak = not _WEAK.isdisjoint(words) or not any(word.endswith("-hmac") for word in words)
            why = "protects nothing and is not built" if is_weak else "is not built"
            name, after = match["head"].split()[-1], " ".join(changed)
            yield f"{name} ({' '.join(words)}) {why}: the lab uses {after} in its place"


def _replace_policies(device: Device) -> Iterator[tuple[list[str], str]]:
    """Yield lines that give a policy of IKEv1 other algorithms than DES and group 1, and a sentence about them."""
    for policy in device.ikev2.isakmp.policies:
        lacks = isakmp_lacks(policy, weak=True)
        lines = [line for lacking, line in _BUILT.items() if lacking in lacks]
        if lines:
            section = [f"crypto isakmp policy {policy.number}", *(f" {line}" for line in lines)]
            named = f"isakmp policy {policy.number} ({', '.join(each for each in _BUILT if each in lacks)})"
            yield section, f": {named} is not built: the lab uses {', '.join(lines)} in its place"


def _whole(word: str) -> str:
    """Return a transform in full; a word that is none, or may be several, as it is."""
    found = [each for each in (*_STRONG, *_OTHERS) if each.startswith(word.lower())]
    return found[0] if len(found) == 1 else word


# ------------------------------------------------------------------------------------------------ profiles


def _share_profiles(lines: list[str], device: Device) -> Iterator[tuple[str, str, str]]:
    """Change the profiles of multipoint tunnels with one source; yields each tunnel with its old and new profile."""
    protected = [
        (tunnel.name, device.source(tunnel) or tunnel.source_interface, tunnel.protection)
        for tunnel in device.tunnels.tunnels
        if tunnel.multipoint and tunnel.protection
    ]
    first = {source: profile for _, source, profile in reversed(protected) if source}
    shared = {name: first[source] for name, source, _ in protected if source}
    tunnel = ""
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is not None:
            tunnel = normalize_interface(header["name"]) or ""
        match = _PROTECTION.match(line)
        if match is not None and shared.get(tunnel, match["profile"]) != match["profile"]:
            lines[number] = f"{match['head']}{shared[tunnel]}{match['rest']}"
            yield tunnel, match["profile"], shared[tunnel]


# ------------------------------------------------------------------------------------------------ addresses


def _address_ports(
    lines: list[str], file: str, device: Device, addresses: MissingAddresses, replaced: list[ReplacedLine]
) -> Iterator[str]:
    """Give addresses to ports that use DHCP or PPP for it, and to sources of tunnels without any in the text."""
    given, port = addresses.assigned(file), ""
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is not None:
            port = normalize_interface(header["name"]) or ""
        match = _BY_PEER.match(line)
        if match is None or port not in given:
            continue
        address = given[port]
        lines[number] = f"{match['before']}ip address {address.ip} {address.netmask}"
        gateways = device.default_gateways_of(device.vrf_of(port))
        known = [one for one in gateways if one in address.network and one != address.ip]
        gateway = next(iter(known), addresses.gateway(file, port))
        route = "" if known else _default_route(device, port, gateway)
        lines += [route] if route else []
        if match["by"] == "dhcp":
            replaced.append(ReplacedLine(line, lines[number], port, route))
        else:
            yield f"{port} gets its address by PPP: the lab gives it {address}"
    for port in unaddressed(device):
        address = addresses.assigned(file)[port]
        lines += _port(port, address, device, addresses.gateway(file, port))
        yield f"{port} is the source of a tunnel and has no address: the lab gives it {address}"


def _add_port(lines: list[str], device: Device, addresses: MissingAddresses) -> Iterator[str]:
    """Give a port to an excerpt that has nothing but tunnels."""
    # The tunnel source in an excerpt that has only tunnels: no port has an address, and none is the source
    own = {name: address.ip for name, address in device.ports.items()}
    has_ports = any(not name.startswith(_NO_PORTS) for name in own)
    named = any(tunnel.source_interface for tunnel in device.tunnels.tunnels)
    unknown = [one for one in _sources(device) if one not in own.values()]
    address = IPv4Interface(f"{unknown[0]}/{_WIDE}") if unknown and not has_ports and not named else None
    if address is not None:
        lines += _port(_PORT, address, device, addresses.free_host(address))
        yield f"has only tunnels: the lab gives it {_PORT} with their source, {address}"


def _port(name: str, address: IPv4Interface, device: Device, gateway: IPv4Address) -> list[str]:
    """Return the lines of an added port, and of a default route unless the router has one."""
    section = [f"interface {name}", f" ip address {address.ip} {address.netmask}", " no shutdown"]
    has_gateway = bool(device.default_gateways_of(device.vrf_of(name)))
    return section if has_gateway else [*section, _default_route(device, name, gateway)]


def _route_out(device: Device) -> Iterator[tuple[list[str], str]]:
    """Yield a default route for a router that has next hops by policy routing alone, and a sentence about it."""
    if _asking(device) or any(route.prefix.is_default for route in device.routes):
        return
    maps = dict.fromkeys(found[1] for entry in device.entries if (found := _BY_POLICY.match(entry.text.strip())))
    headers = [header for name in maps for header in device.lines.headers(f"route-map {name} ")]
    hops = [hop for header in headers for line in device.lines.section(header).lines if (hop := _NEXT_HOP.match(line))]
    gateways = [IPv4Address(hop[1]) for hop in hops]
    near = ((port, hop) for hop in gateways for port, own in device.ports.items() if hop in own.network)
    for port, gateway in near:
        line = _default_route(device, port, gateway)
        yield [line], f" has its way out by policy routing, which is not done: the lab gives it `{line}`"
        return


def _version_2(lines: Sequence[str]) -> Iterator[tuple[list[str], str]]:
    """Yield lines of OSPF version 2 that do what those of version 3 do for IPv4, and a sentence about them."""
    found: dict[str, list[str]] = {}
    head = family = ""
    for line in lines:
        words = line.split()
        if not line.startswith((" ", "!")):
            head, family = line.strip(), ""
        elif words[:1] == ["address-family"]:
            family = "".join(words[1:2])
        elif head.startswith("interface ") and words[:1] == ["ospfv3"] and words[2:] and "ipv6" not in words:
            rest = [word for word in words[1:] if word != "ipv4"]
            kept = rest[1:] if words[1].isdigit() and "area" not in rest else rest
            found.setdefault(head, []).append(f" ip ospf {' '.join(kept)}")
        elif line.startswith(" ") and head.startswith(_OSPFV3) and family != "ipv6" and words[:1] not in _ENDS:
            more = " subnets" if words[0] == "redistribute" else ""
            found.setdefault(head.replace("v3", "", 1), []).append(f" {' '.join(words)}{more}")
    if any(" area " in line for name, section in found.items() if name.startswith("interface ") for line in section):
        made = [line for name, section in found.items() for line in (name, *section)]
        yield made, ": OSPF version 3 for IPv4 is not spoken: the lab runs version 2 in its place"


def _default_route(device: Device, port: str, gateway: IPv4Address) -> str:
    """Return the route of a DHCP client, in the table of its port."""
    vrf = device.vrf_of(port)
    return f"ip route {f'vrf {vrf} ' if vrf else ''}0.0.0.0 0.0.0.0 {gateway} 254"
