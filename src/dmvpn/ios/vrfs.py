"""The lines of VRFs that several features ask for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import Value
from dmvpn.ios.common import INTERFACE
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.feature import ShowContext
from dmvpn.ios.grammar import Args, ExecCommand
from dmvpn.ios.section import Section
from dmvpn.ios.tree import reset

_HELP: Final = {"vrf": "Interfaces and routes that are apart from all others", "name": "Name of the VRF"}


def is_defined(section: Section, vrf: str) -> bool:
    """Return whether the configuration around a section defines a VRF."""
    return any(section.root.section(line, name=vrf) is not None for line in (DEFINITION, IP_VRF))


def refusal(section: Section, vrf: str) -> str | None:
    """Return the answer to a line that names a VRF, None: there is such a VRF, or the line names none ("")."""
    if not vrf or is_defined(section, vrf):
        return None
    return f"% VRF {vrf} does not exist or does not have a RD/AF."


#: Characters in the name of a VRF.
_LONGEST_NAME: Final = 32


def _check_definition(args: Args, section: Section) -> str | None:
    """Refuse a VRF that is configured in the other form, or has too long a name."""
    return _too_long(args) or _refused_by(section.root, IP_VRF, "ip vrf", args.text("name"))


def _check_ip_vrf(args: Args, section: Section) -> str | None:
    return _too_long(args) or _refused_by(section.root, DEFINITION, "vrf definition", args.text("name"))


def _too_long(args: Args) -> str | None:
    is_long = len(args.text("name")) > _LONGEST_NAME
    return f"% VRF name is too long, maximum length {_LONGEST_NAME}" if is_long else None


def _refused_by(root: Section, form: ConfigLine, command: str, name: str) -> str | None:
    return None if root.section(form, name=name) is None else f"% Use '{command}' command for VRF {name}"


def _end(args: Args, section: Section) -> str | None:
    """Take its interfaces out of a VRF that ends."""
    name = args.text("name")
    gone = [_leave(inner) for inner in _members(section.root, name)]
    return _removed(name, sorted({version for versions in gone for version in versions}))


def _end_ipv4(args: Args, section: Section) -> str | None:
    """Take the addresses of its interfaces, which stay in the VRF."""
    return _end_family(section, 4)


def _end_ipv6(args: Args, section: Section) -> str | None:
    """Take the IPv6 addresses of its interfaces, which stay in the VRF."""
    return _end_family(section, 6)


def _end_family(section: Section, version: int) -> str | None:
    name = section.opened_by.text("name") if section.opened_by is not None else ""
    had = [_drop_addresses(inner, version) for inner in _members(section.root, name)]
    return _removed(name, [version] if any(had) else [])


def _members(root: Section, vrf: str) -> list[Section]:
    return [inner for _, inner in root.sections(INTERFACE) if vrf_of(inner) == vrf]


def _removed(vrf: str, versions: Iterable[int]) -> str | None:
    return _said(f"% IPv{one} addresses from all interfaces in VRF {vrf} have been removed" for one in versions)


def _said(messages: Iterable[str]) -> str | None:
    """Return messages as one text, None: there is no message."""
    return "\n".join(messages) or None


def _drop_tables(args: Args, root: Section) -> None:
    """Drop the static routes, routing processes and address families of a VRF that went, as on IOS.

    They are the lines that name the VRF, and would be refused without it now.
    """
    for section in _with_inner(root):
        named = [entry for entry in section.statements() if entry.args.text("vrf", "") == args.text("name")]
        for entry in named:
            if entry.line.check is not None and entry.line.check(entry.args, section) is not None:
                reset(section, entry.line, entry.args)


def _with_inner(section: Section) -> list[Section]:
    """Return a section, and all sections inside it."""
    inner = [entry.section for entry in section.statements() if entry.section is not None]
    return [section, *(one for each in inner for one in _with_inner(each))]


DEFINITION: Final = ConfigLine(
    "global",
    "vrf definition {name:word}",
    {**_HELP, "definition": "For several versions of IP"},
    order=22,
    opens="vrf",
    check=_check_definition,
    ends=_end,
    takes_along=_drop_tables,
)
IP_VRF: Final = ConfigLine(
    "global",
    "ip vrf {name:word}",
    {**_HELP, "ip": "IP version 4"},
    order=89,
    opens="ip-vrf",
    check=_check_ip_vrf,
    ends=_end,
    takes_along=_drop_tables,
)

IPV4: Final = ConfigLine(
    "vrf",
    "address-family ipv4 [ unicast ]",
    {"address-family": "Its routes of one version of IP", "ipv4": "IP version 4", "unicast": "As without this word"},
    key=("ipv4",),
    order=20,
    opens="vrf-family",
    show=lambda _: "address-family ipv4",
    ends=_end_ipv4,
)
IPV6: Final = ConfigLine(
    "vrf",
    "address-family ipv6 [ unicast ]",
    {"address-family": "Its routes of one version of IP", "ipv6": "IP version 6", "unicast": "As without this word"},
    key=("ipv6",),
    order=21,
    opens="vrf-family",
    show=lambda _: "address-family ipv6",
    ends=_end_ipv6,
)


def _check_forwarding(args: Args, section: Section) -> str | None:
    """Refuse a VRF that is not configured, or in the other form."""
    return _check_member(section.root, args.text("name"), DEFINITION, IP_VRF, "ip vrf forwarding")


def _check_ip_forwarding(args: Args, section: Section) -> str | None:
    return _check_member(section.root, args.text("name"), IP_VRF, DEFINITION, "vrf forwarding")


def _check_member(root: Section, name: str, form: ConfigLine, other: ConfigLine, command: str) -> str | None:
    if root.section(form, name=name) is not None:
        return None
    return _refused_by(root, other, command, name) or refusal(root, name)


#: How lines begin that give an interface addresses, by version of IP.
_ADDRESSES: Final = {4: ("ip address ",), 6: ("ipv6 address ", "ipv6 enable")}


def _leave(section: Section, versions: tuple[int, ...] = ()) -> list[int]:
    """Take an interface out of its VRF, and remove its addresses. Return the versions of IP of which it had addresses.

    versions: removed besides the versions of its VRF: IPv4, and IPv6 unless the VRF is defined by `ip vrf`.
    """
    own = (4, 6) if section.get(FORWARDING) is not None else (4,)
    had = [version for version in _ADDRESSES if version in (*versions, *own) and _drop_addresses(section, version)]
    for entry in section.entries(FORWARDING, IP_FORWARDING):
        section.drop(entry)
    return had


def _drop_addresses(section: Section, version: int) -> bool:
    """Take the addresses of an interface of a version of IP. Return whether it had some."""
    addresses = [entry for entry in section.statements() if entry.text.startswith(_ADDRESSES[version])]
    for entry in addresses:
        section.drop(entry)
    return bool(addresses)


def _moved(section: Section, change: str, vrf: str, versions: tuple[int, ...] = ()) -> str | None:
    if section.opened_by is None:
        return None
    name = section.opened_by.interface("name")
    return _said(
        f"% Interface {name} IPv{version} disabled and address(es) removed due to {change} VRF {vrf}"
        for version in _leave(section, versions)
    )


def _move(args: Args, section: Section) -> str | None:
    """Move an interface into another VRF: its addresses were of its old one."""
    vrf = args.text("name")
    return None if vrf_of(section) == vrf else _moved(section, "enabling", vrf, (4, 6))


def _move_ipv4(args: Args, section: Section) -> str | None:
    """Move an interface into another VRF that is for IPv4 alone."""
    vrf = args.text("name")
    return None if vrf_of(section) == vrf else _moved(section, "enabling", vrf)


def _move_out(args: Args, section: Section) -> str | None:
    """Move an interface back into the global table."""
    present = vrf_of(section)
    return _moved(section, "disabling", present) if present and args.text("name", present) == present else None


_MEMBER_HELP: Final = {
    "vrf": "Interfaces and routes that are apart from all others",
    "forwarding": "This interface is in a VRF",
    "name": "Name of the VRF",
}
FORWARDING: Final = ConfigLine(
    "interface",
    "vrf forwarding {name:word}",
    _MEMBER_HELP,
    order=28,
    check=_check_forwarding,
    displaces=_move,
    ends=_move_out,
)
IP_FORWARDING: Final = ConfigLine(
    "interface",
    "ip vrf forwarding {name:word}",
    {**_MEMBER_HELP, "ip": "IP version 4"},
    order=29,
    check=_check_ip_forwarding,
    displaces=_move_ipv4,
    ends=_move_out,
)


def vrf_of(section: Section) -> str:
    """Return the VRF of an interface's section, "" for the global table."""
    return section.args(FORWARDING).text("name", "") or section.args(IP_FORWARDING).text("name", "")


