"""The files of a router in a test."""

from __future__ import annotations

from dmvpn.base.shell import Stored


class MemoryFlash:
    """Files without a disk; all of them were changed at noon of the first day of 2026."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}

    def files(self) -> tuple[Stored, ...]:
        return tuple(Stored(name, len(octets), 1767268800.0) for name, octets in sorted(self.kept.items()))

    def read(self, name: str) -> bytes:
        self._find(name)
        return self.kept[name]

    def write(self, name: str, octets: bytes) -> None:
        self.kept[name] = octets

    def remove(self, name: str) -> None:
        self._find(name)
        del self.kept[name]

    def rename(self, name: str, new: str) -> None:
        self._find(name)
        self.kept[new] = self.kept.pop(name)

    def _find(self, name: str) -> None:
        if name not in self.kept:
            raise FileNotFoundError(2, "No such file or directory")
