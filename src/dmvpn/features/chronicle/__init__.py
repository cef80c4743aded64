"""The chronicle: the last messages that passed and the last things that changed, and the commands that show them.

    machine.py     ChronicleMachine: takes what the features tell, and keeps it
    translate.py   notices about interfaces, routes and protection -> what changed, in words
    show.py        show dmvpn events, show dmvpn changes

What tables looked like is not kept here: each feature has a journal of its own (`base.journal`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.chronicle.machine import ChronicleMachine
from dmvpn.features.chronicle.show import COMMANDS
from dmvpn.ios.feature import Feature

if TYPE_CHECKING:
    from dmvpn.base.explanations import Group


def _explanations() -> tuple[Group, ...]:
    from dmvpn.features.chronicle.explain import GROUPS

    return GROUPS


FEATURE = Feature(name="chronicle", commands=COMMANDS, machine=ChronicleMachine, explanations=_explanations)

__all__ = ["FEATURE", "ChronicleMachine"]
