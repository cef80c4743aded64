"""Paths that other VRFs of this router export, in the BGP table of this VRF (RFC 4364 §4.3).

The VRF feature hands over the paths whose route targets this VRF imports. `import map` may deny or change them. A path
that leads out of an interface of this VRF is refused: its packets would come back to where they came from.
"""

from __future__ import annotations

from dataclasses import replace
from itertools import islice
from typing import TYPE_CHECKING

from dmvpn.base.addresses import UNSPECIFIED
from dmvpn.base.routemaps import UNCHANGED
from dmvpn.features.bgp.model import NO_VPN
from dmvpn.features.bgp.paths import Imported, Path, PathOrigin, candidate, changed, imported_source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dmvpn.base.addresses import Prefix
    from dmvpn.base.exports import ExportedPath, PathsImported
    from dmvpn.base.ports import Ports
    from dmvpn.features.bgp.model import Vpn
    from dmvpn.features.bgp.paths import LocRib

    #: A path: the VRF that exports it, and its prefix.
    Key = tuple[str, Prefix]


class Imports:
    """The paths that this VRF gets. Only this class writes them into the table, in slices. waiting: how many wait."""

    def __init__(self, ports: Ports) -> None:
        self._ports = ports
        self._vpn = NO_VPN
        self._known: dict[Key, ExportedPath] = {}
        self._waiting: dict[Key, None] = {}

    @property
    def waiting(self) -> int:
        """How many paths wait to be processed."""
        return len(self._waiting)

    def prefixes(self) -> Iterator[Prefix]:
        """Yield the prefixes of the paths that wait."""
        return (prefix for _, prefix in self._waiting)

    def configure(self, vpn: Vpn) -> None:
        """Apply a changed `import map`."""
        if vpn.import_map != self._vpn.import_map:
            self.look_again()
        self._vpn = vpn

    def look_again(self) -> None:
        """Queue all paths, because maps or lists changed."""
        self._waiting.update(dict.fromkeys(self._known))

    def receive(self, event: PathsImported) -> None:
        """Queue the paths that another VRF exports from now on, or no longer."""
        for prefix in event.gone:
            if self._known.pop((event.source, prefix), None) is not None:
                self._waiting[event.source, prefix] = None
        for path in event.paths:
            self._known[event.source, path.prefix] = path
            self._waiting[event.source, path.prefix] = None

    def clear(self) -> None:
        """Forget everything because the process ends."""
        self._known.clear()
        self._waiting.clear()

    def take(self, table: LocRib, most: int) -> list[Prefix]:
        """Process up to `most` paths; returns their prefixes."""
        some = list(islice(self._waiting, most))
        for key in some:
            del self._waiting[key]
            vrf, prefix = key
            path = self._path(self._known[key]) if key in self._known else None
            if path is None:
                table.take_away(prefix, imported_source(vrf))
            else:
                table.put(prefix, path)
        return [prefix for _, prefix in some]

    def _path(self, exported: ExportedPath) -> Path | None:
        """Return a path as this VRF has it; None: it is not imported."""
        path, hops = exported.path, exported.next_hops
        is_back = any(hop.interface and self._ports.interfaces.get(hop.interface) is not None for hop in hops)
        if not isinstance(path, Path) or is_back:
            return None
        numbers = dict.fromkeys((*path.attributes.extended_numbers, *exported.targets))
        marked = replace(path.attributes, extended=tuple(one.to_bytes(8, "big") for one in sorted(numbers)))
        changes = UNCHANGED
        if self._vpn.import_map:
            route = candidate(exported.prefix, marked)
            mapped = self._ports.policies.of_routes().mapped(self._vpn.import_map, route)
            if mapped is None:
                return None
            changes = mapped
        return replace(
            path,
            origin=PathOrigin.IMPORTED,
            attributes=changed(marked, changes),
            peer=UNSPECIFIED,
            number=None,
            client=False,
            weight=path.weight if changes.weight is None else changes.weight,
            imported=Imported(
                vrf=exported.vrf,
                rd=exported.rd,
                metric=exported.metric,
                is_own=path.own,
                peer=path.peer,
                next_hops=tuple(replace(hop, leaks=True) for hop in hops),
            ),
        )
