"""From JSON back to the value that a show returned: what `filters.to_plain` does, in the other direction.

    reader_of(command)     reads what `show ... | json` prints
    reader_of_type(kind)   reads a value of this type
    read_as(kind, raw)     the value of this type that parsed JSON has

    JSON -> Reader.read -> the dataclass that the query of the show returned, on another machine

A reader believes nothing: a value of another type, and a missing field, raise `MisfitError`, which names the place.
Fields that the type does not have are left out, because a newer router may have more. Two values lose something on the
way: a `Reason` keeps its sentence and loses its code, and an instance of a class that a protocol describes
(`typing.Protocol`) stays plain.
"""

from __future__ import annotations

import enum
import reprlib
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import datetime
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from typing import Final, TypeVar, cast

from dmvpn.base.addresses import Prefix
from dmvpn.base.errors import DmvpnError, named
from dmvpn.base.reasons import Reason, ReasonCode
from dmvpn.base.values import Value
from dmvpn.ios.filters import Plain
from dmvpn.ios.grammar import ExecCommand
from dmvpn.ios.shapes import Bound, Shapes, UntypedShowError, hints_of, holds_an_answer

T = TypeVar("T")
#: Classes that are written as text, and how each is read again. All raise ValueError.
_TEXTS: Final[dict[type, Callable[[str], object]]] = {
    IPv4Address: IPv4Address,
    IPv6Address: IPv6Address,
    Prefix: Prefix.parse,
    bytes: bytes.fromhex,
    datetime: datetime.fromisoformat,
}
#: What the constructor of a value raises if its fields do not belong together.
_REFUSALS: Final = (TypeError, ValueError, ArithmeticError, LookupError)


class MisfitError(DmvpnError, ValueError):
    """JSON that is no value of its type. path: of the wrong part, "tunnels[0].name"; "" for the whole."""

    def __init__(self, problem: str, steps: tuple[str | int, ...] = ()) -> None:
        path = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps).removeprefix(".")
        super().__init__(f"{path}: {problem}" if path else problem)
        self.problem = problem
        self.steps = steps
        self.path = path

    def under(self, step: str | int) -> MisfitError:
        """Return the same one as the value around it sees it."""
        return MisfitError(self.problem, (step, *self.steps))


class ToldReason(ReasonCode):
    """The code of a reason whose text alone is known."""

    TOLD = "<what>", "<evidence>"


class ReadReason(Reason, Value):
    """A reason from another process: it has the sentence, the evidence and the clause of one there, and no code of its
    own.
    """

    told_clause: str = ""

    @property
    def clause(self) -> str:
        """The clause of the standard that speaks of it, or ""."""
        return self.told_clause


class Reader(Value):
    """Reads values of one type. names: the fields of a dataclass, by which a union knows it."""

    read: Callable[[Plain], object]
    names: frozenset[str] | None = None


def reader_of(command: ExecCommand) -> Callable[[Plain], object]:
    """Return what reads the value of a show command; it raises MisfitError. Raises UntypedShowError."""
    return _guarded(_Readers().of_command(command))


def reader_of_type(kind: object) -> Callable[[Plain], object]:
    """Return what reads a value of a type; it raises MisfitError. Raises UntypedShowError."""
    return _guarded(_Readers().shape(kind, {}))


def read_as(kind: type[T], raw: object) -> T:
    """Return the value of a class that parsed JSON has. Raises MisfitError."""
    return cast("T", _reader(cast("type", kind))(cast("Plain", raw)))


@lru_cache(maxsize=64)
def _reader(kind: type) -> Callable[[Plain], object]:
    return reader_of_type(kind)


def _guarded(reader: Reader) -> Callable[[Plain], object]:
    def read(plain: Plain) -> object:
        try:
            return reader.read(plain)
        except RecursionError:
            raise MisfitError("it is nested too deeply") from None

    return read


def _misfit(plain: object, wanted: str) -> MisfitError:
    return MisfitError(f"{reprlib.repr(plain)} is not {wanted}")


