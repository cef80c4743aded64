"""Which paths of BGP go from VRF to VRF, by their route targets (RFC 4364 §4.3).

The BGP machine of each VRF announces the paths that it exports, and the targets that it imports. A path goes to each
other VRF that imports one of its targets. BGP exports no path that it imported, so no path goes further than one VRF.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.base.exports import PathsImported

if TYPE_CHECKING:
    from dmvpn.base.addresses import Prefix
    from dmvpn.base.context import Context
    from dmvpn.base.exports import ExportedPath, PathsExported, PathsWanted


class Exchange:
    """The exported paths of each VRF, and the targets that each VRF imports."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._exports: dict[str, dict[Prefix, ExportedPath]] = {}
        self._wanted: dict[str, tuple[int, ...]] = {}

    def export(self, event: PathsExported) -> None:
        """Take changed paths of a VRF, and hand them on."""
        table = self._exports.setdefault(event.vrf, {})
        before = {prefix: table.get(prefix) for prefix in (*event.gone, *(path.prefix for path in event.paths))}
        for prefix in event.gone:
            table.pop(prefix, None)
        table.update((path.prefix, path) for path in event.paths)
        for vrf, targets in self._wanted.items():
            old = {prefix: path for prefix, path in before.items() if path is not None and _fits(path, targets)}
            self._hand(vrf, event.vrf, old, {path.prefix: path for path in event.paths if _fits(path, targets)})
        if not table:
            del self._exports[event.vrf]

    def want(self, event: PathsWanted) -> None:
        """Take the targets that a VRF imports, in place of those before."""
        before = self._wanted.pop(event.vrf, ())
        if event.targets:
            self._wanted[event.vrf] = event.targets
        for source, table in self._exports.items():
            old = {prefix: path for prefix, path in table.items() if _fits(path, before)}
            new = {prefix: path for prefix, path in table.items() if _fits(path, event.targets)}
            self._hand(event.vrf, source, old, new)

    def _hand(self, vrf: str, source: str, old: dict[Prefix, ExportedPath], new: dict[Prefix, ExportedPath]) -> None:
        """Hand a VRF the paths of another VRF that changed. old, new: the paths with targets that it imports."""
        paths = tuple(path for prefix, path in new.items() if old.get(prefix) != path)
        gone = tuple(prefix for prefix in old if prefix not in new)
        if vrf != source and (paths or gone):
            self._context.emit(PathsImported(source, paths, gone, vrf))


def _fits(path: ExportedPath, targets: tuple[int, ...]) -> bool:
    return any(target in targets for target in path.targets)
