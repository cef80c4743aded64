"""The doctor's proof as a part of `docs/reference/doctor.md`: mechanism by topology, and what it misses.

Run `python -m support.proof_page` in the folder tests, and give it time: 300 faults, 300 networks that are well, then
remedies that were tried, then what one end suspects. `--part` makes one of these again.
"""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from dmvpn.labs.proofs.networks import FEW, MANY, Harm
from support import one_end, remedies
from support.diagnoses import measure, measure_two
from support.doctors import PAGE, PROOF
from support.texts import file_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from dmvpn.labs.proofs.draws import Measure
    from support.diagnoses import Both
    from support.one_end import Suspected
    from support.remedies import Outcome

#: The seed of the proof, and how many of each.
SEED: Final = "committed"
FAULTS: Final = 300
#: Faults whose remedies are tried, and those that one end looks at; pairs of faults, and the seed of these.
REMEDIES, ENDS, TWO, SEED_OF_TWO = 70, 60, 60, "53"
BEGIN, END = PROOF
#: Columns: what a network has (`dmvpn.labs.proofs.networks.traits`).
TRAITS: Final = (
    "phase 1",
    "phase 2",
    "phase 3",
    "several hubs",
    "NAT",
    "IPsec",
    "EIGRP",
    "OSPF",
    "BGP",
    "RIP",
    "static",
)
_TEXT: Final = file_text("proof.md")


_REMEDIES: Final = """\
### Remedies that were tried

Of a fault that harms, the first finding with the whole lab in view, its lines tried in a copy as `dmvpn doctor --fix`
does, and what they do to the broken network itself. A cell has the faults whose lines restore every row without
removing protection, shutting anything down, or changing more than five lines, of those whose first finding is lines
and whose copy shows the same. Again: `python -m support.remedies --seed 7 --faults 70`.
"""
_ENDS: Final = """\
### From one end

Of a fault that harms, the causes that the spoke with the worst LAN suspects by itself, asked for the first address that
a host there cannot reach. A cell has, of the faults that harm, those whose cause is among the first three hypotheses.
Again: `python -m support.one_end --seed 7 --faults 60`.
"""
_TWOS: Final = """\
### Two faults at once

Two faults, each of which harms by itself, at two routers, and the doctor's findings when the lines were tried in a
copy, where the doctor looks again. Again: `python -m support.diagnoses --seed 53 --two 60`.
"""


class _Case(Protocol):
    """What all cases have."""

    @property
    def mechanism(self) -> str: ...

    @property
    def traits(self) -> tuple[str, ...]: ...


_C = TypeVar("_C", bound=_Case)


def section(found: Measure) -> str:
    """Return the part about what is found."""
    table = _table(found.now, lambda one: one.rank == 1)
    return "\n".join([_TEXT, *_numbers(found), "", *table, "", *_misses(found)])


def of_remedies(found: Sequence[Outcome]) -> str:
    """Return the part about remedies."""
    counted = [one for one in found if one.counts]
    missed = [f"{one.what}: {one.first}" for one in counted if not one.restores]
    return "\n".join(
        [
            _REMEDIES,
            "| | |",
            "| --- | --- |",
            f"| faults | {len(found)}: {sum(bool(one.bad) for one in found)} harm at once |",
            f"| tried, and helps in the copy | {_share(sum(one.tried for one in counted), len(counted))} |",
            f"| restores every row of the network | {_share(sum(one.restores for one in counted), len(counted))} |",
            "",
            *_table(counted, lambda one: one.restores),
            "",
            *_listed("Not restored:", counted, [not one.restores for one in counted], missed),
        ]
    )


def of_ends(found: Sequence[Suspected]) -> str:
    """Return the part about one end."""
    harmful = [one for one in found if one.bad]
    missed = [f"{one.what} from {one.router}: {', '.join(one.found[:3])}" for one in harmful if not one.suspected]
    return "\n".join(
        [
            _ENDS,
            "| | |",
            "| --- | --- |",
            f"| faults | {len(found)}: {len(harmful)} harm at once |",
            f"| among three hypotheses | {_share(sum(one.suspected for one in harmful), len(harmful))} |",
            "",
            *_table(harmful, lambda one: one.suspected),
            "",
            *_listed("Not suspected:", harmful, [not one.suspected for one in harmful], missed),
        ]
    )


def of_two(found: Sequence[Both]) -> str:
    """Return the part about two faults at once."""
    both = sum(0 not in one.ranks for one in found)
    text = (
        f"One of them was first in {_share(sum(one.first for one in found), len(found))} of pairs, and both were named"
    )
    more = "What hides on wires, or in what routers remember, behind a tunnel that is down, no copy shows."
    return "\n".join([_TWOS, f"{text} in {_share(both, len(found))}.", more])


