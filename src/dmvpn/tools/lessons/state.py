"""The state of a lesson in a lab: a file in its folder, readable only by the owner of the lab.

The file has a fingerprint of the trouble instead of its name, so that a learner who opens the file does not read the
solution by accident. The file is deleted when the lab is reset or ends.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Self

from dmvpn.base.errors import UserError
from dmvpn.base.values import dataclass
from dmvpn.shells.files import open_private
from dmvpn.shells.lab.places import FIXED, LESSON
from dmvpn.tools.lessons.examination import Health
from dmvpn.tools.troubles import TROUBLES
from dmvpn.tools.troubles.faults import place_name, places

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.tools.troubles.faults import Fault
    from dmvpn.tools.troubles.model import Trouble
    from dmvpn.tools.troubles.stage import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """salt, fingerprint, place: of the fault. configurations: of the routers before it. hints: how many were given."""

    salt: str
    fingerprint: str
    place: str
    healthy: str
    configurations: dict[str, str]
    complaint: str
    hints: int = 0

    @classmethod
    def begin(cls, fault: Fault, healthy: Health, configurations: dict[str, str], complaint: str) -> Self:
        """Return a lesson about this."""
        salt = secrets.token_hex(8)
        return cls(
            salt=salt,
            fingerprint=_fingerprint(salt, fault.trouble.id),
            place=_fingerprint(salt, fault.place),
            healthy=healthy.dumps(),
            configurations=configurations,
            complaint=complaint,
        )

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """Return the lesson of a lab, or None. Raises UserError."""
        try:
            return cls(**json.loads((folder / LESSON).read_text()))
        except FileNotFoundError:
            return None
        except (OSError, ValueError, TypeError) as error:
            raise UserError(f"{folder / LESSON}: {error}; 'dmvpn lab reset' begins again") from error

    def write(self, folder: Path) -> None:
        """Remember it. Raises OSError."""
        with open_private(folder / LESSON) as file:
            json.dump(asdict(self), file)

    @property
    def trouble(self) -> Trouble:
        """The trouble that was injected."""
        for trouble in TROUBLES:
            if _fingerprint(self.salt, trouble.id) == self.fingerprint:
                return trouble
        raise UserError("this lesson is of another release; 'dmvpn lab reset' begins again")

    def stage(self, stage: Stage) -> Stage:
        """Return its place in the network."""
        return next((one for one in places(stage) if _fingerprint(self.salt, place_name(one)) == self.place), stage)

    @property
    def health(self) -> Health:
        """The health of the lab before the trouble."""
        return Health.loads(self.healthy)

    def hinted(self) -> Self:
        """Return the lesson with one more hint given."""
        return replace(self, hints=self.hints + 1)


def forget(folder: Path) -> None:
    """Forget the lesson, which is over."""
    (folder / LESSON).unlink(missing_ok=True)


def fixed(folder: Path) -> int:
    """Return the number of different troubles that were fixed in this lab."""
    path = folder / FIXED
    return len(set(path.read_text().split())) if path.exists() else 0


def note_fixed(folder: Path, trouble: Trouble) -> None:
    """Note that this trouble was fixed."""
    with (folder / FIXED).open("a") as file:
        file.write(f"{trouble.id}\n")


def _fingerprint(salt: str, name: str) -> str:
    return hashlib.sha256(f"{salt}/{name}".encode()).hexdigest()
