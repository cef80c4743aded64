"""Reads `lab.yaml` and similar files: reports all mistakes, with line and column, and the correct form."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from dmvpn.shells.documents import parse_yaml, read_text

if TYPE_CHECKING:
    from pathlib import Path

    from dmvpn.shells.documents import Path_, Places

#: Octets: thousands of routers with their wires.
LARGEST: Final = 1 << 20

_Model = TypeVar("_Model", bound=BaseModel)
#: The correct form, by the name of the key or of the list around it.
_INSTEAD: Final = {
    "ends": "an end is ROUTER:INTERFACE, GATEWAY:inside or GATEWAY:outside, as in R31:GigabitEthernet0/1",
    "link": "a host's link is ROUTER:INTERFACE, as in R31:GigabitEthernet0/2",
    "routes": "a route is PREFIX/LENGTH, or PREFIX/LENGTH via NEXT-HOP",
    "address": "an address with its prefix length, as in 10.3.3.100/24",
    "address6": "an IPv6 address with its prefix length, as in 2001:db8:3::100/64",
    "inside": "an address with its prefix length, as in 192.168.31.1/24",
    "outside": "an address with its prefix length, as in 172.16.31.1/30",
    "gateway": "an address without a prefix length, as in 10.3.3.1",
    "delay": "milliseconds, 0 to 10000",
    "loss": "percent, 0 to 100",
    "rate": "kbit/s, a whole number; 0 is without limit",
}
_NAMES: Final = "a name is a letter, then letters, digits, '_', '.' and '-', 31 at most"


def read_model(path: Path, kind: type[_Model]) -> tuple[_Model, Places]:
    """Return the content of a file, and the places. Raises UserError with all mistakes."""
    raw, places = parse_yaml(read_text(path, LARGEST), str(path), patient=True)
    found: list[tuple[Path_, str]] = []
    try:
        model = kind.model_validate({} if raw is None else raw)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False):
            where = tuple(part for part in each["loc"] if part != "[key]")
            found.append((where, _said(kind, where, each["type"], each["msg"], is_key="[key]" in each["loc"])))
        raise places.problems(found) from error
    if places.twice:
        raise places.problems([])
    return model, places


def _said(kind: type[BaseModel], where: Path_, fault: str, message: str, *, is_key: bool) -> str:
    """Return the mistake there, with the remedy."""
    if fault == "extra_forbidden":
        known = _keys(kind, where[:-1])
        close = get_close_matches(str(where[-1]), known, n=1)
        return f"there is no such key here: {f'did you mean {close[0]}?' if close else 'known are ' + ', '.join(known)}"
    if fault == "missing":
        return "it is missing" + _instead(where)
    if is_key:
        return _NAMES
    message = message.removeprefix("Value error, ").replace("Input should be", "it should be")
    if fault in ("dict_type", "list_type", "model_type", "model_attributes_type"):
        return f"{message}{_shape(kind, where)}"
    return message + _instead(where)


def _instead(where: Path_) -> str:
    key = next((str(part) for part in reversed(where) if part in _INSTEAD), "")
    return f": {_INSTEAD[key]}" if key else ""


def _shape(kind: type[BaseModel], where: Path_) -> str:
    known = _keys(kind, where)
    return f": here are lines of KEY: VALUE, with the keys {', '.join(known)}" if known else ""


def _keys(kind: type[BaseModel], where: Path_) -> list[str]:
    """Return the possible keys at a place."""
    found: object = kind
    for part in where:
        if isinstance(found, type) and issubclass(found, BaseModel):
            field = found.model_fields.get(str(part))
            found = field.annotation if field is not None else None
        else:
            found = next(iter(get_args(found)[-1:]), None)  # the type of the elements of a dict or a list
    return list(found.model_fields) if isinstance(found, type) and issubclass(found, BaseModel) else []
