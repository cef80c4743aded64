"""The chronicle: the last messages that passed and the last things that changed, and the commands that show them.

    machine.py     ChronicleMachine: keeps the reports of all features; notices about interfaces, routes and protection
                   -> changes, in words
    show.py        show dmvpn events, show dmvpn changes

Earlier states of tables are not kept here: each feature has a journal of its own (`base.chronicle`).
"""

from dmvpn.features.chronicle.machine import ChronicleMachine, make_machine
from dmvpn.ios import Feature, Later

FEATURE = Feature(
    name="chronicle",
    commands=Later("dmvpn.features.chronicle.show:COMMANDS"),
    machine=make_machine,
    explanations=Later("dmvpn.features.chronicle.explain:GROUPS"),
)

__all__ = ["FEATURE", "ChronicleMachine"]
