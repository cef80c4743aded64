"""The shows of OSPF version 3: `show ipv6 ospf ...` and `show ospfv3 ...`, in the layout that IOS has for it.

Commands are those of `show ip ospf` in other words (`of_version_3`); here is what IOS shows differently.
"""

from __future__ import annotations

import re
from ipaddress import IPv4Address, ip_address
from itertools import groupby, islice
from typing import TYPE_CHECKING, Final

from dmvpn.base.addresses import UNSPECIFIED, Prefix, spelled
from dmvpn.features.ospf import lsa
from dmvpn.features.ospf.lsa import Database, LsaType, Options, RouterFlag
from dmvpn.features.ospf.show import neighbors
from dmvpn.features.ospf.show.common import (
    AUTHOR,
    AUTHOR_HELP,
    HELP,
    OSPF,
    count_of_kinds,
    heading,
    own_processes,
    processes,
)
from dmvpn.features.ospf.show.database import Advertisement, Shelf, ShowAdvertisements, shelves_of
from dmvpn.features.ospf.show.interfaces import ALL, BRIEF, InterfaceEntry, ShowInterfaces, query_interfaces, running
from dmvpn.features.ospf.show.process import SUMMARY_ADDRESSES, ShowSummaryAddresses, query_summary_addresses
from dmvpn.features.ospf.version3 import LOCAL_ADDRESS, NO_UNICAST, code_of
from dmvpn.ios import Args, ExecCommand, ShowContext, interface_sort_key, short_interface

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from dmvpn.features.ospf.machine import Process
    from dmvpn.features.ospf.spf import RunningArea

_OSPF: Final = OSPF.replace("ip ospf", "ipv6 ospf")
_HELP: Final = {**HELP, "ipv6": "Internet Protocol, version 6", "ospfv3": "OSPF version 3", "vrf": "In a VRF"}
#: How headings of version 2, and those of `show ipv6 ospf`, begin in each of the two spellings.
_HEADINGS: Final = {
    "ipv6 ospf": (
        (r"^ +OSPF Router with", "            OSPFv3 Router with"),
        (r'^ Routing Process "ospf ', ' Routing Process "ospfv3 '),
    ),
    "ospfv3": (
        (
            r"^ +OSPF(?:v3)? Router with ID .(.+). .Process ID (.+).$",
            r"          OSPFv3 \2 address-family ipv6 (router-id \1)",
        ),
        (r'^ Routing Process "ospf (.+)" with ID (.+)$', r" OSPFv3 \1 address-family ipv6\n Router ID \2"),
    ),
}
_SYNTAX: Final = {
    "ospfv3 [ {number:1-65535} ]": "ospfv3 [ {number:1-65535} ] [ ipv6 ] [ vrf {vrf:word} ]",
    "summary-address": "summary-prefix",
    "[ {prefix:address} [ {mask:mask} ] ]": "[ {prefix:prefix6} ]",
}


def of_version_3(commands: Iterable[ExecCommand]) -> Iterator[ExecCommand]:
    """Yield these commands in the words of version 3."""
    help_ = {**_HELP, "summary-prefix": "Summary prefixes of external routes"}
    for one in commands:
        for words in _HEADINGS:
            if words in one.syntax:
                yield one
                continue
            syntax = one.syntax.replace("ipv6 ospf", words, 1).replace("ip ospf", words, 1)
            for old, new in _SYNTAX.items():
                syntax = syntax.replace(old, new)
            yield ExecCommand(
                syntax,
                {**help_, **one.help} if not isinstance(one.help, str) else one.help,
                query=one.query,
                render=_renamed(one.render, words) if one.render is not None else None,
                action=one.action,
                privilege=one.privilege,
            )


def _renamed(rendered: Callable[[object], Iterable[str]], words: str) -> Callable[[object], Iterable[str]]:
    def render(answer: object) -> Iterator[str]:
        for line in rendered(answer):
            for old, new in _HEADINGS[words]:
                line = re.sub(old, new, line)
            yield from line.split("\n")

    return render


