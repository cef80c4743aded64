"""docs/reference/web-bounds.md, made from the table of bounds: page and code cannot part.

python -m support.bounds_page      write the page (in the folder `tests`)
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from dmvpn.web.bounds import TABLE

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "web-bounds.md"
_HEAD: Final = """\
# Bounds of the web API

What users of [`dmvpn web`](web-api.md) share. A user is the name of a token; the printed code is one user. One user has
a share of each bound, and a part is kept for tokens of all labs: so neither one pupil nor all pupils of a
[class](../how-to/teach.md#a-class) together keep others out. The page is generated from the table that the server uses
(`python -m support.bounds_page` in the folder `tests`), and a test fails when it is out of date.

| of | in all | one user | kept for tokens of all labs | beyond |
| --- | --- | --- | --- | --- |
"""


def page() -> str:
    """Return the whole page."""
    rows = ""
    for bound in TABLE.values():
        share = f"{bound.share // bound.unit:,}"
        if bound.trusted != bound.share:
            share += f"; with a token of all labs {bound.trusted // bound.unit}"
        rows += (
            f"| {bound.what} | {bound.most // bound.unit:,} | {share} | {bound.kept // bound.unit:,} | {bound.then} |\n"
        )
    return _HEAD + rows


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
