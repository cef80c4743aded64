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

- A file is from another router if it names a release (`version 15.9`) and no comment before that line says
  `{MARK}`. Logs of terminals with a configuration in them are such files, too. Only interfaces that the
  file itself speaks of get the lines.
- `no ip nhrp shortcut` in the file keeps it off, `default ip nhrp shortcut` leaves it to the release.
- `config check` and `import` list the added lines and their places in one line, and so do `run` and `lab up`. From
  then on it is a line like any other: the running configuration shows it, `no` takes it away, `write memory` saves it.
- Every configuration that is shown or written here has the comment, so that it never reads back as a foreign file,
  though it says `version 17.9`. Without the comments it is read as a file of that release.
- Lines typed or pasted at a prompt, and files that name no release, get no further lines.
- Weak algorithms are permitted so in labs (there also in a file that names no release), and by `lint`, `config check`,
  `import` and `doctor`. `dmvpn run` and the prompt need the line; the log names it. `import --to` writes it, and says
  so, also into a file that names no release.

## Not in the table

| | why |
| --- | --- |
| the `ipv6 nhrp` lines on IOS 15.7 and later | no source mentions them there; `lint` advises to write them |
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