class _Readers(Shapes[Reader]):
    """Makes readers."""

    def __init__(self) -> None:
        super().__init__()
        self._records: dict[type, Callable[[Plain], object]] = {}

    def anything(self) -> Reader:
        """Leave the value as it is."""
        return Reader(lambda plain: plain)

    def scalar(self, kind: type) -> Reader:
        """Read a scalar of this type; JSON may write a float without its point."""
        if kind is float:
            return Reader(_number)
        name = "null" if kind is type(None) else kind.__name__

        def read(plain: Plain) -> object:
            if type(plain) is not kind:
                raise _misfit(plain, name)
            return plain

        return Reader(read)

    def text(self, kind: type) -> Reader:
        """Read a value that is written as text. Raises UntypedShowError."""
        made = _TEXTS.get(kind)
        if made is None:
            raise UntypedShowError(f"nothing reads the text of {kind.__qualname__}")

        def read(plain: Plain) -> object:
            try:
                if isinstance(plain, str):
                    return made(plain)
            except ValueError:
                pass
            raise _misfit(plain, kind.__name__)

        return Reader(read)

    def choice(self, values: Mapping[Plain, object]) -> Reader:
        """Read one of some values."""
        known = {(type(written), written): value for written, value in values.items()}  # True is no 1 here

        def read(plain: Plain) -> object:
            if isinstance(plain, dict | list) or (type(plain), plain) not in known:
                raise _misfit(plain, "any of the known values")
            return known[type(plain), plain]

        return Reader(read)

    def flags(self, kind: type[enum.Flag]) -> Reader:
        """Read a number."""

        def read(plain: Plain) -> object:
            try:
                if type(plain) is int:
                    return kind(plain)
            except ValueError:
                pass
            raise _misfit(plain, kind.__name__)

        return Reader(read)

    def union(self, members: list[Reader]) -> Reader:
        """Read the first type that fits; an object, as the dataclass of which it has most fields."""
        records = sorted((one for one in members if one.names), key=lambda one: -len(one.names or ()))
        others = [one for one in members if not one.names]

        def read(plain: Plain) -> object:
            having = plain.keys() if isinstance(plain, dict) else frozenset[str]()
            fitting = [one for one in records if one.names and one.names <= having]
            only = records if having and len(records) == 1 else []  # it says what is missing
            deepest = _misfit(plain, "any of the types that are possible here")
            for one in (*(fitting or only), *others):
                try:
                    return one.read(plain)
                except MisfitError as error:
                    deepest = error if len(error.steps) > len(deepest.steps) or one in only else deepest
            raise deepest

        return Reader(read)

    def fixed(self, items: list[Reader], kind: type) -> Reader:
        """Read an array of a fixed length."""

        def read(plain: Plain) -> object:
            if not isinstance(plain, list) or len(plain) != len(items):
                raise _misfit(plain, f"an array of {len(items)}")
            values = tuple(_at(place, one, plain[place]) for place, one in enumerate(items))
            return values if kind is tuple else _made(kind, values, {})

        return Reader(read)

    def array(self, item: Reader, kind: type) -> Reader:
        """Read an array, into a tuple, a list or a frozen set."""
        is_set = issubclass(kind, AbstractSet)
        make: Callable[[list[object]], object] = frozenset if is_set else list if kind is list else tuple

        def read(plain: Plain) -> object:
            if not isinstance(plain, list):
                raise _misfit(plain, "an array")
            return make([_at(place, item, one) for place, one in enumerate(plain)])

        return Reader(read)

    def mapping(self, key: Reader, value: Reader) -> Reader:
        """Read an object with any names."""

        def read(plain: Plain) -> object:
            if not isinstance(plain, dict):
                raise _misfit(plain, "an object")
            return {_at(name, key, name): _at(name, value, one) for name, one in plain.items()}

        return Reader(read)

    def record(self, kind: type, bound: Bound) -> Reader:
        """Read a dataclass."""
        names = frozenset(name for name, _ in hints_of(kind))
        is_own = not bound and not holds_an_answer(kind)
        records = self._records
        if is_own and kind in records:
            return Reader(lambda plain: records[kind](plain), names)  # its own reader may not be there yet
        if is_own:
            records[kind] = self.anything().read
        members = [*self.members(kind, bound)]

        def read(plain: Plain) -> object:
            if not isinstance(plain, dict):
                raise _misfit(plain, "an object")
            if missing := [name for name, _ in members if name not in plain]:
                raise MisfitError(f"{kind.__name__} needs {', '.join(missing)}")
            return _made(kind, (), {name: _at(name, one, plain[name]) for name, one in members})

        if is_own:
            records[kind] = read
        return Reader(read, names)

    def reason(self) -> Reader:
        """Read the parts of a reason."""
        text, number = self.scalar(str), self.scalar(float)
        parts = {"what": text, "evidence": text, "clause": text, "since": number}

        def read(plain: Plain) -> object:
            if not isinstance(plain, dict) or not parts.keys() <= plain.keys():
                raise _misfit(plain, "a reason")
            what, evidence, clause, since = (_at(name, one, plain[name]) for name, one in parts.items())
            values = {"fields": (what, evidence), "since": since, "told_clause": clause}
            return _made(ReadReason, (ToldReason.TOLD,), values)

        return Reader(read, frozenset(parts))


def _number(plain: Plain) -> float:
    if type(plain) not in (int, float):
        raise _misfit(plain, "a number")
    try:
        return float(plain)  # type: ignore[arg-type]
    except OverflowError:
        raise _misfit(plain, "a number of usual size") from None


def _at(step: str | int, reader: Reader, plain: Plain) -> object:
    try:
        return reader.read(plain)
    except MisfitError as error:
        raise error.under(step) from None


def _made(kind: type, values: tuple[object, ...], fields: dict[str, object]) -> object:
    try:
        return kind(*values, **fields)
    except _REFUSALS as error:
        raise MisfitError(f"no {kind.__name__}: {named(error)}") from error
