"""`show tech-support`: the shows that a support engineer needs, in one piece. Keys and passwords are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand, Match, ShowContext
from dmvpn.router.language import exec_parser

if TYPE_CHECKING:
    from collections.abc import Iterator

#: Commands that this router does not have are left out.
_COMMANDS: Final = (
    "show version",
    "show clock",
    "show interfaces",
    "show ip interface brief",
    "show ip route",
    "show ip route next-hop-override",
    "show dmvpn detail",
    "show ip nhrp detail",
    "show ip nhrp nhs detail",
    "show ip nhrp multicast",
    "show ip nhrp traffic",
    "show nhrp stats",
    "show crypto session detail",
    "show crypto ikev2 sa detailed",
    "show crypto ikev2 session detailed",
    "show crypto ikev2 stats",
    "show crypto ipsec sa detail",
    "show crypto ipsec profile",
    "show crypto pki certificates",
    "show ip eigrp neighbors",
    "show ip eigrp topology",
    "show ip protocols",
    "show debugging",
    "show logging",
)


@dataclass(frozen=True, slots=True)
class TechSection:
    """The output of one command."""

    command: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class TechSupport:
    """All parts; the configuration is the first one."""

    parts: tuple[TechSection, ...]


def query(ctx: ShowContext, _: Args) -> TechSupport:
    """Ask every command."""
    parser = exec_parser(ctx.features)
    matches = [(command, parser.match(command)) for command in _COMMANDS]
    configuration = TechSection("show running-config", tuple(ctx.running.render_for_others()))
    parts = [TechSection(command, tuple(match.lines(ctx))) for command, match in matches if isinstance(match, Match)]
    return TechSupport((configuration, *parts))


def render(answer: TechSupport) -> Iterator[str]:
    """Yield the output of each command, under its name."""
    for part in answer.parts:
        yield from ("", f"------------------ {part.command} ------------------", "", *part.lines)


COMMAND: Final = ExecCommand(
    "show tech-support",
    {"tech-support": "All facts for support, without keys"},
    query=query,
    render=render,
    privilege=15,
)
