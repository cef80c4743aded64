"""Lists that look at BGP's attributes: `ip as-path access-list`, lists of plain, extended and large communities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.base.communities import (
    COMMUNITIES,
    TARGET,
    communities_text,
    extended,
    extended_text,
    extended_value,
    large_text,
    large_value,
)
from dmvpn.base.values import collected
from dmvpn.ios import Args, ConfigLine, Section, ValueType, register_type, several
from dmvpn.ios.filters import Pattern, PatternError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable


def _spelled(text_of: Callable[[Iterable[int]], str]) -> Callable[[Hashable], str]:
    """Return how one number is written, by what writes several."""
    return lambda value: text_of((value,)) if isinstance(value, int) else str(value)


def _targets_text(values: Iterable[int]) -> str:
    """Return extended communities without the word that says what they are for."""
    return extended_text(extended(TARGET, value) for value in values).removeprefix("RT:")


def _community(text: str) -> tuple[Hashable, str] | None:
    """Return a word, one number, or two with a colon between (RFC 1997)."""
    named = next((name for name in COMMUNITIES if name.lower() == text.lower()), None)
    if named is not None:
        return COMMUNITIES[named], named
    high, colon, low = text.rpartition(":")
    if not all(part.isascii() and part.isdigit() and len(part) <= 10 for part in (high or "0", low)):
        return None
    first, second, limit = int(high or 0), int(low), 1 << (16 if colon else 32)
    if (colon and not high) or first >= limit or second >= limit:
        return None
    return first << 16 | second, text


COMMUNITY: Final = register_type(
    ValueType("bgp-community", "aa:nn or WORD", _community, spell=_spelled(communities_text))
)


def _as_typed(parse: Callable[[str], int | None]) -> Callable[[str], tuple[Hashable, str] | None]:
    """Return a reader that keeps the value as typed, for shows."""

    def read(text: str) -> tuple[Hashable, str] | None:
        number = parse(text)
        return None if number is None else (number, text)

    return read


EXTENDED: Final = register_type(
    ValueType("bgp-extcommunity", "ASN:nn or IP-address:nn", _as_typed(extended_value), spell=_spelled(_targets_text))
)
LARGE: Final = register_type(
    ValueType("bgp-large-community", "aa:bb:cc", _as_typed(large_value), spell=_spelled(large_text))
)


def _check(args: Args, section: Section) -> str | None:
    text = args.text("regex", "")
    try:
        Pattern(text)
    except PatternError as error:
        return f"% Invalid regular expression {text}: {error}"
    return None


_HELP: Final = {
    "as-path": "BGP's path of autonomous systems",
    "access-list": "Which paths are meant",
    "community-list": "Which communities are meant",
    "number": "Number of the list",
    "standard": "All communities of an entry are there",
    "expanded": "By a regular expression",
    "name": "Name of the list",
    "permit": "These are meant",
    "deny": "These are not",
    "regex": "Regular expression",
    **{f"community{place}": "A community" for place in range(1, 9)},
    "extcommunity-list": "Which extended communities are meant",
    "large-community-list": "Which large communities are meant",
    "rt": "Route target",
    "soo": "Site of origin",
    **{f"target{place}": "A route target" for place in range(1, 5)},
    "origin": "A site of origin",
}
AS_PATH: Final = ConfigLine(
    "global",
    "ip as-path access-list {number:1-500} ( permit | deny ) {regex:line}",
    _HELP,
    key=(),
    order=612,
    sort=("number",),
    check=_check,
)
COMMUNITIES_STANDARD: Final = ConfigLine(
    "global",
    f"ip community-list ( {{number:1-99}} | standard {{name:word}} ) ( permit | deny ) "
    f"{several('community', COMMUNITY.name, 8)}",
    _HELP,
    key=(),
    order=613,
)
COMMUNITIES_EXPANDED: Final = ConfigLine(
    "global",
    "ip community-list ( {number:100-500} | expanded {name:word} ) ( permit | deny ) {regex:line}",
    _HELP,
    key=(),
    order=614,
    check=_check,
)
TARGETS: Final = "".join(
    f"{'[ ' if place > 1 else ''}rt {{target{place}:{EXTENDED.name}}} " for place in range(1, 5)
) + ("] " * 3)
EXTENDED_STANDARD: Final = ConfigLine(
    "global",
    "ip extcommunity-list ( {number:1-99} | standard {name:word} ) ( permit | deny ) "
    f"( {TARGETS} [ soo {{origin:{EXTENDED.name}}} ] | soo {{origin:{EXTENDED.name}}} )",
    _HELP,
    key=(),
    order=614,
)
EXTENDED_EXPANDED: Final = ConfigLine(
    "global",
    "ip extcommunity-list ( {number:100-500} | expanded {name:word} ) ( permit | deny ) {regex:line}",
    _HELP,
    key=(),
    order=614,
    check=_check,
)
LARGE_STANDARD: Final = ConfigLine(
    "global",
    f"ip large-community-list ( {{number:1-99}} | standard {{name:word}} ) ( permit | deny ) "
    f"{several('community', LARGE.name, 8)}",
    _HELP,
    key=(),
    order=614,
)
LARGE_EXPANDED: Final = ConfigLine(
    "global",
    "ip large-community-list ( {number:100-500} | expanded {name:word} ) ( permit | deny ) {regex:line}",
    _HELP,
    key=(),
    order=614,
    check=_check,
)
LINES: Final = collected(ConfigLine, vars())
