"""A picture that moves: messages run along the tunnels, one after another, and each has a line of text below.

CSS alone moves it, so it plays wherever an image is shown, and without a script. A viewer who wants less motion
(`prefers-reduced-motion`) sees the network as it is at the end.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from dmvpn.base.values import Value
from dmvpn.tools.picture.model import Picture, Tunnel, TunnelState
from dmvpn.tools.picture.plan import MARGIN, Plan, plan_of, shown
from dmvpn.tools.picture.svg import Motion, SvgWriter, number, text_of, tunnels_of
from dmvpn.tools.watch.steps import Arrow, Step, sentence

#: Seconds that each message takes, and that the last state stays.
_EACH: Final = 1.8
_REST: Final = 4.0
#: Messages of a picture; later ones are left out.
MOST_MESSAGES: Final = 60
#: Height of the line of text, and the longest text in characters.
_ROOM: Final = 40
_LONGEST: Final = 110


class _Flight(Value):
    """A message on its way. path: of its tunnel, which begins at the receiver if it is_back."""

    tunnel: Tunnel
    path: str
    is_back: bool
    text: str


def as_moving(picture: Picture, steps: Sequence[Step]) -> str:
    """Return the document. steps: in the order of time; those between two routers without a tunnel are left out."""
    plan = plan_of(picture)
    return SvgWriter(plan, _motion(plan, [*_flights(plan, steps)][:MOST_MESSAGES])).document()


def _flights(plan: Plan, steps: Sequence[Step]) -> Iterator[_Flight]:
    """Yield the messages with their tunnels; of two tunnels between two routers the direct one is taken."""
    paths: dict[tuple[str, str], tuple[Tunnel, str, bool]] = {}
    for line in tunnels_of(plan):
        if (tunnel := line.tunnel) is not None:
            paths[tunnel.here, tunnel.there] = tunnel, line.path, False
            paths[tunnel.there, tunnel.here] = tunnel, line.path, True
    for step in steps:
        if isinstance(step, Arrow) and (path := paths.get((step.sender, step.receiver))) is not None:
            yield _Flight(*path, shown(sentence(step), _LONGEST))


def _motion(plan: Plan, flights: Sequence[_Flight]) -> Motion:
    """Return the rules and marks. A direct tunnel is there from the first message on it."""
    duration = _EACH * len(flights) + _REST
    share = 100 * _EACH / duration
    begins: dict[Tunnel, int] = {}
    for order, flight in enumerate(flights):
        if flight.tunnel.state is TunnelState.DIRECT:
            begins.setdefault(flight.tunnel, order)
    come = {tunnel: f"come{order}" for tunnel, order in begins.items()}
    rules = [
        _keyframes("there", share, "0%", "100%"),
        _keyframes("back", share, "100%", "0%"),
        f"@keyframes say{{0%,{share:.2f}%{{opacity:1}}{share + 0.01:.2f}%,100%{{opacity:0}}}}",
        *(
            f"@keyframes {come[tunnel]}{{0%,{at:.2f}%{{opacity:0}}{at + 0.5:.2f}%,100%{{opacity:1}}}}"
            for tunnel, at in ((tunnel, share * order) for tunnel, order in begins.items())
        ),
        f".fly,.say{{opacity:0;animation:{number(duration)}s linear infinite}}.fly{{fill:var(--direct)}}"
        ".say{animation-name:say;font-size:13px}",
        "@media (prefers-reduced-motion:reduce){*{animation:none!important}}",
    ]
    marks = [
        f'<circle class="fly" r="6" style="offset-path:path(\'{flight.path}\');'
        f'animation-name:{"back" if flight.is_back else "there"};animation-delay:{number(order * _EACH)}s"/>'
        f'<text class="say" x="{MARGIN}" y="{number(plan.bottom + _ROOM / 2)}"'
        f' style="animation-delay:{number(order * _EACH)}s">{order + 1}. {text_of(flight.text)}</text>'
        for order, flight in enumerate(flights)
    ]
    styles = {tunnel: f' style="animation:{name} {number(duration)}s infinite"' for tunnel, name in come.items()}
    return Motion(rules="\n".join(rules) + "\n", marks=marks, styles=styles, room=_ROOM)


def _keyframes(name: str, share: float, begin: str, end: str) -> str:
    """Return how a message runs along its path in `share` percent of the time, and is gone for the remaining time."""
    return (
        f"@keyframes {name}{{0%{{offset-distance:{begin};opacity:1}}"
        f"{share * 0.8:.2f}%,{share:.2f}%{{offset-distance:{end};opacity:1}}"
        f"{share + 0.01:.2f}%,100%{{offset-distance:{end};opacity:0}}}}"
    )
