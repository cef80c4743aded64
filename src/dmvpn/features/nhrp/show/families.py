"""Commands that exist for each IP version: `show ipv6 nhrp ...` is `show ip nhrp ...` in other words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.nhrp.machine import NhrpMachine
from dmvpn.ios import ExecCommand

if TYPE_CHECKING:
    from dmvpn.features.nhrp.tunnel import Tunnel
    from dmvpn.ios import Args, ShowContext

_OTHER_WORDS = (
    ("show ip ", "show ipv6 "),
    ("clear ip ", "clear ipv6 "),
    ("{target:prefix}", "{target:prefix6}"),
    ("{server:address}", "{server:address6}"),
)
_HELP = {"ipv6": "Internet Protocol, version 6"}


def version_of(args: Args) -> int:
    """The IP version that the words of a command ask for."""
    return 6 if "ipv6" in args else 4


def tunnels_of(ctx: ShowContext, args: Args) -> list[Tunnel]:
    """The tunnels of that version, or the one that the command names."""
    wanted = args.interface("interface", None)
    return [tunnel for tunnel in ctx.machine(NhrpMachine).of_version(version_of(args)) if wanted in (None, tunnel.name)]


def of_both(*commands: ExecCommand) -> tuple[ExecCommand, ...]:
    """The commands, and the same ones for IPv6."""
    return (*commands, *map(_twin, commands))


def _twin(command: ExecCommand) -> ExecCommand:
    syntax = command.syntax
    for old, new in _OTHER_WORDS:
        syntax = syntax.replace(old, new)
    return ExecCommand(
        syntax,
        {**_HELP, **command.help} if not isinstance(command.help, str) else command.help,
        query=command.query,
        render=command.render,
        action=command.action,
        privilege=command.privilege,
    )
