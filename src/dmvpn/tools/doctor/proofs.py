"""The lines to change where two ends of a routing protocol do not believe each other: those of key chains.

Secrets are not shown, so that two keys differ is felt, not seen; all else of a key chain can be compared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.doctor.scene import lines_of

if TYPE_CHECKING:
    from dmvpn.router.facts import RouterFacts

_CHAIN: Final = "authentication key-chain "
_TEXT: Final = "key-string"


def chain_of(facts: RouterFacts) -> str:
    """Return the key chain that an interface, or a process there, proves itself with; "": none."""
    words = (line.split() for line in facts.configuration if _CHAIN in line)
    return next((line[-1] for line in words), "")


def chain_lines(mine: RouterFacts, theirs: RouterFacts) -> tuple[str, ...]:
    """Return what gives a router a key that the other one has, too; its text is for people to know."""
    name, other = chain_of(mine) or chain_of(theirs) or "NAME", chain_of(theirs)
    here, there = _keys(mine, name), _keys(theirs, other)
    for key, lines in there.items():
        own = here.get(key)
        if own is None:
            continue
        missing = [line for line in lines if line not in own and not line.startswith(_TEXT)]
        spare = [f"no {' '.join(line.split()[:1])}" for line in own if "-lifetime " in line and not _has(lines, line)]
        if missing or spare:
            return (f"key chain {name}", key, *missing, *spare)
    key = next(iter(there), "key 1")
    terms = [line for line in there.get(key, ()) if not line.startswith(_TEXT)] if key not in here else []
    return (f"key chain {name}", key, f"{_TEXT} KEY", *terms)


def _has(lines: tuple[str, ...], line: str) -> bool:
    return any(one.split()[0] == line.split()[0] for one in lines)


def _keys(facts: RouterFacts, chain: str) -> dict[str, tuple[str, ...]]:
    """Return by the line that opens it what a chain says of each key."""
    found: dict[str, tuple[str, ...]] = {}
    last = ""
    for line in lines_of(facts, f"key chain {chain}"):
        if line.startswith("key ") and line.split()[1:2] and line.split()[1].isdigit():
            last = line
            found[last] = ()
        elif last and line != "exit":
            found[last] = (*found[last], line)
    return found
