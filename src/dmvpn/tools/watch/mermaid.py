"""Steps as a sequence diagram for Mermaid.

Participants get names of our own (p1, p2 ...), so that whatever a router is called cannot be taken for syntax; in texts
what ends a statement, or means something in a page, is written as a character code (`#59;`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dmvpn.tools.watch.steps import Arrow, label

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from dmvpn.tools.watch.steps import Step

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
