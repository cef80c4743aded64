"""What IPsec's show commands say while there is no IPsec: that, and which tunnels are down because of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dmvpn.ios import Args, ExecCommand, ShowContext

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class NoIpsec:
    """tunnels: those that are to be protected, with their profiles."""

    running: bool
    tunnels: tuple[tuple[str, str], ...]


def query(ctx: ShowContext, args: Args) -> NoIpsec:
    """Any of the commands below."""
    protected = [(tunnel.name, tunnel.protection) for tunnel in ctx.ports.tunnels.all() if tunnel.protection]
    return NoIpsec(running=False, tunnels=tuple(protected))


def render(answer: NoIpsec) -> Iterator[str]:
    """One line, and one for each tunnel."""
    yield "% This release has no IPsec: there are no security associations"
    for tunnel, profile in answer.tunnels:
        yield f"% {tunnel} stays down: it is to be protected by profile {profile}, and nothing is sent in clear"


def _command(syntax: str, help_: dict[str, str]) -> ExecCommand:
    return ExecCommand(f"show crypto {syntax}", help_, query=query, render=render)


COMMANDS: Final = (
    _command("session [ detail | brief ]", {"session": "Protected peers", "brief": "One line each"}),
    _command("ipsec sa", {"ipsec": "IP security", "sa": "Security associations"}),
    _command("ikev2 sa [ detailed ]", {"ikev2": "IKE version 2", "sa": "IKE SAs", "detailed": "With all particulars"}),
    _command("isakmp sa", {"isakmp": "IKE version 1", "sa": "IKE SAs"}),
)
