"""The lines of VRFs that several features ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios.feature import ShowContext
    from dmvpn.ios.section import Section

DEFINITION: Final = ConfigLine("global", "vrf definition {name:word}", {"vrf": "A VRF"}, order=1, opens="vrf")
IP_VRF: Final = ConfigLine("global", "ip vrf {name:word}", {"vrf": "A VRF of IPv4"}, order=2, opens="vrf")


def is_defined(root: Section, vrf: str) -> bool:
    """Return whether the configuration defines a VRF."""
    return any(one.text("name") == vrf for line in (DEFINITION, IP_VRF) for one in root.all(line))


def _check(args: Args, section: Section) -> str | None:
    name = args.text("name")
    return None if is_defined(section.root, name) else f"% VRF {name} does not exist or does not have a RD/AF."


def _move(args: Args, section: Section) -> str | None:
    """Take an interface out of its VRF: its addresses were of that one."""
    for other in (FORWARDING, IP_FORWARDING):
        present = section.get(other)
        if present is not None and present.text("name") == args.text("name"):
            return None
    addresses = [entry for entry in section.statements() if entry.text.startswith("ip address ")]
    for entry in (*addresses, *section.entries(FORWARDING, IP_FORWARDING)):
        section.drop(entry)
    if not addresses or section.opened_by is None:
        return None
    name = section.opened_by.interface("name")
    return f"% Interface {name} IPv4 disabled and address(es) removed due to enabling VRF {args.text('name')}"


FORWARDING: Final = ConfigLine(
    "interface", "vrf forwarding {name:word}", {"vrf": "The VRF"}, order=5, check=_check, displaces=_move
)
IP_FORWARDING: Final = ConfigLine(
    "interface", "ip vrf forwarding {name:word}", {}, order=6, check=_check, displaces=_move
)


def vrf_of(section: Section) -> str:
    """Return the VRF of an interface's section, "" for the global table."""
    return section.args(FORWARDING).text("name", "") or section.args(IP_FORWARDING).text("name", "")


@dataclass(frozen=True, slots=True)
class OfVrf:
    """The answer of a command about one VRF; None: there is no such VRF."""

    vrf: str
    answer: object


def by_vrf(command: ExecCommand, beginning: str) -> ExecCommand:
    """Return the same command with `vrf NAME` behind its first words: it asks the machines of that VRF."""
    query, render = command.query, command.render
    if query is None or render is None:
        raise TypeError(f"{command.syntax} shows nothing")

    def within(ctx: ShowContext, args: Args) -> OfVrf:
        inside = ctx.in_vrf(args.text("vrf"))
        return OfVrf(args.text("vrf"), None if inside is None else query(inside, args))

    def rendered(of: OfVrf) -> Iterator[str]:
        if of.answer is None:
            yield f"% IP routing table {of.vrf} does not exist"
            return
        yield from ("", f"Routing Table: {of.vrf}")
        yield from render(of.answer)

    rest = command.syntax.removeprefix(beginning)
    help = command.help if isinstance(command.help, str) else {**command.help, "vrf": "Of this VRF"}
    return ExecCommand(f"{beginning} vrf {{vrf:word}}{rest}", help, query=within, render=rendered)
