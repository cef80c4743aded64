"""A picture for the page of `dmvpn web`, which draws it itself and plays what happens on it (`web/page/film.js`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dmvpn.tools.picture.model import TunnelState

if TYPE_CHECKING:
    from dmvpn.ios.filters import Plain
    from dmvpn.tools.picture.model import Picture


def as_stage(picture: Picture) -> dict[str, Plain]:
    """Return nodes, wires, and the tunnels to next hop servers, as a JSON object."""
    return {
        "title": picture.title,
        "about": picture.about,
        "nodes": [
            {
                "name": node.name,
                "kind": node.kind.value,
                "addresses": [port.address.partition("/")[0] for port in node.ports],
            }
            for node in picture.nodes
        ],
        "wires": [{"ends": [list(end) for end in wire.ends]} for wire in picture.wires],
        "tunnels": [
            {"here": tunnel.here, "there": tunnel.there, "cloud": picture.clouds[tunnel.cloud].name}
            for tunnel in picture.tunnels
            if tunnel.state is not TunnelState.DIRECT
        ],
    }
