"""The lines of VRFs that several features ask for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.ios.config_line import ConfigLine
from dmvpn.ios.grammar import Args, ExecCommand

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.ios.feature import ShowContext
    from dmvpn.ios.section import Section

DEFINITION: Final = ConfigLine("global", "vrf definition {name:word}", {"vrf": "A VRF"}, order=1, opens="vrf")
IP_VRF: Final = ConfigLine("global", "ip vrf {name:word}", {"vrf": "A VRF of IPv4"}, order=2, opens="vrf")


def is_defined(section: Section, vrf: str) -> bool:
    """Return whether the configuration around a section defines a VRF."""
    return any(one.text("name") == vrf for line in (DEFINITION, IP_VRF) for one in section.root.all(line))


def refusal(section: Section, vrf: str) -> str | None:
    """Return the answer to a line that names a VRF, None: there is such a VRF, or the line names none ("")."""
    if not vrf or is_defined(section, vrf):
        return None
    return f"% VRF {vrf} does not exist or does not have a RD/AF."


def _check(args: Args, section: Section) -> str | None:
    return refusal(section, args.text("name"))


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


def every_table(ctx: ShowContext, feature: str) -> Iterator[ShowContext]:
    """Yield what a show may look at of the global table, then of each VRF in which the machine of the feature runs.

    A show of one VRF looks at that VRF only.
    """
    yield ctx
    for vrf in ctx.ports.tables if not ctx.ports.vrf else ():
        inside = ctx.in_vrf(vrf) if vrf else None
        if inside is not None and any(one.name == feature for one in inside.awake):
            yield inside


@dataclass(frozen=True, slots=True)
class OfVrf:
    """The answer of a command about one VRF; None: there is no such VRF."""

    vrf: str
    answer: object


def by_vrf(command: ExecCommand, beginning: str, *, is_table: bool = False) -> ExecCommand:
    """Return the same command with `vrf NAME` behind its first words: it asks the machines of that VRF.

    is_table: the name of the routing table stands above the answer.
    """
    query, render, action = command.query, command.render, command.action

    def within(ctx: ShowContext, args: Args) -> OfVrf:
        inside = ctx.in_vrf(args.text("vrf"))
        return OfVrf(args.text("vrf"), None if inside is None or query is None else query(inside, args))

    def rendered(of: OfVrf) -> Iterator[str]:
        if of.answer is None:
            yield f"% {_missing(of.vrf)}"
            return
        if is_table:
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
    return f"IP routing table {vrf} does not exist"
