"""The path of one packet, decision by decision, with the remaining MTU: `dmvpn walk SRC DST`.

`walk` is a pure function of facts: the configuration and state of the routers of a lab, or of one router. No packet is
sent.

    ends.py        names and addresses -> Question
    ground.py      wires, routers, routes, MTU        translator.py   NAT          overlay.py   NHRP, GRE, ESP
    filters.py     access lists of ports, checks of senders
    packet.py      sizes, exactly                     wires.py        bad wires    view.py      questions to the facts
    budget.py      packet sizes, and TCP              walk.py         both directions
    values.py      Walk, WalkedPath, Step ...         wording.py, text.py          output as text and JSON
"""

from dmvpn.tools.walk.text import as_json, as_text
from dmvpn.tools.walk.values import Act, Budget, Clamp, Walk, WalkedPath, WalkOutcome
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
