"""`dmvpn lab list`: scenarios, and what runs of them. What the files of scenarios say comes from the index."""

from __future__ import annotations

import argparse
import itertools

from dmvpn.app.lab_words import Printer
from dmvpn.labs import catalog
from dmvpn.labs.catalog import HINTS
from dmvpn.shells.index import remembered


def known() -> catalog.BuiltIn:
    """Return what the files of this release say, from the index; `make setup` has it made."""
    return remembered("lab list", catalog.built_in)


def list_labs(_: argparse.Namespace, printer: Printer) -> int:
    """List scenarios by topic, with a mark at each running one."""
    of_release, running = known(), catalog.running_scenarios()
    scenarios = list(catalog.scenarios(running, of_release))
    for topic, entries in itertools.groupby(scenarios, lambda entry: entry.topic):
        printer.say(_heading(topic, HINTS.get(topic, "")))
        for entry in entries:
            lacks = f" (not in this release: needs {', '.join(entry.lacks)})" if entry.lacks else ""
            printer.say(_row(entry.name, f"{entry.title}{lacks}", is_up=entry.is_up))
    exercises = list(catalog.exercises(running, of_release))
    printer.say(_heading("exercises", "in this order; 'dmvpn lab grade' lists the remaining tasks"))
    for exercise in exercises:
        printer.say(_row(exercise.name, exercise.title, is_up=exercise.is_up))
    others = catalog.others(running)
    if others.services or others.own or others.named:
        printer.say(_heading("yours"))
    for name in others.services:
        printer.say(_row(name, "(a service)", is_up=True))
    for name in others.own:
        printer.say(_row(name, "(a folder of yours)", is_up=True))
    for name, scenario in others.named.items():
        printer.say(_row(name, f"(a lab of {scenario})", is_up=True))
    printer.put(
        scenarios=[
            {
                "name": entry.name,
                "topic": entry.topic,
                "title": entry.title,
                "up": entry.is_up,
                "simulated_only": False,
                "lacks": list(entry.lacks),
            }
            for entry in scenarios
        ],
        exercises=[{"name": each.name, "title": each.title, "up": each.is_up} for each in exercises],
        services=list(others.services),
        own=list(others.own),
        named=dict(others.named),
    )
    return 0


def _heading(topic: str, hint: str = "") -> str:
    return f"{topic}{f' ({hint})' if hint else ''}:"


def _row(name: str, title: str, *, is_up: bool) -> str:
    return f"  {name:<24} {'up' if is_up else '':<3} {title}"
