"""The configuration of GRE tunnels, as values."""

from __future__ import annotations

from dmvpn.base.addresses import IPAddress
from dmvpn.base.notices import GreTunnel
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Value
from dmvpn.features.tunnel.reasons import TunnelReason
from dmvpn.net.gre import header_length


class TunnelSettings(GreTunnel, Value, kw_only=True):
    """One `interface TunnelN` section, as far as it is about GRE.

    source_interface or source_address: one of them, or neither.

    protection: the IPsec profile's name.
    shared: the word behind it.
    foreign_mode: the line of a kind of tunnel that is none of ours.
    foreign_end: the line of a source or destination that no tunnel has here.
    ike_profile: the words that name a profile of IKE behind the IPsec profile, which replaces that of the IPsec
    profile.
    ip_mtu, mss: octets, None where not configured.
    """

    source_address: IPAddress | None = None
    protection: str = ""
    shared: bool = False
    foreign_mode: str = ""
    foreign_end: str = ""
    ike_profile: str = ""
    ip_mtu: int | None = None
    shutdown: bool = False

    @property
    def protected_by(self) -> str:
        """The IPsec profile as IPsec is asked for it, with the words behind it; "" for an unprotected tunnel."""
        return f"{self.protection} {self.ike_profile}".rstrip()

    @property
    def has_source(self) -> bool:
        """Whether there is any `tunnel source`."""
        return bool(self.source_interface) or self.source_address is not None

    @property
    def is_excerpt(self) -> bool:
        """Whether no line has a setting that a tunnel needs. Articles show a few lines, meant as additions to a full
        section.
        """
        said = self.multipoint or self.destination is not None or self.key is not None or self.protection
        return not (self.has_source or said)

    @property
    def number(self) -> int:
        """100 for Tunnel100."""
        return int(self.name.removeprefix("Tunnel"))

    @property
    def overhead(self) -> int:
        """Octets of the outer IP and the GRE header (RFC 2784 §2, key and sequence number: RFC 2890 §2)."""
        return 20 + self.header

    @property
    def header(self) -> int:
        """Octets of the GRE header."""
        return header_length(self.key, checksum=self.checksum, sequence=self.sequence)

    @property
    def unbuilt(self) -> Reason | None:
        """Why the tunnel stays down: a line needs what this build does not have; None: there is no such line."""
        if self.foreign_mode:
            return Reason(TunnelReason.MODE, (self.foreign_mode,))
        if self.foreign_end:
            from_route = self.foreign_end.endswith(" dynamic")
            return Reason(TunnelReason.SOURCE_OF_ROUTE if from_route else TunnelReason.NOT_IPV4, (self.foreign_end,))
        return None


class TunnelConfig(Value):
    """All tunnel interfaces."""

    tunnels: tuple[TunnelSettings, ...] = ()
