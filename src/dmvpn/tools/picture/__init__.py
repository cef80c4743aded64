"""A picture of a network: its routers, hosts and wires, the tunnels over them, and the direct tunnels that there are.

    model.py     its parts, as values
    reading.py   a scenario, and the facts of its routers if it runs -> these values
    underlay.py  its wires by their purpose
    parts.py     rectangles, and the texts in them
    plan.py      the place of each: the provider in the middle, hubs above, spokes below, regions side by side
    lines.py     the ways of wires and tunnels through the plan
    svg.py       plan and lines -> an SVG document
    stage.py     the values -> JSON for a page that draws them
    dot.py, mermaid.py   the values -> text that Graphviz or Mermaid lays out

Pure: values in, text out, and the same text for the same values.
"""

from __future__ import annotations

from dmvpn.tools.picture.diagrams import as_dot, as_mermaid, as_stage
from dmvpn.tools.picture.model import Picture
from dmvpn.tools.picture.reading import picture_of
from dmvpn.tools.picture.svg import as_svg

__all__ = ["Picture", "as_dot", "as_mermaid", "as_stage", "as_svg", "picture_of"]
