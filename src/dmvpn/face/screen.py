"""The screen of one user: the size of the window, and the settings of `terminal` commands."""

from __future__ import annotations

from dataclasses import field

from dmvpn.base.values import dataclass
from dmvpn.face.requests import SetHistory, SetMonitor, SetScreen, SetTimestamps


@dataclass(slots=True)
class Screen:
    """How a session wants to read.

    rows, columns: of the window.
    length, width: chosen instead of them, or None.
    timestamps: shows begin with the time.
    """

    rows: int = 24
    columns: int = 80
    length: int | None = None
    width: int | None = None
    monitor: bool = False
    timestamps: bool = False
    history_size: int = 10
    history: list[str] = field(default_factory=list)

    @property
    def page(self) -> int:
        """Lines until `--More--`; 0: no pages."""
        return self.rows if self.length is None else self.length

    @property
    def line(self) -> int:
        """Columns until a line is full; 0: endless."""
        return self.columns if self.width is None else self.width

    def set(self, request: SetScreen | SetMonitor | SetTimestamps | SetHistory) -> None:
        """Carry out a `terminal` command."""
        match request:
            case SetScreen(length=length, width=width):
                self.length = self.length if length is None else length
                self.width = self.width if width is None else width
            case SetMonitor(on=on):
                self.monitor = on
            case SetTimestamps(on=on):
                self.timestamps = on
            case SetHistory(size=size):
                self.history_size = size
