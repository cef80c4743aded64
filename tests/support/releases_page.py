"""docs/reference/releases.md, made of the table itself and of this text: page and code cannot part.

python -m support.releases_page      write the page (in the folder `tests`)
"""

from __future__ import annotations

from pathlib import Path

from dmvpn.ios import DEFAULTS
from dmvpn.ios.tree import MARK
from support.texts import file_text

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "releases.md"

_HEAD = file_text("releases.md")

_TAIL = f"""

- A file is somebody else's if it names a release (`version 15.9`) and no comment before that line says
  `{MARK}`. Logs of terminals with a configuration in them are such files, too. Only interfaces that the
  file itself speaks of get the lines.
- `no ip nhrp shortcut` in the file keeps it off, `default ip nhrp shortcut` leaves it to the release.
- `config check` and `import` say in one line what was put in and where, and so do `run` and `lab up`. From then on it
  is a line like others: the running configuration shows it, `no` takes it away, `write memory` saves it.
- Every configuration that is shown or written here has the comment, so that it never reads back as somebody else's,
  though it says `version 17.9`. Whoever takes the comments away, takes it for a file of that release.
- What is typed or pasted at a prompt, and files that name no release, mean what they say.
- Weak algorithms are permitted so in labs (there also in a file that names no release), and by `lint`, `config check`,
  `import` and `doctor`. `dmvpn run` and the prompt need the line; the log names it.

## What is not in the table

| | why |
| --- | --- |
| the `ipv6 nhrp` lines on IOS 15.7 and later | nobody tells of them there; `lint` advises to write them |
| `ipv6 nhrp network-id` | on by default from IOS XE 16.3, says the guide, and not with which number |
| `ip nhrp redirect`, `ip nhrp registration no-unique` | shown wherever they are on |
| `no ip redirects`, `tunnel mode` | a running configuration shows them where they matter |
| `auto-summary` of EIGRP | on before 15.0(1)M (Cisco, *auto-summary (EIGRP)*); nothing here summarizes so |
| `auto-summary` of RIP | on by default wherever a document tells of it, and here |
"""


def page() -> str:
    """Return the text of the page."""
    rows: list[str] = []
    sources: dict[str, None] = {}
    for row in DEFAULTS:
        first = ", ".join(f"IOS {each}" if each.major < 16 else f"IOS XE {each}" for each in row.since)
        when = f"before IOS XE {row.until}" if row.until is not None else f"{first} and later"
        where = f"interfaces with {' and '.join(f'`{each.strip()}`' for each in row.where)}"
        where = "routers whose lines name one of these" if row.is_of_router else where
        rows.append(f"| `{row.line}` | {when} | {where} | {row.meaning} |")
        sources[f"- `{row.line}`: {row.source}."] = None
    return f"{_HEAD}{chr(10).join(rows)}\n\nWho says so:\n\n{chr(10).join(sources)}{_TAIL}"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