def _bits(options: int) -> str:
    """Return options in words."""
    words = {
        Options.V6: "V6-Bit",
        Options.EXTERNAL: "E-Bit",
        Options.NSSA: "N-Bit",
        Options.LOCAL_SIGNALING: "R-Bit",
        Options.DEMAND: "DC-Bit",
    }
    return ", ".join(word for bit, word in words.items() if options & bit) or "None"


# ------------------------------------------------------------------------------------------------ neighbors


def render_neighbors(answer: neighbors.ShowNeighbors) -> Iterator[str]:
    """Yield a table for each process, or a paragraph for each neighbor."""
    entries = iter(answer.neighbors)
    for number, own, count in answer.processes:
        yield from heading(own, number, "OSPFv3")
        if not answer.detail:
            yield "Neighbor ID     Pri   State           Dead Time   Interface ID    Interface"
        for entry in islice(entries, count):
            yield from _neighbor(entry) if answer.detail else (_neighbor_line(entry),)
    yield from neighbors.refusals(answer)


def _neighbor_line(entry: neighbors.NeighborEntry) -> str:
    state = f"{entry.state}/{entry.role}"
    return f"{entry.router:<16}{entry.priority:>3}   {state:<16}{entry.dead:<12}{entry.number:<16}{entry.interface}"


def _neighbor(entry: neighbors.NeighborEntry) -> Iterator[str]:
    yield f" Neighbor {entry.router}"
    yield f"    In the area {entry.area} via interface {entry.interface} "
    yield f"    Neighbor: interface-id {entry.number}, link-local address {entry.address}"
    yield f"    Neighbor priority is {entry.priority}, State is {entry.state}, {entry.changes} state changes"
    if entry.designated != str(UNSPECIFIED):
        yield f"    DR is {entry.designated} BDR is {entry.backup}"
    yield f"    Options is 0x{entry.options:06X} in Hello ({_bits(entry.options)})"
    yield from neighbors.condition(entry, "1/1/1")


# ------------------------------------------------------------------------------------------------ interfaces


def render_interfaces(answer: ShowInterfaces) -> Iterator[str]:
    """Yield a paragraph for each."""
    for entry in answer.interfaces:
        yield f"{entry.name} is up, line protocol is up "
        yield f"  Link Local Address {entry.address}, Interface ID {entry.number}"
        yield f"  Area {entry.area}, Process ID {entry.process}, Instance ID {entry.instance}, Router ID {entry.router}"
        yield f"  Network Type {entry.network}, Cost: {entry.cost}"
        roles = {entry.designated[0]: "  (Designated Router)", entry.backup[0]: "  (Backup Designated Router)"}
        yield from running(entry, "local address", roles)


def render_brief(answer: ShowInterfaces) -> Iterator[str]:
    """Yield a line for each."""
    if answer.interfaces:
        yield "Interface    PID   Area            Intf ID    Cost  State Nbrs F/C"
    for entry in answer.interfaces:
        yield _brief(entry)


def _brief(entry: InterfaceEntry) -> str:
    name, counts = short_interface(entry.name), f"{len(entry.full)}/{entry.neighbors}"
    return f"{name:<13}{entry.process:<6}{entry.area:<16}{entry.number:<11}{entry.cost:<6}{entry.brief:<6}{counts}"


# ------------------------------------------------------------------------------------------------ the database


