"""Networks from a seed: tables of sites for `dmvpn render`, of every phase and kind that it supports.

`plans` draws networks of the kinds that `render` does not make.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.entropy import below

if TYPE_CHECKING:
    from dmvpn.base.entropy import Entropy

#: Spokes of a network from a seed; one in eight has as many as are allowed at most.
FEWEST, MOST = 2, 40
_SMALL: Final = 6
#: Kinds of translators.
KINDS: Final = ("cone", "port-restricted", "symmetric")


def table_of(entropy: Entropy, most: int = MOST) -> str:
    """Return `sites.yaml` of a network of at most so many routers, the provider not counted."""
    hubs = 1 + below(entropy, 2)
    phase = 1 + below(entropy, 3)
    routing = ("eigrp", "eigrp-classic", "static")[below(entropy, 3)]
    if routing == "static":
        hubs = 1
    if hubs == 2 and phase == 1:
        phase = 3
    protected = below(entropy, 2) == 1
    spokes = spokes_of(entropy, most - hubs)
    lines = [
        "name: drawn",
        f"phase: {phase}",
        f"routing: {routing}",
        f"protection: {'psk' if protected else 'none'}",
        f"tunnel: {{network: 10.255.0.0/24, mtu: {1400 - 20 * below(entropy, 3)}}}",
        "pools:",
        "  lan: {network: 10.1.0.0/16, length: 24}",
        "  nbma: {network: 100.64.0.0/16, length: 30}",
        "hubs:",
        *(f"  HUB{number}: {{}}" for number in range(1, hubs + 1)),
        "spokes:",
        *(_spoke(entropy, number, nat=phase > 1 and protected) for number in range(1, spokes + 1)),
    ]
    return "\n".join([*lines, ""])


def spokes_of(entropy: Entropy, room: int) -> int:
    """Return how many, of a network that has room for so many."""
    spokes = FEWEST + below(entropy, min(room, _SMALL) - FEWEST + 1)
    if below(entropy, 8) == 0 and room > _SMALL:
        spokes = _SMALL + below(entropy, room - _SMALL + 1)
    return spokes


def _spoke(entropy: Entropy, number: int, *, nat: bool) -> str:
    if not nat or below(entropy, 4):
        return f"  S{number}: {{}}"
    kind = KINDS[below(entropy, len(KINDS))]
    inside = f"nbma: 192.168.{number}.2/24, gateway: 192.168.{number}.1"
    outside = f"outside: 198.51.100.{4 * number + 1}/30, gateway: 198.51.100.{4 * number + 2}, kind: {kind}"
    return f"  S{number}: {{{inside}, nat: {{{outside}}}}}"
