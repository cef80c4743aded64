"""The audit: one line of JSON for each login, refusal, revocation and change, as records of the logger
`dmvpn.web.audit`; the command sends them to stderr or the journal.

    {"time": "2026-11-25T09:00:00.000+00:00", "event": "login", "user": "anna", "role": "view", "from": "192.0.2.7"}

Strangers cannot fill a disk: refusals of one address are bounded by `attempts`, all refusals together here, and the
next line says how many were left out. Texts of strangers are cut, and JSON escapes what would control a terminal.
"""

from __future__ import annotations

import json
import logging
import time
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

#: Refusals that are written at once, and in each second afterwards.
BURST: Final = 100
PER_SECOND: Final = 1.0
#: Characters of one text.
_LONGEST: Final = 200

_log = logging.getLogger("dmvpn.web.audit")


class Audit:
    """Writes the lines. clock: seconds that never go back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._allowed, self._at = float(BURST), clock()
        self._left_out = 0

    def note(self, event: str, **details: str | int) -> None:
        """Write one line."""
        if self._left_out:
            details["left_out"], self._left_out = self._left_out, 0
        when = datetime.now().astimezone().isoformat(timespec="milliseconds")
        cut = {name: value[:_LONGEST] if isinstance(value, str) else value for name, value in details.items()}
        _log.info("%s", json.dumps({"time": when, "event": event, **cut}))

    def refusal(self, reason: str, **details: str | int) -> None:
        """Write one line about a stranger, or count it."""
        now = self._clock()
        self._allowed, self._at = min(BURST, self._allowed + (now - self._at) * PER_SECOND), now
        if self._allowed < 1:
            self._left_out += 1
            return
        self._allowed -= 1
        self.note("refused", reason=reason, **details)
