"""Static routes: `ip route`, `ipv6 route`. Makes `RouteOffered` and `RouteRetracted` of them; the RIB does the rest."""

from dmvpn.features.static import config
from dmvpn.ios import Feature, LateMachine, Later, Scope

FEATURE = Feature(
    name="static",
    scope=Scope.VRF,
    config=config.LINES,
    commands=Later("dmvpn.features.static.show:COMMANDS"),
    model=config.model,
    machine=LateMachine("dmvpn.features.static.machine:StaticMachine"),
    explanations=Later("dmvpn.features.static.explain:GROUPS"),
)
