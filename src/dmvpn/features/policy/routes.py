"""From the configuration to the values of routing protocols (`base.routemaps`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, TypeVar

from dmvpn.base.routemaps import AddressRule, Counted, RoutePolicies
from dmvpn.base.translation import Addresses
from dmvpn.base.values import project
from dmvpn.features.policy.model import ANY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dmvpn.base.pages import Pages
    from dmvpn.features.policy.model import AccessEntry, AddressRange, PolicyConfig

V = TypeVar("V")
W = TypeVar("W")


def of_routes(config: PolicyConfig | None, hits: dict[tuple[Counted, str, int], int] | None = None) -> RoutePolicies:
    """Return all lists and maps that match routes. None: there are none. hits: where to count."""
    if config is None:
        return RoutePolicies()
    return project(
        RoutePolicies,
        config,
        access_lists=Lazily(
            {name: (extended, entries) for (name, extended), entries in config.access_lists.items()}, _addresses
        ),
        hits={} if hits is None else hits,
    )


class Lazily(Mapping[str, W], Generic[V, W]):
    """Makes a value from each list at its first use: a configuration may have thousands of unused lists."""

    def __init__(self, lists: Mapping[str, V], make: Callable[[V], W]) -> None:
        self._lists = lists
        self._make = make
        self._made: dict[str, W] = {}

    def __getitem__(self, name: str) -> W:
        if name not in self._made:
            self._made[name] = self._make(self._lists[name])
        return self._made[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._lists)

    def __len__(self) -> int:
        return len(self._lists)


def _addresses(listed: tuple[bool, Pages[AccessEntry]]) -> tuple[AddressRule, ...]:
    """Return its entries: in extended lists the destination is the mask. Entries that need a packet choose no route:
    those of protocols other than `ip`, and those with conditions.

    The denial at the end is said, for a list of which no entry is about routes is not an empty one.
    """
    extended, entries = listed
    rules = [
        AddressRule(entry.permit, _range(entry.source), _range(entry.destination) if extended else None)
        for entry in entries
        if entry.protocol is None and not entry.partial
    ]
    return (*rules, AddressRule(False, _range(ANY))) if entries else ()


def _range(listed: AddressRange) -> Addresses:
    return Addresses(listed.address, listed.wildcard)
