"""What a lab does in place of lines of strangers that nothing here can do, so that their network comes up all the same.

    tracking   routes hold, whatever they track
    VRFs       one table: `tunnel vrf` goes, routes of a VRF are routes
    DHCP       a port gets the address that its tunnel or its clients name, or one of its wire, if that was drawn, or
               of a pool, or one that is made up
    ciphers    what protects nothing (DES, 3DES, MD5, none) becomes AES and SHA, other ones at both ends alike
    keys       tunnels that cannot be told apart get keys (`clouds.py`)
    maps       GRE tunnels that a crypto map protects have an IPsec profile instead (`crypto_maps.py`)
    excerpts   a router with nothing but tunnels gets a port with their source
    profiles   multipoint tunnels of one source use one IPsec profile: that of the first
    releases   files of IOS XE that name none, where a hub relies on newer defaults, are of 16.3 (`unnamed.py`)

Lines are changed where they are, so that messages still name the lines of the file. Each change is said in a note.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import Prefix
from dmvpn.base.values import dataclass
from dmvpn.ios import normalize_interface
from dmvpn.network.clouds import cloud_keys
from dmvpn.network.crypto_maps import replace_maps
from dmvpn.network.device import Device
from dmvpn.network.lines import BEFORE
from dmvpn.network.underlay import far_ends
from dmvpn.network.unnamed import RELEASE, unnamed_releases

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from dmvpn.base.addresses import IPAddress

_PROMPT: Final = rf"(?P<before>{BEFORE})"
_TUNNEL_VRF: Final = re.compile(_PROMPT + r"tunnel\s+vrf\s+(?P<vrf>\S+)\s*$")
_ROUTE_VRF: Final = re.compile(_PROMPT + r"ip\s+route\s+vrf\s+(?P<vrf>\S+)\s+(?P<rest>\d.*)$")
_FAMILY_VRF: Final = re.compile(
    _PROMPT + r"(?P<family>address-family\s+ipv4(?:\s+unicast)?)\s+vrf\s+(?P<vrf>\S+)(?P<rest>\s+auto\S*\s+\d+\s*)$"
)
_TRACK: Final = re.compile(rf"(?P<route>{BEFORE}ip\s+route\s+(?:vrf\s+\S+\s+)?\d.*?)\s+track\s+\d+(?P<rest>.*)$")
_GRE_IPV4: Final = re.compile(_PROMPT + r"tunnel\s+mode\s+gre\s+ipv4\s*$")
_HEADER: Final = re.compile(_PROMPT + r"int\w*\s+(?P<name>[A-Za-z].*?)\s*$")
_DHCP: Final = re.compile(_PROMPT + r"ip\s+addr\w*\s+dhcp\b.*$")
_TRANSFORMS: Final = re.compile(_PROMPT + r"(?P<head>crypto\s+ipsec\s+transform-set\s+\S+)\s+(?P<words>\S.*?)\s*$")
_PROTECTION: Final = re.compile(
    rf"(?P<head>{BEFORE}tunnel\s+prot\w*\s+ips\w*\s+prof\w*\s+)(?P<profile>\S+)(?P<rest>.*)$"
)
#: Made-up networks of ports whose address nobody knows (RFC 2544).
_MADE_UP: Final = IPv4Network("198.18.0.0/15")
_LINK: Final = 30
_WIDE: Final = 24
#: The port of a router that is an excerpt without ports.
_PORT: Final = "GigabitEthernet0/0"
_NO_PORTS: Final = ("Tunnel", "Loopback", "Null", "Virtual", "dynamic")


@dataclass(frozen=True, slots=True)
class Adapted:
    """The texts as a lab takes them, by file name, and what was changed."""

    texts: dict[str, str]
    notes: tuple[str, ...]


def adapted(texts: Mapping[str, str], segments: Mapping[tuple[str, str], int] | None = None) -> Adapted:
    """Change what has to be.

    texts: by file name.
    segments: wires that somebody drew, by file name and port.
    """
    notes: list[str] = []
    found = {}
    devices = {file: Device.read(file, text, leaves_out=True) for file, text in texts.items()}
    across = _across(devices, segments or {})
    given, keys, unnamed = _given(devices, across), cloud_keys(devices), unnamed_releases(devices)
    taken = {end for each in devices.values() for end in (*far_ends(each), *_sources(each))}  # asked, never iterated
    taken |= {address.ip for ports in given.values() for address in ports.values()}
    for file, text in texts.items():
        device = devices[file]
        name = device.lines.value("hostname ") or file
        lines = text.split("\n")
        if file in unnamed:
            lines.append(f"version {RELEASE}")
            notes.append(f"{name} has ports as IOS XE calls them, and names no release: the lab takes it for {RELEASE}")
        tracked = _forget_tracks(lines)
        if tracked:
            routes = "1 route" if tracked == 1 else f"{tracked} routes"
            notes.append(f"{name}: what routes track is rarely in a lab; `track` is ignored in {routes}")
        vrfs = _join_tables(lines)
        if vrfs:
            notes.append(f"{name}: a lab has no VRFs: {', '.join(vrfs)} and the global table are one here")
        notes += [f"{name}: {change}" for change in replace_maps(lines, device)]
        for before, why, after in _replace_ciphers(lines):
            notes.append(f"{name}: {before} {why}: the lab uses {after} in its place")
        for tunnel, before, after in _share_profiles(lines, device):
            notes.append(
                f"{name}: {tunnel} has the source of a tunnel with another IPsec profile: the lab uses {after} in the "
                f"place of {before}"
            )
        for port, address in _address_ports(lines, given.get(file, {})):
            known = [one for one in device.default_gateways if one in address.network and one != address.ip]
            gateway = next(iter(known), _gateway(address, across.get((file, port)), taken))
            lines += [] if known else [f"ip route 0.0.0.0 0.0.0.0 {gateway} 254"]
            notes.append(
                f"{name} {port} gets its address by DHCP: the lab gives it {address} and the gateway {gateway}"
            )
        for port in _unaddressed(device):
            address = given[file][port]
            gateway = _gateway(address, across.get((file, port)), taken)
            lines += [f"interface {port}", f" ip address {address.ip} {address.netmask}", " no shutdown"]
            lines += [] if device.default_gateways else [f"ip route 0.0.0.0 0.0.0.0 {gateway} 254"]
            notes.append(f"{name} {port} is the source of a tunnel and has no address: the lab gives it {address}")
        for tunnel, key in keys.get(file, {}).items():
            lines += [f"interface {tunnel}", f" tunnel key {key}"]
        if file in keys:
            some = ", ".join(f"{tunnel} key {key}" for tunnel, key in keys[file].items())
            notes.append(f"{name}: tunnels of one source cannot be told apart without keys: the lab gives {some}")
        homeless = _homeless(device)
        if homeless is not None:
            gateway = next(host for host in homeless.network.hosts() if host != homeless.ip and host not in taken)
            lines += [f"interface {_PORT}", f" ip address {homeless.ip} {homeless.netmask}", " no shutdown"]
            lines += [] if device.default_gateways else [f"ip route 0.0.0.0 0.0.0.0 {gateway} 254"]
            notes.append(f"{name} has only tunnels: the lab gives it {_PORT} with their source, {homeless}")
        found[file] = "\n".join(lines)
    return Adapted(found, tuple(notes))


def _forget_tracks(lines: list[str]) -> int:
    """Take the tracked objects from static routes. How many there were."""
    found = 0
    for number, line in enumerate(lines):
        match = _TRACK.match(line) if "track" in line else None
        if match is not None:
            lines[number] = f"{match['route']}{match['rest']}"
            found += 1
    return found


# ------------------------------------------------------------------------------------------------ VRFs


def _join_tables(lines: list[str]) -> list[str]:
    """Take the VRFs out of routes, tunnels and named EIGRP. Their names."""
    vrfs: list[str] = []
    for number, line in enumerate(lines):
        if (gre := _GRE_IPV4.match(line)) is not None:  # as other systems of the same vendor write it
            lines[number] = f"{gre['before']}tunnel mode gre ip"
        if "vrf" not in line:
            continue
        for pattern in (_TUNNEL_VRF, _ROUTE_VRF, _FAMILY_VRF):
            match = pattern.match(line)
            if match is None:
                continue
            vrfs.append(match["vrf"])
            if pattern is _TUNNEL_VRF:
                lines[number] = "!"
            elif pattern is _ROUTE_VRF:
                lines[number] = f"{match['before']}ip route {match['rest']}"
            else:
                lines[number] = f"{match['before']}{match['family']}{match['rest']}"
    return list(dict.fromkeys(vrfs))


# ------------------------------------------------------------------------------------------------ ciphers

#: Each has a place of its own, so that ends that do not agree do not begin to.
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
_WEAK: Final = frozenset(("esp-3des", "esp-des", "esp-seal", "esp-md5-hmac", "ah-md5-hmac"))
_ALONE: Final = "esp-sha512-hmac"


def _replace_ciphers(lines: list[str]) -> Iterator[tuple[str, str, str]]:
    """Change the transform sets that have nothing usable in them; each with the reason and what it became."""
    for number, line in enumerate(lines):
        match = _TRANSFORMS.match(line)
        if match is None:
            continue
        words = match["words"].split()
        if "esp-null" in words or any("gcm" in word or "gmac" in word for word in words):
            continue
        changed = list(dict.fromkeys(_STRONG.get(word, word) for word in words if word != "comp-lzs"))
        if "esp-aes" in " ".join(changed) and not any(word.endswith("-hmac") for word in changed):
            changed.append(_ALONE)
        if changed != words:
            lines[number] = f"{match['before']}{match['head']} {' '.join(changed)}"
            is_weak = not _WEAK.isdisjoint(words) or not any(word.endswith("-hmac") for word in words)
            why = "protects nothing and is not built" if is_weak else "is not built"
            yield f"{match['head'].split()[-1]} ({' '.join(words)})", why, " ".join(changed)


# ------------------------------------------------------------------------------------------------ profiles


def _share_profiles(lines: list[str], device: Device) -> Iterator[tuple[str, str, str]]:
    """Change the profiles of multipoint tunnels with one source; each with what it had, and has now."""
    shared = _shared_profiles(device)
    tunnel = ""
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is not None:
            tunnel = normalize_interface(header["name"]) or ""
        match = _PROTECTION.match(line)
        if match is not None and shared.get(tunnel, match["profile"]) != match["profile"]:
            lines[number] = f"{match['head']}{shared[tunnel]}{match['rest']}"
            yield tunnel, match["profile"], shared[tunnel]


def _shared_profiles(device: Device) -> dict[str, str]:
    """Return the profile that each protected multipoint tunnel has to have, by its name."""
    protected = [
        (tunnel.name, device.source(tunnel) or tunnel.source_interface, tunnel.protection)
        for tunnel in device.tunnels.tunnels
        if tunnel.multipoint and tunnel.protection
    ]
    first = {source: profile for _, source, profile in reversed(protected) if source}
    return {name: first[source] for name, source, _ in protected if source}


# ------------------------------------------------------------------------------------------------ DHCP


def _across(
    read: Mapping[str, Device], segments: Mapping[tuple[str, str], int]
) -> dict[tuple[str, str], IPv4Interface]:
    """Return for each port that somebody drew: an address that another router has on the same wire."""
    own = {(file, name): address for file, device in read.items() for name, address in device.ports.items()}
    on_wire: dict[int, list[tuple[str, str]]] = {}
    for port, number in segments.items():
        if port in own:
            on_wire.setdefault(number, []).append(port)
    others = {port: [one for one in on_wire.get(number, ()) if one[0] != port[0]] for port, number in segments.items()}
    return {port: own[found[0]] for port, found in others.items() if found}


def _gateway(address: IPv4Interface, across: IPv4Interface | None, taken: set[IPv4Address]) -> IPv4Address:
    """Return the next hop from there: the station at the other end of the wire, otherwise the first host that ends no
    tunnel.
    """
    if across is not None and across.ip in address.network:
        return across.ip
    first = next(host for host in address.network.hosts() if host != address.ip)
    free = (host for host in address.network.hosts() if host != address.ip and host not in taken)
    return next(free, first)


def _given(
    read: Mapping[str, Device], across: Mapping[tuple[str, str], IPv4Interface]
) -> dict[str, dict[str, IPv4Interface]]:
    """Return the address of each port that asks for one: by file and port. across: the station at the other end of its
    wire.
    """
    ports = [(file, name) for file, device in read.items() for name in (*_asking(device), *_unaddressed(device))]
    known = [address for device in read.values() for address in device.ports.values()]
    pools = [pool for pool in _all_pools(read.values()) if any(one.ip in pool for one in known)]
    providers = [*_all_pools(device for device in read.values() if not device.tunnels.tunnels)]
    found: dict[str, dict[str, IPv4Interface]] = {}
    made = _MADE_UP.subnets(new_prefix=_LINK)
    for file, name in ports:
        address = _told(read, file, name, known)
        if address is None:
            gateway = _elsewhere(read[file])
            is_wan = any(tunnel.source_interface == name for tunnel in read[file].tunnels.tunnels)
            fit = (pool for pool in pools if pool.prefixlen <= _LINK and (pool in providers or not is_wan))
            pool = next(fit, gateway)
            near = across.get((file, name))
            network = near.network if near is not None else pool if pool is not None else next(made)
            free = _free(network, known)
            if free is None:
                free = next(next(made).hosts())
                network = IPv4Network(f"{free}/{_LINK}", strict=False)
            address = IPv4Interface(f"{free}/{network.prefixlen}")
        known.append(address)
        found.setdefault(file, {})[name] = address
    return found


def _elsewhere(device: Device) -> IPv4Network | None:
    """Return where the gateway of a default route is that is in no subnet of this router: there its port must be."""
    own = device.ports.values()
    far = next((one for one in device.default_gateways if not any(one in address.network for address in own)), None)
    return IPv4Network(f"{far}/{_WIDE}", strict=False) if far is not None else None


def _free(network: IPv4Network, known: list[IPv4Interface]) -> IPv4Address | None:
    """Return the last address that nobody has, of the first 254 of a wide network."""
    part = network if network.prefixlen >= _WIDE else next(network.subnets(new_prefix=_WIDE))
    return next((host for host in reversed([*part.hosts()]) if host not in [one.ip for one in known]), None)


def _asking(device: Device) -> list[str]:
    """Return the ports of this router that ask for an address."""
    return [
        one.name
        for one in device.interfaces.interfaces
        if device.uses_dhcp(one.name) and not one.shutdown and not one.name.startswith("Tunnel")
    ]


def _unaddressed(device: Device) -> list[str]:
    """Return sources of tunnels of which an excerpt does not say the address, and nothing says that they are to have
    none.
    """
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


def _homeless(device: Device) -> IPv4Interface | None:
    """Return the source of the tunnels in an excerpt that has nothing else: no port has an address, and none is the
    source.
    """
    own = {name: address.ip for name, address in device.ports.items()}
    has_ports = any(not name.startswith(_NO_PORTS) for name in own)
    named = any(tunnel.source_interface for tunnel in device.tunnels.tunnels)
    homeless = [one for one in _sources(device) if one not in own.values()]
    return IPv4Interface(f"{homeless[0]}/{_WIDE}") if homeless and not has_ports and not named else None


def _told(read: Mapping[str, Device], file: str, name: str, known: list[IPv4Interface]) -> IPv4Interface | None:
    """Return what the router's own tunnel says its address is, or those who map its tunnel address, or its IKE
    identity.
    """
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
    """Return the NBMA addresses that anybody has for a tunnel address: by a map, then as that of a server."""
    every = [nhrp for device in read.values() for nhrp in device.nhrp.tunnels]
    maps = (nbma for nhrp in every for target, nbma in nhrp.maps if target == Prefix.host(address))
    return [*maps, *(server.nbma for nhrp in every for server in nhrp.nhs if server.address == address)]


def _all_pools(routers: Iterable[Device]) -> Iterator[IPv4Network]:
    return (pool for device in routers for pool in _pools(device))


def _pools(device: Device) -> Iterator[IPv4Network]:
    """Yield the networks that this router has addresses of for others: no feature here does that."""
    for header in device.lines.headers("ip dhcp pool "):
        words = device.lines.section(header).value("network ").split()
        if len(words) > 1 and words[1].count(".") == 3:
            yield IPv4Network((words[0], words[1]), strict=False)


def _address_ports(lines: list[str], given: Mapping[str, IPv4Interface]) -> Iterator[tuple[str, IPv4Interface]]:
    """Write the addresses down."""
    port = ""
    for number, line in enumerate(lines):
        header = _HEADER.match(line)
        if header is not None:
            port = normalize_interface(header["name"]) or ""
        match = _DHCP.match(line)
        if match is None or port not in given:
            continue
        address = given[port]
        lines[number] = f"{match['before']}ip address {address.ip} {address.netmask}"
        yield port, address