def every_table(ctx: ShowContext, feature: str) -> Iterator[ShowContext]:
    """Yield what a show may look at of the global table, then of each VRF in which the machine of the feature runs.

    A show of one VRF looks at that VRF only.
    """
    yield ctx
    for vrf in ctx.ports.tables if not ctx.ports.vrf else ():
        inside = ctx.in_vrf(vrf) if vrf else None
        if inside is not None and any(one.name == feature for one in inside.awake):
            yield inside


def linked_without(section: Section, version: int) -> str | None:
    """Return the refusal of an address on an interface whose VRF has no address family for this version of IP."""
    name = section.args(FORWARDING).text("name", "")
    vrf = section.root.section(DEFINITION, name=name) if name else None
    if vrf is None or vrf.get(IPV4 if version == 4 else IPV6) is not None or section.opened_by is None:
        return None
    return f"% {section.opened_by.interface('name')} is linked to a VRF. Enable IPv{version} on that VRF first."


class OfVrf(Value):
    """The answer of a command about one VRF; None: there is no such VRF. "": the global table, among all tables."""

    vrf: str
    answer: object


class OfEveryTable(Value):
    """The answers of a command about all routing tables: the global one first."""

    tables: tuple[OfVrf, ...]


#: Instead of the name of a VRF: all tables.
_EVERY: Final = "*"