_ROUTERS: Final = ("Inter Area Router Link States", "Link ID    Dest RtrID", "Inter Area Router Links")
_PREFIXES: Final = ("Intra Area Prefix Link States", "Link ID    Ref-lstype  Ref-LSID", "Intra-Area-Prefix-LSA")
#: Of each type: words of the command, heading, what a line of the table says, and name.
_KINDS: Final = {
    LsaType.ROUTER: ("router", "Router Link States", "Fragment ID  Link count  Bits", "Router Links"),
    LsaType.NETWORK: ("network", "Net Link States", "Link ID    Rtr count", "Network Links"),
    LsaType.SUMMARY: ("inter-area prefix", "Inter Area Prefix Link States", "Prefix", "Inter Area Prefix Links"),
    LsaType.BORDER_SUMMARY: ("inter-area router", *_ROUTERS),
    LsaType.NSSA_EXTERNAL: ("nssa-external", "Type-7 AS External Link States", "Prefix", "AS External Link"),
    LsaType.LINK: ("link", "Link (Type-8) Link States", "Link ID    Interface", "Link-LSA"),
    LsaType.PREFIXES: ("prefix", *_PREFIXES),
    LsaType.EXTERNAL: ("external", "Type-5 AS External Link States", "Prefix", "AS External Link"),
}


def query_database(ctx: ShowContext, args: Args) -> ShowAdvertisements:
    """Return all advertisements, or those of one type, type by type in each area."""
    asked = [kind for kind, (words, *_) in _KINDS.items() if all(word in args for word in words.split())]
    # `inter-area prefix` has the word of `prefix`, too
    kinds = [kind for kind in _KINDS if not asked or kind is (asked[0] if "inter-area" in args else asked[-1])]
    return ShowAdvertisements(
        tuple(
            shelf
            for process in processes(ctx, args)
            for shelf in shelves_of(process, _scopes(process), kinds, ctx.now, args)
        )
    )


def _scopes(process: Process) -> Iterator[tuple[RunningArea | None, Database]]:
    """Yield areas and links in the order of their numbers, and then the advertisements outside all areas."""
    scopes = ((area, database) for area, database in process.state.scopes() if area is not None)
    yield from sorted(scopes, key=lambda scope: scope[0].number)
    yield None, process.externals


def render_database(answer: ShowAdvertisements) -> Iterator[str]:
    """Yield a line for each."""
    for (number, own), shelves in groupby(answer.shelves, key=lambda shelf: (shelf.process, shelf.own)):
        yield ""
        yield f"            OSPFv3 Router with ID ({own}) (Process ID {number})"
        above = ""
        for shelf in sorted(shelves, key=lambda shelf: (not shelf.area, shelf.area, list(_KINDS).index(shelf.type))):
            if (title := _title(shelf)) != above:  # Link LSAs are kept for each link, and shown together
                yield from ("", title, "", f"ADV Router       Age         Seq#        {_KINDS[shelf.type][2]}")
            above = title
            for each in shelf.advertisements:
                yield f" {each.router:<16}{each.age:<12}0x{each.sequence:08X}  {_columns(each, shelf)}"


def _title(shelf: Shelf) -> str:
    return f"\t\t{_KINDS[shelf.type][1]}" + (f" (Area {shelf.area})" if shelf.area else "")


def _columns(each: Advertisement, shelf: Shelf) -> str:
    number = _number(each.id)
    match each.body:
        case lsa.RouterBody(flags=flags, links=links):
            bits = " ".join(name for bit, name in _ROLES.items() if flags & bit) or "None"
            return f"{number:<13}{len(links):<12}{bits}"
        case lsa.NetworkBody(routers=routers):
            return f"{number:<11}{len(routers)}"
        case lsa.InterAreaBody(destination=destination):
            said = spelled(destination)
            return said if each.type is LsaType.SUMMARY else f"{number:<11}{said}"
        case lsa.ExternalBody3(destination=destination):
            return spelled(destination)
        case lsa.LinkBody():
            return f"{number:<11}{short_interface(shelf.interface)}"
        case lsa.PrefixesBody(about=about):
            return f"{number:<11}0x{code_of(about.type):<10X}{int(about.id)}"
    return str(number)


_ROLES: Final = {RouterFlag.BORDER: "B", RouterFlag.EXTERNAL: "E", RouterFlag.VIRTUAL: "V"}


def _number(name: str) -> int:
    return int(IPv4Address(name))


