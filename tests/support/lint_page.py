"""docs/reference/lint.md, made of the rules themselves and of this text: page and code cannot part.

python -m support.lint_page      write the page (in the folder `tests`)
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dmvpn.tools.lint import GROUPS
from support.texts import file_text

if TYPE_CHECKING:
    from dmvpn.base.findings import Rule

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "reference" / "lint.md"

_HEAD = file_text("lint.md")


def page() -> str:
    """Return the whole page."""
    parts = [_HEAD]
    for title, rules in GROUPS:
        parts.append(f"## {title}\n")
        parts += [_paragraph(rule) for rule in rules]
    return "\n".join(parts)


def _paragraph(rule: Rule) -> str:
    lines = [f"### {rule.id}", "", f"{rule.severity.value.capitalize()}: {_as_sentence(rule.title)}", "", rule.why, ""]
    lines += _block("For example", rule.bad)
    lines += _block("Instead", rule.fix)
    return "\n".join(lines)


def _as_sentence(title: str) -> str:
    first = title if title[0] == "`" or title[:2].isupper() else title[0].lower() + title[1:]
    return f"{first}."


def _block(title: str, lines: str) -> list[str]:
    return [f"{title}:", "", *(f"    {line}".rstrip() for line in lines.split("\n")), ""] if lines else []


def main() -> None:
    """Write the page."""
    PAGE.write_text(page())
    print(f"{PAGE.relative_to(ROOT)}: {sum(len(rules) for _, rules in GROUPS)} rules")


if __name__ == "__main__":
    main()
