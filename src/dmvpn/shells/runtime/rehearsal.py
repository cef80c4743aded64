"""What `dmvpn run` would change on this machine, found by carrying it out elsewhere: in namespaces made for it.

    Stage.of(names)                the interfaces that the router would adopt, as the host has them; only read
    rehearse(part, stage)          in a child: builds them again in a network of its own, plays the part there until
                                   nothing changes any more, and compares what there was with what there is

So there is no list of what a router does beside the router: the same effects come out of it, the same plane carries
them out, and a kernel says what came of them. The namespaces are gone afterwards. It needs no privileges where users
may have namespaces; folders for sockets and records lie in a memory file system that the child alone sees.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import tempfile
from dataclasses import asdict, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pydantic import TypeAdapter

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.dataplane import netlink, sysctl
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, TABLE_MAIN
from dmvpn.dataplane.netlink.nftables import NetfilterSocket
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.things import Key, Kind, LinkState, Thing, TranslationTable, key_of, words
from dmvpn.dataplane.userspace.translation import is_ours
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.syscalls import mount
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.runtime import Runtime

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from dmvpn.base.events import Remembered
    from dmvpn.dataplane.userspace.plane import MakeEngine
    from dmvpn.shells.certificates import Certificates
    from dmvpn.shells.lab.forked import Json

#: Seconds between two looks; looks without a change after which all is there; looks at most.
_LOOK: Final = 0.1
_QUIET: Final = 10
_LOOKS: Final = 100
#: The other ends of interfaces that are built again, by number: no name that a host would have.
_FAR: Final = "far-end-"
_ANY: Final = "0.0.0.0"  # noqa: S104 - compared with
_SO_BINDTODEVICE: Final = 25
#: RTPROT_KERNEL, rtnetlink(7): comes with an address.
_BY_KERNEL: Final = 2
_PROTOCOLS: Final = {255: "any protocol, to send"} | {number.value: number.name for number in IpProtocol}


@dataclass(frozen=True, slots=True)
class Part:
    """What is played: one router.

    interfaces: Linux names by IOS names.
    remembered: what earlier lives stored.
    """

    name: str
    configuration: str
    certificates: Certificates
    remembered: tuple[Remembered, ...]
    interfaces: dict[str, str]
    make_engine: MakeEngine
    manage: bool


@dataclass(frozen=True, slots=True)
class Stage:
    """What a host has that matters: interfaces, addresses and routes on them, and settings (paths below /proc/sys)."""

    links: tuple[netlink.Link, ...]
    addresses: tuple[netlink.InterfaceAddress, ...]
    routes: tuple[netlink.Route, ...]
    settings: dict[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Stage:
        """Return the interfaces of these Linux names. One that is missing is left out: the router says so."""
        with netlink.NetlinkSocket() as kernel:
            links = tuple(link for name in names if (link := kernel.find_link(name)) is not None)
            indexes = {link.index for link in links}
            addresses = tuple(one for one in kernel.addresses() if one.link in indexes and one.address.version == 4)
            routes = tuple(route for route in kernel.routes(but=ROUTE_PROTOCOL) if _is_of_host(route, indexes))
        return cls(links, addresses, routes, dict(_settings([link.name for link in links])))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it, in words.

    things: what is new or otherwise, by the name of its kind (`things.Kind`).
    removed: what was there and goes.
    ports: UDP ports with their addresses, "0.0.0.0" for any.
    said: what it logged as a warning, or worse.
    refused: why it did not begin.
    """

    things: dict[str, list[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    ports: list[tuple[str, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: str = ""


def rehearse(part: Part, stage: Stage) -> Outcome:
    """Play the part. Raises NamespaceProblem where that cannot be; UserError with what the router is refused."""
    outcome = TypeAdapter(Outcome).validate_python(run_in_lab(lambda: _perform(part, stage)))
    if outcome.refused:
        raise UserError(outcome.refused)
    return outcome


# -------------------------------------------------------------------------------------------------------- in the child


def _perform(part: Part, stage: Stage) -> Json:
    for folder in dict.fromkeys((tempfile.gettempdir(), "/run")):
        mount("tmpfs", folder, "tmpfs", 0)
    os.environ["XDG_RUNTIME_DIR"] = tempfile.mkdtemp()
    said = _Said()
    logging.basicConfig(handlers=[said], level=logging.WARNING, force=True)
    try:
        with netlink.NetlinkSocket() as kernel:
            _build(stage, kernel)
            outcome = asyncio.run(_play(part, kernel))
    except (UserError, OSError) as error:
        outcome = Outcome(refused=str(error))
    outcome.said.extend(said.lines)
    return asdict(outcome)


class _Said(logging.Handler):
    """Keeps what is logged, each line once."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[record.getMessage()] = None


def _build(stage: Stage, kernel: netlink.NetlinkSocket) -> None:
    """Build the interfaces of the host once more. The far end of each is down where the host's has no carrier."""
    indexes: dict[int, int] = {}
    kernel.call(netlink.set_up("lo"))
    for number, link in enumerate(stage.links):
        far = f"{_FAR}{number}"
        kernel.call(netlink.create_veth(netlink.VethEnd(name=link.name, mtu=link.mtu), netlink.VethEnd(name=far)))
        made = kernel.find_link(link.name)
        if made is not None:
            indexes[link.index] = made.index
        kernel.call(*([netlink.set_up(link.name)] if link.up else []), *([netlink.set_up(far)] if link.carrier else []))
    sysctl.put_all(stage.settings)
    for address in stage.addresses:
        there = netlink.InterfaceAddress(indexes[address.link], address.address, address.prefix_length)
        kernel.execute([netlink.add_address(there)])
    # Those on the link first, for others lead to gateways there; what the host refuses here the router does not need.
    for route in sorted(stage.routes, key=lambda route: any(hop.gateway for hop in route.next_hops)):
        hops = tuple(
            netlink.NextHop(indexes[hop.link], hop.gateway, onlink=bool(hop.gateway)) for hop in route.next_hops
        )
        kernel.execute([netlink.add_route(netlink.Route(route.prefix, hops, route.kind, route.metric, route.protocol))])


async def _play(part: Part, kernel: netlink.NetlinkSocket) -> Outcome:
    """Let the router live until nothing changes any more; what differs then from what there was."""
    before = _things(kernel)
    records = Records.here()
    storage = Path(tempfile.mkdtemp())
    for one in part.remembered:
        (storage / one.name).write_bytes(one.octets)
    runtime = Runtime(
        part.name, SystemEntropy(), part.make_engine, interfaces=part.interfaces, manage=part.manage, storage=storage
    )
    runtime.start(part.configuration, part.certificates)
    quiet, found = 0, (_things(kernel), _sockets())
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK)
        now = _things(kernel), _sockets()
        quiet = quiet + 1 if now == found else 0
        found = now
        if quiet == _QUIET:
            break
    return _compared(before, *found, records, {link.index: link.name for link in kernel.links()})


def _compared(
    before: dict[Key, Thing], after: dict[Key, Thing], sockets: _Sockets, records: Records, names: dict[int, str]
) -> Outcome:
    def said(things: dict[Key, Thing], others: dict[Key, Thing]) -> list[tuple[Kind, str]]:
        keys = sorted((key for key in things if things[key] != others.get(key)), key=lambda key: key[0])
        return [(key[0], words(things[key], lambda index: names.get(index, str(index)))) for key in keys]

    settings = [
        f"{sysctl.dotted(path)} {old} -> {new}"
        for path, old in records.found().items()
        if _FAR not in path and (new := sysctl.read(path)) not in (None, old)
    ]
    replaced = {key: thing for key, thing in before.items() if key not in after}
    things: dict[str, list[str]] = {}
    for kind, text in said(after, before):
        things.setdefault(kind.name, []).append(text)
    gone = [text for _, text in said(replaced, after)]
    return Outcome(things, gone, settings, list(sockets.texts), list(sockets.ports))


def _things(kernel: netlink.NetlinkSocket) -> dict[Key, Thing]:
    """Return what of the kernel a router may change. What follows by itself, as the route of a network, is left out."""
    links = [link for link in kernel.links() if link.name != "lo" and not link.name.startswith(_FAR)]
    indexes = {link.index for link in links}
    things: list[Thing] = [LinkState(link.index, link.up, link.mtu) for link in links]
    things += [one for one in kernel.addresses() if one.link in indexes and one.address.version == 4]
    things += [one for one in kernel.neighbors() if netlink.NeighborState.PERMANENT in one.state]
    with contextlib.suppress(netlink.NetlinkError):  # a kernel without policy routing
        things += kernel.rules(protocol=ROUTE_PROTOCOL)
    things += kernel.routes(protocol=ROUTE_PROTOCOL)
    with contextlib.suppress(OSError), NetfilterSocket() as netfilter:  # a kernel without nf_tables
        things += [TranslationTable(name) for name in netfilter.tables() if is_ours(name)]
    return {key_of(thing): thing for thing in things}


@dataclass(frozen=True, slots=True)
class _Sockets:
    """Those that hear or send packets, in words; and the UDP ports among them."""

    texts: tuple[str, ...]
    ports: tuple[tuple[str, int], ...]


def _sockets() -> _Sockets:
    """Return the sockets of this process."""
    texts: dict[str, None] = {}
    ports: dict[tuple[str, int], None] = {}
    for one in _own_sockets():
        with one:
            address, port = one.getsockname()
            where = "" if address == _ANY else f" at {address}"
            if device := one.getsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, 16).rstrip(b"\0").decode():
                where += f" on {device}"
            if one.type == socket.SOCK_RAW:
                texts[f"raw {_PROTOCOLS.get(one.proto, f'protocol {one.proto}')}{where}"] = None
            elif port:
                texts[f"UDP port {port}{where}"] = None
                ports[address, port] = None
    return _Sockets(tuple(sorted(texts)), tuple(sorted(ports)))


def _own_sockets() -> Iterator[socket.socket]:
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        with contextlib.suppress(OSError):  # the one that listed them is gone
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                one = socket.socket(fileno=os.dup(descriptor))
                if one.family == socket.AF_INET:
                    yield one
                else:
                    one.close()


def _settings(links: list[str]) -> Iterator[tuple[str, str]]:
    """Yield those of IPv4 that a namespace of its own has, too. Forwarding first: with it the kernel changes others."""
    folders = [Path("/proc/sys/net/ipv4/conf", name) for name in ("all", "default", "lo", *links)]
    files = [Path("/proc/sys/net/ipv4/ip_forward"), *Path("/proc/sys/net/ipv4").glob("*")]
    for file in (*files, *(file for folder in folders for file in sorted(folder.glob("*")))):
        path = str(file.relative_to("/proc/sys"))
        if file.is_file() and (value := sysctl.read(path)) is not None:
            yield path, value


def _is_of_host(route: netlink.Route, indexes: set[int]) -> bool:
    """Return whether a route that somebody made, which leads out of these interfaces alone."""
    by_kernel = route.protocol == _BY_KERNEL or route.table != TABLE_MAIN or route.prefix.address.version != 4
    return not by_kernel and bool(route.next_hops) and all(hop.link in indexes for hop in route.next_hops)
