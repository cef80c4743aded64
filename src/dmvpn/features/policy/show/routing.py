"""`show ip policy`: which route maps route packets. None does here, so there is no more than IOS's heading."""

from __future__ import annotations

from typing import Final

from dmvpn.base.values import dataclass
from dmvpn.ios import Args, ExecCommand, ShowContext


@dataclass(frozen=True, slots=True)
class ShowIpPolicy:
    """The answer. maps: by interface."""

    maps: tuple[tuple[str, str], ...] = ()


def query_policy(ctx: ShowContext, args: Args) -> ShowIpPolicy:
    """Return the route maps that route packets."""
    return ShowIpPolicy()


def render_policy(answer: ShowIpPolicy) -> list[str]:
    """Return the table."""
    return ["Interface      Route map", *(f"{name:<15}{route_map}" for name, route_map in answer.maps)]


COMMANDS: Final = (
    ExecCommand(
        "show ip policy", {"policy": "Route maps that route packets"}, query=query_policy, render=render_policy
    ),
)
