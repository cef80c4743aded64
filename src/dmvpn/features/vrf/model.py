"""The typed configuration of VRFs."""

from __future__ import annotations

from dmvpn.base.values import Value


class VrfSettings(Value, kw_only=True):
    """One VRF.

    rd: its route distinguisher, "" without one.
    exports, imports: communities of BGP (`route-target`). export_map, import_map: route maps, "" without one.
    has_ipv4, has_ipv6: there is an address family for it: its interfaces may have addresses.
    is_old: it is configured by `ip vrf`.
    """

    name: str
    description: str = ""
    rd: str = ""
    exports: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    export_map: str = ""
    import_map: str = ""
    has_ipv4: bool = True
    has_ipv6: bool = False
    is_old: bool = False


class VrfConfig(Value):
    """All VRFs of the configuration, sorted by name."""

    vrfs: tuple[VrfSettings, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all VRFs."""
        return tuple(vrf.name for vrf in self.vrfs)
