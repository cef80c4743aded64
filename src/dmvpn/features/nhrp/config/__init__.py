"""The configuration lines of NHRP, and the typed model that is made of them."""

from __future__ import annotations

from typing import Final

from dmvpn.base.addresses import IPAddress, Prefix, mask_length
from dmvpn.features.nhrp.config import lines
from dmvpn.features.nhrp.model import (
    DEFAULT_HEARSAY,
    DEFAULT_HOLDTIME,
    DEFAULT_MAX_SEND,
    DEFAULT_REDIRECT_INTERVAL,
    DEFAULT_REGISTRATIONS,
    NhrpConfig,
    NhsConfig,
    TunnelConfig,
)
from dmvpn.ios import Args, ConfigTree, Section, Spoken
from dmvpn.ios.common import DOMAIN_NAME, DOMAIN_NAME_OLD, HOST, INTERFACE, host_in_vrf, host_of
from dmvpn.ios.interfaces import interface_sort_key
from dmvpn.ios.vrfs import vrf_of

LINES: Final = lines.LINES
ALL_LINES: Final = lines.ALL_LINES


def model(tree: ConfigTree) -> NhrpConfig:
    """Return the NHRP settings of a configuration."""
    logging, domain = tree.get(lines.LOGGING), tree.get(DOMAIN_NAME) or tree.get(DOMAIN_NAME_OLD)
    return NhrpConfig(
        tunnels=tuple(
            tunnel
            for version in (4, 6)
            for tunnel in sorted(
                tree.made(INTERFACE, _tunnel, version), key=lambda tunnel: interface_sort_key(tunnel.name)
            )
        ),
        logging=logging is not None,
        rate_limit=logging.integer("seconds", 0) if logging else 0,
        hosts=tree.made(HOST, host_of),
        vrf_hosts=tree.made(HOST, host_in_vrf),
        domain=domain.text("domain") if domain else "",
    )


def _tunnel(args: Args, inner: Section, version: int) -> TunnelConfig | None:
    """Return the NHRP settings of an interface for one IP version; None: it is no tunnel and has no such lines."""
    name, section = args.interface("name"), Spoken(inner) if version == 4 else lines.IPV6.spoken(inner)
    is_tunnel = version == 4 and name.startswith("Tunnel")
    if not is_tunnel and not inner.mentions(LINES if version == 4 else lines.IPV6.lines):
        return None
    redirect, max_send = section.get(lines.REDIRECT), section.get(lines.MAX_SEND)
    server_only = section.get(lines.SERVER_ONLY)
    return TunnelConfig(
        name=name,
        version=version,
        network_id=section.args(lines.NETWORK_ID).integer("id", None),
        authentication=section.args(lines.AUTHENTICATION).text("password", ""),
        maps=section.made(lines.MAP, _map),
        multicast=section.made(lines.MAP_MULTICAST, _receiver),
        multicast_dynamic=bool(section.made(lines.MAP_MULTICAST, _dynamic)),
        holdtime=section.args(lines.HOLDTIME).integer("seconds", DEFAULT_HOLDTIME),
        nhs=tuple(_nhs(args) for line in (lines.NHS, lines.NHS_DYNAMIC) for args in section.all(line)),
        fallback=section.args(lines.NHS_FALLBACK).integer("seconds", 0),
        max_connections=tuple(
            (args.integer("cluster"), args.integer("connections")) for args in section.all(lines.NHS_CLUSTER)
        ),
        registration_timeout=section.args(lines.REGISTRATION_TIMEOUT).integer("seconds", None),
        unique=not section.flag(lines.REGISTRATION_NO_UNIQUE),
        bind_identity=section.flag(lines.BIND_IDENTITY),
        registration_limit=section.args(lines.REGISTRATION_LIMIT).integer("entries", DEFAULT_REGISTRATIONS),
        hearsay_limit=section.args(lines.HEARSAY_LIMIT).integer("addresses", DEFAULT_HEARSAY),
        shortcut=section.flag(lines.SHORTCUT),
        redirect=redirect is not None,
        redirect_interval=redirect.integer("seconds", DEFAULT_REDIRECT_INTERVAL)
        if redirect
        else DEFAULT_REDIRECT_INTERVAL,
        server_only=server_only is not None,
        non_caching=server_only is not None and "non-caching" in server_only,
        record=section.flag(lines.RECORD),
        responder=section.args(lines.RESPONDER).interface("interface", ""),
        interest="none" not in section.args(lines.INTEREST),
        max_send=(max_send.integer("packets"), max_send.integer("seconds")) if max_send else DEFAULT_MAX_SEND,
        group=next((said.text("name") for line in (lines.GROUP_SHORT, lines.GROUP) if (said := section.get(line))), ""),
        groups=tuple(
            (args.text("group"), args.text("policy"))
            for line in (lines.MAP_GROUP, lines.MAP_GROUP_SHORT)
            for args in section.all(line)
        ),
        watch_servers=version == 4 and section.flag(lines.WATCH_SERVERS),
        # The line protocol follows the servers of one IP version, of IPv4 if it has some.
        if_state=section.flag(lines.IF_STATE)
        and (version == 4 or not (inner.all(lines.NHS) or inner.all(lines.NHS_DYNAMIC))),
        vrf=vrf_of(inner),
    )


def _map(args: Args) -> tuple[Prefix, IPAddress]:
    """Return the target and its NBMA address."""
    target, mask = args["target"], args.address("mask", None)
    if not isinstance(target, Prefix):
        target = Prefix.of(args.address("target"), 32 if mask is None else mask_length(mask) or 0)
    return target, args.any_address("nbma")


def _receiver(args: Args) -> IPAddress | None:
    return args.any_address("nbma", None)


def _dynamic(args: Args) -> bool | None:
    return True if "dynamic" in args else None


def _nhs(args: Args) -> NhsConfig:
    address: IPAddress | None = args.any_address("nhs_address", None)
    return NhsConfig(
        address=address,
        nbma=args.address("nbma_address", None),
        name=args.text("nbma_name", ""),
        multicast="multicast" in args,
        priority=args.integer("priority", 0),
        cluster=args.integer("cluster", 0),
    )
