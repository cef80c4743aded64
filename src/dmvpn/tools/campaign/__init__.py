"""Campaigns of many runs: their results in a file, what they come to, and a picture of it.

summary    numbers of all results, by network; the outages by kind of fault, also as an SVG document

The results are lines of a file (`tools/pool/results.py`), with which an interrupted campaign continues.
"""

from __future__ import annotations

from dmvpn.tools.campaign.summary import FORM, Summary, as_svg

__all__ = ["FORM", "Summary", "as_svg"]
