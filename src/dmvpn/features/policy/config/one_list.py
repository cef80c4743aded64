"""`access-list N` and `ip access-list extended N` are one list: where both forms are entered, in any order.

As soon as the mode of a numbered list is opened, its entries are those of the mode, with numbers, as IOS XE shows them.
So each entry has the place in which it was entered, and `no` of either form finds it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from dmvpn.features.policy.config.sequences import Sequences
from dmvpn.ios import Args, Section, Statement
from dmvpn.ios.tree import reset

if TYPE_CHECKING:
    from dmvpn.ios import ConfigLine, Mode

_STEP: Final = 10
#: The numbers of standard and of extended lists.
_STANDARD: Final = (range(1, 100), range(1300, 2000))
_EXTENDED: Final = (range(100, 200), range(2000, 2700))
#: What says that an entry is meant, and not the list.
_ENTRY: Final = ("permit", "deny", "remark")


class Forms(NamedTuple):
    """The lines of one kind of list. opening: of its mode. entry: in the mode. numbered: entries in one line each."""

    opening: ConfigLine
    entry: ConfigLine
    numbered: ConfigLine
    mode: Mode


def check(args: Args, root: Section, forms: Forms, others: Forms) -> str | None:
    """Refuse the number, or the name, of a list of the other kind: a port asks for a list by its name alone."""
    name = args.text("name")
    ranges = _STANDARD if forms.opening.opens == "access-list-extended" else _EXTENDED
    if name.isascii() and name.isdigit() and any(int(name) in each for each in ranges):
        return "% Invalid access list name."
    if section_of(name, root, others) is not None:
        return "% Access-list type conflicts with prior definition"
    return None


def section_of(name: str, root: Section, forms: Forms) -> Section | None:
    """Return the section of a list that was opened by its mode."""
    found = root.find(forms.opening, Args({"name": name}))
    return None if found is None else found.section


def exists(name: str, root: Section, forms: Forms) -> bool:
    """Return whether there is such a list in either form."""
    return section_of(name, root, forms) is not None or bool(_numbered(name, root, forms))


def take_in(name: str, root: Section, forms: Forms) -> None:
    """Make the lines of `access-list N` the entries of the mode. The n-th has the number 10 n, remarks included."""
    entries = _numbered(name, root, forms)
    if not entries:
        return
    inner = Section(forms.mode, root)
    for place, entry in enumerate(entries, 1):
        root.drop(entry)
        inner.put(Statement(forms.entry, _inner(entry.args).having(sequence=_STEP * place)))
    words = (*forms.opening.syntax.split()[:3], name)
    root.put(Statement(forms.opening, Args({"name": name}, words[:3], words), section=inner))


def put_numbered(args: Args, root: Section, forms: Forms) -> bool:
    """Put an entry of `access-list N` behind those of its list. Returns whether anything changed."""
    inner = section_of(str(args.integer("number")), root, forms)
    if inner is None:
        return root.put(Statement(forms.numbered, args))
    return inner.put(Statement(forms.entry, inner.index(forms.entry, Sequences).numbered(_inner(args), _STEP)))


def end_entries(args: Args, root: Section, forms: Forms) -> str | None:
    """Take an entry out of the mode of its list, for `no access-list N ...`; without an entry, the whole list."""
    if "number" not in args:
        return None
    found = root.find(forms.opening, Args({"name": str(args.integer("number"))}))
    if found is None or found.section is None:
        return None
    if not any(word in args for word in _ENTRY):
        root.drop(found)
        return ""
    return "" if reset(found.section, forms.entry, _inner(args)) else None


def end_numbered(args: Args, root: Section, forms: Forms) -> str | None:
    """Drop the lines of `access-list N`, for `no ip access-list extended N`."""
    entries = _numbered(args.text("name", ""), root, forms)
    for entry in entries:
        root.drop(entry)
    return "" if entries else None


def _numbered(name: str, root: Section, forms: Forms) -> list[Statement]:
    """Return the lines of `access-list N`, in the order in which they were entered."""
    if not (name.isascii() and name.isdigit()) or not root.matching(forms.numbered, Args({"number": int(name)})):
        return []
    return [entry for entry in root.entries(forms.numbered) if entry.args.integer("number") == int(name)]


def _inner(args: Args) -> Args:
    """Return the entry of `access-list N` as the mode of the list has it."""
    inner = args.without("number").without("access-list")
    return Args(inner.values_given, (word for word in inner if word not in inner.values_given), args.words[2:])