def _listed(
    head: str, cases: Sequence[Outcome | Suspected], missed: Sequence[bool], said: Sequence[str]
) -> Iterator[str]:
    names = [one for one, is_missed in zip(cases, missed, strict=True) if is_missed]
    if not names:
        yield "Nothing was missed."
        return
    yield head
    yield ""
    for one, what in zip(names, said, strict=True):
        yield f"- `{one.name}`, {one.network}: {what}"


def _numbers(found: Measure) -> Iterator[str]:
    now = found.now
    harmless = [one for one in found.faults if one.harm is Harm.NONE]
    later = sum(one.harm is Harm.LATENT for one in found.faults)
    slight = [one for one in found.faults if one.harm is Harm.SLIGHT]
    yield "| | |"
    yield "| --- | --- |"
    when = f"{len(now)} harm at once, {len(slight)} a little, {later} later, {len(harmless)} harmless"
    yield f"| faults | {len(found.faults)}: {when} |"
    yield f"| named first | {_share(sum(one.rank == 1 for one in now), len(now))} |"
    yield f"| among the first three | {_share(sum(one.rank > 0 for one in now), len(now))} |"
    yield f"| a wrong cause first, as certain | {sum(bool(one.wrong) for one in now)} |"
    yield f'| "nothing is broken" | {sum(one.nothing for one in now)} |'
    yield f"| less than a tenth is lost: named first | {sum(one.rank == 1 for one in slight)} of {len(slight)} |"
    well = found.healthy
    yield f"| networks that are well, and accused | {sum(one.accused for one in well)} of {len(well)} |"
    yield f"| harmless faults that were called broken | {sum(one.accused for one in harmless)} of {len(harmless)} |"


def _share(count: int, total: int) -> str:
    return f"{count} of {total} ({count / max(1, total):.1%})"


def _table(cases: Sequence[_C], is_right: Callable[[_C], bool]) -> Iterator[str]:
    yield f"| mechanism | {' | '.join(TRAITS)} |"
    yield f"| --- {'| --- ' * len(TRAITS)}|"
    for mechanism in sorted({one.mechanism for one in cases}):
        mine = [one for one in cases if one.mechanism == mechanism]
        yield f"| {mechanism} | {' | '.join(_cell(mine, trait, is_right) for trait in TRAITS)} |"
    yield f"| **all** | {' | '.join(_cell(cases, trait, is_right) for trait in TRAITS)} |"


def _cell(some: Sequence[_C], trait: str, is_right: Callable[[_C], bool]) -> str:
    mine = [one for one in some if trait in one.traits]
    return f"{sum(map(is_right, mine))}/{len(mine)}" if mine else ""


def _misses(found: Measure) -> Iterator[str]:
    missed = [one for one in (*found.faults, *found.healthy) if one.missed]
    if not missed:
        yield "Nothing was missed."
        return
    yield "Not detected, or named though harmless:"
    yield ""
    for one in missed:
        said = one.found[0].partition(":")[0] if one.found else "nothing is broken"
        what = one.what.partition(":")[0]
        yield f"- `{one.name}`, {one.network}: {what} ({one.harm.value}): {said}"


def put(text: str, name: str, part: str) -> str:
    """Return the page with this part in the place of the old one."""
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    if begin not in text:
        text = text.replace(END, f"{begin}\n{end}\n{END}")
    before, _, rest = text.partition(begin)
    return f"{before}{begin}\n{part}\n{end}{rest.partition(end)[2]}"


#: By its name, what makes a part of the page. jobs: processes.
PARTS: Final[dict[str, Callable[[int], str]]] = {
    "found": lambda jobs: section(measure(SEED, FAULTS, FAULTS, MANY, jobs=jobs)),
    "remedies": lambda jobs: of_remedies(remedies.measure(SEED, REMEDIES, FEW, jobs=jobs)),
    "one end": lambda jobs: of_ends(one_end.measure(SEED, ENDS, FEW, jobs=jobs)),
    "two": lambda jobs: of_two(measure_two(SEED_OF_TWO, TWO, FEW, jobs=jobs)),
}


def main() -> None:
    """Measure, and write the page."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--part", action="append", choices=PARTS)
    arguments = parser.parse_args()
    for name in arguments.part or PARTS:
        made = PARTS[name](arguments.jobs)
        PAGE.write_text(put(PAGE.read_text(), name, made))
        print(made)


if __name__ == "__main__":
    main()
