"""The changes that `dmvpn run` would make on this machine, found by making them elsewhere: in namespaces of their own.

    Stage.of(names)                the interfaces that the router would adopt, as the host has them; only read
    rehearse(part, stage)          in a child: builds them again in a network of its own, runs the router there until
                                   nothing changes any more, and compares the state before and after

So no separate list of a router's changes exists: the router emits the same effects, the same plane carries them out,
and a kernel shows the result. The namespaces are removed afterwards. It needs no privileges where users may have
namespaces. The files of the router are in a memory file system that only the child has, and its records of the host's
settings are in memory, too. No folder of the machine is hidden: the program itself may be in any of them.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import stat
import sys
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import asdict, field
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from dmvpn.base.errors import UserError
from dmvpn.base.events import Remembered
from dmvpn.base.values import Value
from dmvpn.dataplane import host, netlink
from dmvpn.dataplane.netlink import ROUTE_PROTOCOL, TABLE_MAIN
from dmvpn.dataplane.netlink.nfsocket import NetfilterSocket
from dmvpn.dataplane.userspace.keeper import KernelObject, Key, LinkState, ObjectKind, key_of, words
from dmvpn.dataplane.userspace.plane import MakeEngine
from dmvpn.dataplane.userspace.records import Records
from dmvpn.dataplane.userspace.tables import our_tables
from dmvpn.dataplane.userspace.vrf_devices import VrfDevices
from dmvpn.net.ipv4 import IpProtocol
from dmvpn.shells.certificates import Certificates
from dmvpn.shells.lab.forked import Json
from dmvpn.shells.lab.namespaces import run_in_lab
from dmvpn.shells.lab.syscalls import folder_in_memory
from dmvpn.shells.runtime.entropy import SystemEntropy
from dmvpn.shells.runtime.runtime import Runtime

#: Seconds between two checks; checks without a change after which the router is done; checks at most.
_LOOK: Final = 0.1
_QUIET: Final = 10
_LOOKS: Final = 100
#: The other ends of rebuilt interfaces, by number: no name that a host would have.
_FAR: Final = "far-end-"
_ANY: Final = "0.0.0.0"  # noqa: S104 - compared with
_SO_BINDTODEVICE: Final = 25
#: RTPROT_KERNEL, rtnetlink(7): comes with an address.
_BY_KERNEL: Final = 2
_PROTOCOLS: Final = {255: "any protocol, to send"} | {number.value: number.name for number in IpProtocol}


class RehearsedRouter(Value):
    """The router to run.

    interfaces: Linux names by IOS names.
    remembered: files stored by earlier runs.
    """

    name: str
    configuration: str
    certificates: Certificates
    remembered: tuple[Remembered, ...]
    interfaces: dict[str, str]
    make_engine: MakeEngine
    manage: bool


class Stage(Value):
    """The relevant state of a host: interfaces, addresses and routes on them, and settings (paths below /proc/sys)."""

    links: tuple[netlink.KernelLink, ...]
    addresses: tuple[netlink.InterfaceAddress, ...]
    routes: tuple[netlink.KernelRoute, ...]
    settings: dict[str, str]

    @classmethod
    def of(cls, names: Iterable[str]) -> Stage:
        """Return the interfaces of these Linux names. A missing one is left out: the router reports it."""
        with netlink.NetlinkSocket() as kernel:
            links = tuple(link for name in names if (link := kernel.find_link(name)) is not None)
            indexes = {link.index for link in links}
            addresses = tuple(one for one in kernel.addresses() if one.link in indexes and one.address.version == 4)
            routes = tuple(route for route in kernel.routes(but=ROUTE_PROTOCOL) if _is_of_host(route, indexes))
        return cls(links, addresses, routes, dict(_settings([link.name for link in links])))


class RehearsalResult(Value):
    """The result, in words.

    objects: new or changed objects, by the name of their kind (`ObjectKind`).
    removed: deleted objects.
    ports: UDP ports with their addresses, "0.0.0.0" for any.
    said: logged warnings and errors.
    refused: why it did not start.
    """

    objects: dict[str, list[str]] = field(default_factory=dict)
    removed: list[str] = field(default_factory=list)
    settings: list[str] = field(default_factory=list)
    sockets: list[str] = field(default_factory=list)
    ports: list[tuple[str, int]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    refused: str = ""


def rehearse(part: RehearsedRouter, stage: Stage) -> RehearsalResult:
    """Run the router. Raises NamespaceProblem if that is impossible; UserError if the router is refused something."""
    outcome = TypeAdapter(RehearsalResult).validate_python(run_in_lab(lambda: _perform(part, stage)))
    if outcome.refused:
        raise UserError(outcome.refused)
    return outcome


# -------------------------------------------------------------------------------------------------------- in the child


def _perform(part: RehearsedRouter, stage: Stage) -> Json:
    said = _Said()
    logging.basicConfig(handlers=[said], level=logging.WARNING, force=True)
    try:
        with netlink.NetlinkSocket() as kernel:
            _build(stage, kernel)
            outcome = asyncio.run(_play(part, kernel))
    except (UserError, OSError) as error:
        outcome = RehearsalResult(refused=str(error))
    outcome.said.extend(said.lines)
    return asdict(outcome)


class _Said(logging.Handler):
    """Stores log messages, each line once. A traceback goes to standard error, because there is no other log."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: dict[str, None] = {}

    def emit(self, record: logging.LogRecord) -> None:
        self.lines[record.getMessage()] = None
        if record.exc_info:
            traceback.print_exception(*record.exc_info, file=sys.stderr)