def render_advertisements(answer: ShowAdvertisements) -> Iterator[str]:
    """Yield a paragraph for each."""
    for shelf in answer.shelves:
        yield from heading(shelf.own, shelf.process, "OSPFv3")
        yield _title(shelf)
        for each in shelf.advertisements:
            yield ""
            yield f"  LS age: {each.age}"
            if each.type not in (LsaType.PREFIXES, LsaType.SUMMARY, LsaType.EXTERNAL, LsaType.NSSA_EXTERNAL):
                yield f"  Options: ({_bits(each.options)})"
            where = f" (Interface: {shelf.interface})" if shelf.interface else ""
            yield f"  LS Type: {_KINDS[each.type][3]}{where}"
            yield f"  Link State ID: {_number(each.id)}" + (" (Interface ID)" if shelf.interface else "")
            yield f"  Advertising Router: {each.router}"
            yield f"  LS Seq Number: {each.sequence:08X}"
            yield f"  Checksum: 0x{each.checksum:04X}"
            yield f"  Length: {each.length}"
            yield from _body(each)


def _body(each: Advertisement) -> Iterator[str]:
    match each.body:
        case lsa.RouterBody() as router:
            yield from (f"  {name}" for bit, name in _TITLES_OF_ROLES.items() if router.flags & bit)
            yield f"  Number of Links: {len(router.links)}"
            for link in router.links:
                yield ""
                yield from _link(link)
        case lsa.NetworkBody(routers=routers):
            yield from (f"\tAttached Router: {router}" for router in routers)
        case lsa.InterAreaBody(destination=Prefix() as prefix, metric=metric):
            yield f"  Metric: {metric} "
            yield from _prefix(lsa.PrefixEntry(prefix))
        case lsa.InterAreaBody(destination=router, metric=metric):
            yield f"  Metric: {metric} "
            yield f"  Destination Router ID: {router}"
        case lsa.ExternalBody3() as external:
            yield from _prefix(lsa.PrefixEntry(external.destination, 0, each.options & Options.NSSA))
            kinds = ("1 (Comparable directly to link state metric)", "2 (Larger than any link state path)")
            yield f"  Metric Type: {kinds[external.is_type_2]}"
            yield f"  Metric: {external.metric} "
            if int(external.forwarding):
                yield f"  Forward Address: {spelled(external.forwarding)}"
            if external.tag:
                yield f"  External Route Tag: {external.tag}"
        case lsa.LinkBody() as said:
            yield f"  Router Priority: {said.priority}"
            yield f"  Link Local Address: {spelled(said.address)}"
            yield from _prefixes(said.prefixes)
        case lsa.PrefixesBody() as said:
            yield f"  Referenced LSA Type: {code_of(said.about.type):X}"
            yield f"  Referenced Link State ID: {int(said.about.id)}"
            yield f"  Referenced Advertising Router: {said.about.router}"
            yield from _prefixes(said.prefixes, metric=True)


_TITLES_OF_ROLES: Final = {RouterFlag.BORDER: "Area Border Router", RouterFlag.EXTERNAL: "AS Boundary Router"}


def _link(link: lsa.RouterLink) -> Iterator[str]:
    """Yield the lines of one link of a router."""
    if isinstance(link.id, tuple):
        yield "    Link connected to: a Transit Network"
        router, number, whose = link.id[0], int(link.id[1]), "Neighbor (DR)"
    else:
        kind = "a Virtual Link" if link.type == lsa.LinkType.VIRTUAL else "another Router (point-to-point)"
        yield f"    Link connected to: {kind}"
        router, number, whose = link.id, int(IPv4Address(link.more)), "Neighbor"
    yield f"      Link Metric: {link.metric}"
    yield f"      Local Interface ID: {int(link.data)}"
    yield f"      {whose} Interface ID: {number}"
    yield f"      {whose} Router ID: {router}"


