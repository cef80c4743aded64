"""A story: the events in a lab, as a document in Markdown with diagrams that many viewers draw.

Steps as a sequence diagram for Mermaid.

Participants get names of our own (p1, p2 ...), so that whatever a router is called cannot be taken for syntax; in texts
what ends a statement, or means something in a page, is written as a character code (`#59;`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from dmvpn.base.values import dataclass
from dmvpn.tools.watch.steps import Arrow, label, sentence

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from dmvpn.tools.watch.steps import Step


# ------------------------------------------------------------------------------------------------ the sequence diagram


#: Characters to escape: they separate statements, begin an entity or a comment, or are markup in a viewer.
_SPECIAL: Final = frozenset("#;%<>&\"'`{}[]\\|")


def diagram(routers: Sequence[str], steps: Sequence[Step]) -> str:
    """Return the diagram, lines with their ends. Routers are in their order, others that take part behind them."""
    ends = [end for step in steps if isinstance(step, Arrow) for end in (step.sender, step.receiver)]
    names = {name: f"p{number}" for number, name in enumerate(dict.fromkeys((*routers, *ends)), 1)}
    lines = ["sequenceDiagram"]
    lines += [f"    participant {name} as {escaped(router)}" for router, name in names.items()]
    lines += [f"    {line}" for step in steps for line in _statements(step, names)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Return text that is nothing but text."""
    return "".join(
        f"#{ord(letter)};" if letter in _SPECIAL else letter if letter.isprintable() else "." for letter in text
    )


def _statements(step: Step, names: dict[str, str]) -> Iterator[str]:
    if isinstance(step, Arrow):
        head = "-x" if not step.arrived else "-->>" if step.forwarded else "->>"
        yield f"{names[step.sender]}{head}{names[step.receiver]}: {escaped(label(step))}"
    elif step.router in names:
        yield f"Note over {names[step.router]}: {escaped(f'{step.sign.value} {label(step)}')}"


# ------------------------------------------------------------------------------------------------ the document


#: Steps of one diagram: viewers refuse texts that are too long, and so do people.
LARGEST_DIAGRAM: Final = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class StoryNetwork:
    """The network of the story. routers: with a part in it. hosts: addresses by name. links: as in the lab file."""

    lab: str
    kind: str
    routers: tuple[str, ...]
    hosts: dict[str, str]
    links: tuple[str, ...]


def story(network: StoryNetwork, steps: Sequence[Step], zone: tzinfo = UTC, missed: int = 0, omitted: int = 0) -> str:
    """Return the document. missed: lines that came too fast to be taken. omitted: the number of later steps."""
    return "\n".join(_lines(network, steps, zone, missed, omitted)) + "\n"


def _lines(network: StoryNetwork, steps: Sequence[Step], zone: tzinfo, missed: int, omitted: int) -> Iterator[str]:
    yield f"# What happened in lab {_plain(network.lab)}"
    yield ""
    yield f"{_span(steps, zone)} The lab is {_plain(network.kind)}."
    if missed:
        yield f"{missed} lines were missed: more happened than could be written down."
    if omitted:
        yield f"{omitted} more steps came after these and are not told: a story has no more than {len(steps)}."
    yield ""
    yield "## The network"
    yield ""
    yield f"Routers: {', '.join(map(_plain, network.routers))}."
    yield ""
    for name, address in network.hosts.items():
        yield f"- host {_plain(name)}: {_plain(address)}"
    for link in network.links:
        yield f"- link {_plain(link)}"
    yield ""
    yield from _diagrams(network, steps)
    yield "## In words"
    yield ""
    for number, step in enumerate(steps, 1):
        time = f"{_moment(step.time, zone):%H:%M:%S.%f}"[:12]
        yield f"{number}. {time} {_plain(sentence(step))}"


def _diagrams(network: StoryNetwork, steps: Sequence[Step]) -> Iterator[str]:
    parts = [steps[start : start + LARGEST_DIAGRAM] for start in range(0, len(steps), LARGEST_DIAGRAM)] or [()]
    for number, part in enumerate(parts, 1):
        yield "## The ladder" + (f", part {number} of {len(parts)}" if len(parts) > 1 else "")
        yield ""
        yield "```mermaid"
        yield from diagram(_speakers(network.routers, part), part).splitlines()
        yield "```"
        yield ""


def _speakers(routers: Iterable[str], steps: Sequence[Step]) -> list[str]:
    """Return the routers that occur in the steps: a column without steps is useless."""
    named: set[str] = set()
    for step in steps:
        named.update((step.sender, step.receiver) if isinstance(step, Arrow) else (step.router,))
    return [router for router in routers if router in named]


def _span(steps: Sequence[Step], zone: tzinfo) -> str:
    if not steps:
        return "Nothing happened."
    first, last = _moment(steps[0].time, zone), _moment(steps[-1].time, zone)
    return f"On {first:%Y-%m-%d} from {first:%H:%M:%S} to {last:%H:%M:%S}, {len(steps)} steps."


def _moment(time: float, zone: tzinfo) -> datetime:
    return datetime.fromtimestamp(time, zone)


def _plain(text: str) -> str:
    """Return text that is no markup where it is put."""
    return "".join(f"\\{letter}" if letter in "\\`*_{}[]<>&#|!" else letter for letter in text if letter.isprintable())
