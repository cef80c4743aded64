"""A picture of a network: its routers, hosts and wires, the tunnels over them, and the direct tunnels that there are.

    model.py     its parts, as values; its wires by their purpose
    reading.py   a scenario, and the facts of its routers if it runs -> these values
    plan.py      rectangles, texts and the place of each: the provider in the middle, hubs above, spokes below
    svg.py       plan, wires and tunnels -> an SVG document
    moving.py    the same with the messages of a story, which run along the tunnels
    diagrams.py  the values -> JSON for a page that draws them, text that Graphviz or Mermaid lays out

Pure: values in, text out, and the same text for the same values.
"""

from dmvpn.tools.picture.diagrams import as_dot, as_mermaid, as_stage
from dmvpn.tools.picture.model import Picture
from dmvpn.tools.picture.moving import as_moving
from dmvpn.tools.picture.reading import picture_of, sketch_of
from dmvpn.tools.picture.svg import as_svg

__all__ = ["Picture", "as_dot", "as_mermaid", "as_moving", "as_stage", "as_svg", "picture_of", "sketch_of"]
