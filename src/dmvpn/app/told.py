"""The output of a verb of `dmvpn lab`: lines for people, or with `--json` one object for programs and nothing else.

A verb produces both, and does not know which is printed: `say` prints lines, `put` adds to the object (`docs/reference/
lab-json.md` describes the objects). Complaints go to standard error in either case; then there is no object.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dmvpn.shells.lab.control import Json


class Told:
    """See the module's docstring. for_programs: `--json`."""

    def __init__(self, *, for_programs: bool) -> None:
        self.for_programs = for_programs
        self._facts: dict[str, Json] = {}

    def say(self, text: str = "") -> None:
        """Say a line for people at once: the next one may take a while."""
        if not self.for_programs:
            print(text, flush=True)

    def put(self, **facts: Json) -> None:
        """Put facts for programs."""
        self._facts.update(facts)

    def row(self, **facts: Json) -> None:
        """Print one of many objects, each on a line of its own: for commands that go on and on."""
        if self.for_programs:
            print(json.dumps(facts), flush=True)

    def end(self) -> None:
        """End the verb: print its object, if it put anything; a verb that prints rows does not."""
        if self.for_programs and self._facts:
            print(json.dumps(self._facts, indent=2))