def _prefixes(entries: tuple[lsa.PrefixEntry, ...], *, metric: bool = False) -> Iterator[str]:
    yield f"  Number of Prefixes: {len(entries)}"
    for entry in entries:
        yield from _prefix(entry, f", Metric: {entry.metric}" if metric else "")


def _prefix(entry: lsa.PrefixEntry, more: str = "") -> Iterator[str]:
    words = {NO_UNICAST: "NU-Bit", LOCAL_ADDRESS: "LA-Bit", int(Options.NSSA): "P-Bit"}
    options = " ".join(word for bit, word in words.items() if entry.options & bit) or "None"
    yield f"  Prefix Address: {spelled(entry.prefix.address)}"
    yield f"  Prefix Length: {entry.prefix.length}, Options: {options}{more}"


DATABASE: Final = ExecCommand(
    f"{_OSPF} database [ {AUTHOR} ]",
    {**_HELP, **AUTHOR_HELP, "database": "What each router says"},
    query=query_database,
    render=render_database,
)
DETAILS: Final = ExecCommand(
    f"{_OSPF} database ( router | network | inter-area ( prefix | router ) | nssa-external | link | prefix "
    f"| external ) [ {AUTHOR} ]",
    {
        **_HELP,
        **AUTHOR_HELP,
        "database": "What each router says",
        "router": "Routers and their links",
        "network": "Networks with a designated router",
        "inter-area": "Of other areas",
        "nssa-external": "Type 7: external networks in an NSSA",
        "link": "Type 8: addresses and prefixes of routers on a link",
        "prefix": "Prefixes of routers and networks",
        "external": "Type 5: networks outside",
    },
    query=query_database,
    render=render_advertisements,
)


def render_summaries(answer: ShowSummaryAddresses) -> Iterator[str]:
    """Yield a list for each process."""
    for process in answer.processes:
        yield from heading(process.router, process.process, "OSPFv3")
        for each in process.summaries:
            length = int(ip_address(each.mask)).bit_count()
            metric = (
                f"{each.metric}, External metric type {each.kind}, Tag {each.tag}" if each.kind else "<unreachable>"
            )
            yield f"{f'{each.address}/{length}':<19} Metric {metric}"


COMMANDS: Final = (
    ExecCommand(
        SUMMARY_ADDRESSES.syntax, SUMMARY_ADDRESSES.help, query=query_summary_addresses, render=render_summaries
    ),
    ExecCommand(
        neighbors.NEIGHBORS.syntax, neighbors.NEIGHBORS.help, query=neighbors.query_neighbors, render=render_neighbors
    ),
    ExecCommand(BRIEF.syntax, BRIEF.help, query=query_interfaces, render=render_brief),
    ExecCommand(ALL.syntax, ALL.help, query=query_interfaces, render=render_interfaces),
    DATABASE,
    DETAILS,
)


# ------------------------------------------------------------------------------------------------ show ipv6 protocols


def ipv6_protocols(ctx: ShowContext) -> list[str]:
    """Return the lines of all processes of version 3, an empty one between two blocks."""
    lines: list[str] = []
    for process in own_processes(ctx, 6):
        if lines:
            lines.append("")
        lines += _block(process)
    return lines


def _block(process: Process) -> Iterator[str]:
    normal, stub, nssa = count_of_kinds(process)
    yield f'IPv6 Routing Protocol is "ospf {process.number}"'
    yield f"  Router ID {process.router_id}"
    yield f"  Number of areas: {normal} normal, {stub} stub, {nssa} nssa"
    for area in process.areas.values():
        yield f"  Interfaces (Area {area.title}):"
        mine = [each.name for each in process.interfaces.values() if each.area is area]
        yield from (f"    {name}" for name in sorted(mine, key=interface_sort_key))
    yield "  Redistribution:"
    lines = process.settings.redistributions
    for line in lines:
        yield f"    Redistributing protocol {f'{line.source.value} {line.process}'.rstrip()}"
    if not lines:
        yield "    None"