def _build(stage: Stage, kernel: netlink.NetlinkSocket) -> None:
    """Rebuild the interfaces of the host. The far end of each is down where the host's has no carrier."""
    indexes: dict[int, int] = {}
    kernel.call(netlink.set_up("lo"))
    for number, link in enumerate(stage.links):
        far = f"{_FAR}{number}"
        kernel.call(netlink.create_veth(netlink.VethEnd(name=link.name, mtu=link.mtu), netlink.VethEnd(name=far)))
        made = kernel.find_link(link.name)
        if made is not None:
            indexes[link.index] = made.index
        kernel.call(*([netlink.set_up(link.name)] if link.up else []), *([netlink.set_up(far)] if link.carrier else []))
    host.put_all(stage.settings)
    for address in stage.addresses:
        there = netlink.InterfaceAddress(indexes[address.link], address.address, address.prefix_length)
        kernel.execute([netlink.add_address(there)])
    # Routes on the link first, because gateways depend on them; routes refused here are not needed by the router.
    for route in sorted(stage.routes, key=lambda route: any(hop.gateway for hop in route.next_hops)):
        hops = tuple(
            netlink.KernelNextHop(indexes[hop.link], hop.gateway, onlink=bool(hop.gateway)) for hop in route.next_hops
        )
        kernel.execute(
            [netlink.add_route(netlink.KernelRoute(route.prefix, hops, route.kind, route.metric, route.protocol))]
        )


async def _play(part: RehearsedRouter, kernel: netlink.NetlinkSocket) -> RehearsalResult:
    """Run the router until nothing changes any more; return the differences to the state before."""
    before = _objects(kernel)
    records, storage = Records(None), folder_in_memory()
    for one in part.remembered:
        (storage / one.name).write_bytes(one.octets)
    runtime = Runtime(
        part.name,
        SystemEntropy(),
        part.make_engine,
        interfaces=part.interfaces,
        manage=part.manage,
        storage=storage,
        records=records,
        backends=VrfDevices(None),
    )
    runtime.start(part.configuration, part.certificates)
    quiet, found = 0, (_objects(kernel), _sockets())
    for _ in range(_LOOKS):
        await asyncio.sleep(_LOOK)
        now = _objects(kernel), _sockets()
        quiet = quiet + 1 if now == found else 0
        found = now
        if quiet == _QUIET:
            break
    return _compared(before, *found, records, {link.index: link.name for link in kernel.links()})


def _compared(
    before: dict[Key, KernelObject],
    after: dict[Key, KernelObject],
    sockets: _Sockets,
    records: Records,
    names: dict[int, str],
) -> RehearsalResult:
    def said(here: dict[Key, KernelObject], there: dict[Key, KernelObject]) -> list[tuple[ObjectKind, str]]:
        keys = sorted((key for key in here if here[key] != there.get(key)), key=lambda key: key[0])
        return [(key[0], words(here[key], lambda index: names.get(index, str(index)))) for key in keys]

    settings = [
        f"{host.dotted(path)} {old} -> {new}"
        for path, old in records.found().items()
        if _FAR not in path and (new := host.read(path)) not in (None, old)
    ]
    replaced = {key: one for key, one in before.items() if key not in after}
    objects: dict[str, list[str]] = {}
    for kind, text in said(after, before):
        objects.setdefault(kind.name, []).append(text)
    gone = [text for _, text in said(replaced, after)]
    return RehearsalResult(objects, gone, settings, list(sockets.texts), list(sockets.ports))


def _objects(kernel: netlink.NetlinkSocket) -> dict[Key, KernelObject]:
    """Return the kernel objects that a router may change.

    Consequences, such as the route of a network, are left out.
    """
    links = [link for link in kernel.links() if link.name != "lo" and not link.name.startswith(_FAR)]
    indexes = {link.index for link in links}
    objects: list[KernelObject] = [LinkState.of(link) for link in links]
    objects += [one for one in kernel.addresses() if one.link in indexes and one.address.version == 4]
    objects += [one for one in kernel.neighbors() if netlink.KernelNeighborState.PERMANENT in one.state]
    with contextlib.suppress(netlink.NetlinkError):  # a kernel without policy routing
        objects += kernel.rules(protocol=ROUTE_PROTOCOL)
    objects += kernel.routes(protocol=ROUTE_PROTOCOL)
    with contextlib.suppress(OSError), NetfilterSocket() as netfilter:  # a kernel without nf_tables
        objects += our_tables(netfilter)
    return {key_of(one): one for one in objects}


class _Sockets(Value):
    """Sockets that receive or send packets, in words; and the UDP ports among them."""

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
        with contextlib.suppress(OSError):  # the listing's own descriptor is gone
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                one = socket.socket(fileno=os.dup(descriptor))
                if one.family == socket.AF_INET:
                    yield one
                else:
                    one.close()


def _settings(links: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the IPv4 settings that a namespace of its own has, too.

    Forwarding first: it makes the kernel change other ones.
    """
    folders = [Path("/proc/sys/net/ipv4/conf", name) for name in ("all", "default", "lo", *links)]
    files = [Path("/proc/sys/net/ipv4/ip_forward"), *Path("/proc/sys/net/ipv4").glob("*")]
    for file in (*files, *(file for folder in folders for file in sorted(folder.glob("*")))):
        path = str(file.relative_to("/proc/sys"))
        if file.is_file() and (value := host.read(path)) is not None:
            yield path, value


def _is_of_host(route: netlink.KernelRoute, indexes: set[int]) -> bool:
    """Return whether the route was added by a user or a program, and leads out of these interfaces alone."""
    by_kernel = route.protocol == _BY_KERNEL or route.table != TABLE_MAIN or route.prefix.address.version != 4
    return not by_kernel and bool(route.next_hops) and all(hop.link in indexes for hop in route.next_hops)
