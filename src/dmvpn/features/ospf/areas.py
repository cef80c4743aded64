"""Areas come and go with the interfaces in them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.features.ospf.lsa import Database
from dmvpn.features.ospf.spf import RunningArea

if TYPE_CHECKING:
    from dmvpn.features.ospf.externals import Externals
    from dmvpn.features.ospf.flooding import Flooding, Origination
    from dmvpn.features.ospf.lsa import LsaKey
    from dmvpn.features.ospf.own_lsas import Summaries, Topology
    from dmvpn.features.ospf.state import State


class Areas:
    """The areas of one process."""

    def __init__(
        self,
        state: State,
        flooding: Flooding,
        origination: Origination,
        externals: Externals,
        topology: Topology,
        summaries: Summaries,
    ) -> None:
        self._state = state
        self._flooding = flooding
        self._origination = origination
        self._externals = externals
        self._topology = topology
        self._summaries = summaries

    def get(self, number: int) -> RunningArea:
        """Return the area of this number, made if it is new."""
        state = self._state
        area = state.areas.get(number)
        if area is None:
            database = Database(state.context, lambda key: self.expire(number, key))
            area = state.areas[number] = RunningArea(number, state.area_settings(number), database)
            state.areas = dict(sorted(state.areas.items()))
            self._externals.refresh_all()
            self._topology.describe_all()
        return area

    def expire(self, number: int | None, key: LsaKey) -> None:
        """Flood an advertisement once more that reached MAX_AGE. number: of its area, None if it has none."""
        state = self._state
        area = state.areas[number] if number is not None else next(iter(state.areas.values()), None)
        database = state.externals if number is None or area is None else area.database
        entry = database.expire(key)
        if area is not None and entry is not None:
            self._flooding.originate(area, entry.lsa.parse(entry.lsa.at_age(entry.age(state.context.now))))

    def drop_empty(self) -> list[int]:
        """Drop areas without interfaces; returns their numbers."""
        state = self._state
        used = {interface.area.number for interface in state.interfaces.values()}
        empty = [area for number, area in state.areas.items() if number not in used]
        for area in empty:
            self._origination.drop_area(area)
            self._summaries.forget_area(area.number)
            area.database.close()
            del state.areas[area.number]
            state.request_calculation()
            self._externals.refresh_all()
            self._topology.describe_all()
        return [area.number for area in empty]