def by_vrf(command: ExecCommand, beginning: str, *, is_table: bool = False) -> ExecCommand:
    """Return the same command with `vrf NAME` behind its first words: it asks the machines of that VRF.

    is_table: the name of the routing table is printed above the answer, and `vrf *` means all tables.
    """
    query, render, action = command.query, command.render, command.action

    def of_table(ctx: ShowContext, args: Args, vrf: str) -> OfVrf:
        inside = ctx.in_vrf(vrf) if vrf else ctx
        return OfVrf(vrf, None if inside is None or query is None else query(inside, args))

    def within(ctx: ShowContext, args: Args) -> OfVrf | OfEveryTable:
        vrf = args.text("vrf")
        if is_table and vrf == _EVERY:
            names = dict.fromkeys(("", *ctx.ports.tables))
            return OfEveryTable(tuple(of_table(ctx, args, name) for name in names))
        return of_table(ctx, args, vrf)

    def rendered(of: OfVrf | OfEveryTable) -> Iterator[str]:
        if isinstance(of, OfEveryTable):
            for table in of.tables:
                yield from rendered(table)
            return
        if of.answer is None:
            yield f"% {_missing(of.vrf)}"
            return
        if is_table and of.vrf:
            yield from ("", f"Routing Table: {of.vrf}")
        if render is not None:
            yield from render(of.answer)

    def acted(ctx: ShowContext, args: Args) -> object:
        inside = ctx.in_vrf(args.text("vrf"))
        if inside is None:
            raise UserError(_missing(args.text("vrf")))
        return action(inside, args) if action is not None else None

    syntax = f"{beginning} vrf {{vrf:word}}{command.syntax.removeprefix(beginning)}"
    help = command.help if isinstance(command.help, str) else {**command.help, "vrf": "Of this VRF"}
    if action is not None:
        return ExecCommand(syntax, help, action=acted, privilege=command.privilege)
    return ExecCommand(syntax, help, query=within, render=rendered, privilege=command.privilege)


def _missing(vrf: str) -> str:
    return f"IP routing table vrf {vrf} does not exist"
