"""The search for an IP option, as rules of nf_tables.

Options have lengths, and nf_tables has no loops: rules go through the header octet by octet, with the packet's mark as
the place where the next option begins. So the mark of packets is cleared that such an entry looks at.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

from dmvpn.dataplane.netlink.expressions import has_mark, header_words, mark_from, set_mark
from dmvpn.dataplane.netlink.nftables import Compare, Meta, compare, meta, network_header
from dmvpn.dataplane.netlink.sets import FIRST_REGISTER, add_elements, load, lookup, number_element, number_map

if TYPE_CHECKING:
    from dmvpn.dataplane.userspace.filter_chains import Rules

_IP: Final = 1
_NATIVE32 = struct.Struct("=I")
#: The mark of a packet that has the option; other values are where the next option begins.
_FOUND: Final = 0x10000
_OPTIONS: Final = range(20, 60)
#: The match behind a chain of `OptionWalks`; it clears the mark.
HAS_OPTION: Final = (*has_mark(_FOUND), *set_mark(0))


class OptionWalks:
    """The chains of one list that search options."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._walks: dict[int, str] = {}
        self._hops = ""

    def chain(self, option: int) -> str:
        """Return the chain that marks packets with an option, for `HAS_OPTION`, and clears the mark of other ones."""
        known = self._walks.get(option)
        if known is not None:
            return known
        name = self._walks[option] = self._rules.chain(f"-option-{option}")
        rules, hops = self._rules, self._hops or self._make_hops()
        rules.rule(name, *set_mark(_OPTIONS.start))
        for place in _OPTIONS:
            here = has_mark(place)
            rules.rule(name, *here, *header_words(Compare.AT_MOST, place // 4), *set_mark(0))
            kind = (*here, network_header(place, 1))
            rules.rule(name, *kind, compare(Compare.EQUAL, bytes((option,))), *set_mark(_FOUND))
            rules.rule(name, *kind, compare(Compare.EQUAL, b"\1"), *set_mark(place + 1))
            hop = (load(_IP, place + 1, 1, 1), meta(Meta.MARK, FIRST_REGISTER), lookup(hops, to=1), mark_from(1))
            rules.rule(name, *kind, compare(Compare.MORE, b"\1"), *hop)
        rules.rule(name, meta(Meta.MARK), compare(Compare.NOT_EQUAL, _NATIVE32.pack(_FOUND)), *set_mark(0))
        return name

    def _make_hops(self) -> str:
        """Make the map from where an option begins, and its length, to where the next one does."""
        self._hops = self._rules.set("-hops", lambda table, name, number: number_map(table, name, number, 8))
        elements = (
            number_element(_NATIVE32.pack(place) + bytes((length, 0, 0, 0)), _NATIVE32.pack(place + length))
            for place in _OPTIONS
            for length in range(2, _OPTIONS.stop - place + 1)
        )
        self._rules.parts += add_elements(self._rules.table, self._hops, elements)
        return self._hops
