"""`dmvpn`, with a look at the clock around each event: `python -m bench.timed FILE run ...`.

At its end FILE has a line of JSON: by type of event, how many there were, the processor time of all and of the longest
(seconds), from octets to effects; and under "" the longest that the router's loop was held, effects carried out.
"""

from __future__ import annotations

import atexit
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.app.main import main
from dmvpn.router.router import Router
from dmvpn.shells.runtime.runtime import Runtime

if TYPE_CHECKING:
    from dmvpn.base.effects import Effect
    from dmvpn.base.events import Event

_handle, _post = Router.handle, Runtime.post
_seen: dict[str, list[float]] = {}
_depth = 0


def _note(what: str, spent: float) -> None:
    count, total, longest = _seen.get(what, (0, 0.0, 0.0))
    _seen[what] = [count + 1, total + spent, max(longest, spent)]


def _timed_handle(self: Router, event: Event, now: float) -> list[Effect]:
    begun = time.thread_time()
    effects = _handle(self, event, now)
    _note(type(event).__name__, time.thread_time() - begun)
    return effects


def _timed_post(self: Runtime, event: Event) -> None:
    global _depth
    begun = time.thread_time()
    _depth += 1
    try:
        _post(self, event)
    finally:
        _depth -= 1
    if not _depth and type(event).__name__ != "ConfigurationEntered":
        _note("", time.thread_time() - begun)


def longest(file: Path) -> tuple[float, float]:
    """Return the longest event, and the longest that the loop was held, of what such a program wrote; seconds."""
    seen: dict[str, list[float]] = json.loads(file.read_text())
    held = seen.pop("")[2]
    seen.pop("ConfigurationEntered")
    return max(one[2] for one in seen.values()), held


if __name__ == "__main__":
    out = Path(sys.argv[1])
    Router.handle = _timed_handle  # type: ignore[method-assign]
    Runtime.post = _timed_post  # type: ignore[method-assign]
    atexit.register(lambda: out.write_text(json.dumps(_seen)))
    sys.exit(main(sys.argv[2:]))
