"""The path of one packet, decision by decision, with the remaining MTU: `dmvpn walk SRC DST`.

`walk` is a pure function of facts: the configuration and state of the routers of a lab, or of one router. No packet is
sent. A router decides by the box of the simulated plane, on tables that are filled from its facts.

    view.py        questions to the facts, bad wires; facts -> orders and routes for a plane
    box.py         the box, which records its decisions
    walker.py      hosts, wires, translators                trail.py     the record of one packet
    walk.py        names -> Question; both directions, and the packet sizes that pass
    values.py      Walk, WalkedPath, Step ...; output as text and JSON
"""

from dmvpn.tools.walk.values import Act, Budget, Clamp, Walk, WalkedPath, WalkOutcome, as_json, as_text
from dmvpn.tools.walk.view import without_shortcuts
from dmvpn.tools.walk.walk import walk

__all__ = [
    "Act",
    "Budget",
    "Clamp",
    "Walk",
    "WalkOutcome",
    "WalkedPath",
    "as_json",
    "as_text",
    "walk",
    "without_shortcuts",
]
