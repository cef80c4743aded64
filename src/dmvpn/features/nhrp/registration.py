"""The client side of registration: runs the `NhsClient`s of a tunnel, RFC 2332 §5.2.3 and §5.2.4.

On a protected tunnel a client rests until packets to its server are protected. It registers at once when they are, or
when another connection protects them: a server that was restarted does not know us.

There is one client for each configured server. `choose` decides which servers of a cluster are used: the best by
priority, as many as `max-connections` allows. A server that fails is replaced by the next one, but still gets requests,
so that it can return (`fallback`).

Servers have addresses from DNS, and from their Registration Replies. `Names` are servers by host name: `ip nhrp nhs ...
nbma NAME`. A name in `ip host` needs no look-up. Any other name is looked up when it is first needed, again after 1, 2,
4 ... 64 seconds while it has no address, and once a minute while the server behind it does not answer: it may have
another address now. `ip domain lookup` concerns names that users type; a server's name is looked up in any case.

A reply carries more than the confirmation (`introduced`):

    a `dynamic` server       gives its tunnel address, RFC 2332 §5.2.4
    one of an IPv6 network   adds its link-local address, which routing protocols use
    behind a translator      we learn our translated NBMA address (Cisco's NAT extension)
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import replace

from dmvpn.base.addresses import IPAddress, Prefix, is_link_local, is_one_station, spelled
from dmvpn.base.chronicle import Sign, StateChanged, Topic
from dmvpn.base.context import Timer
from dmvpn.base.effects import Resolve
from dmvpn.base.events import NameResolved
from dmvpn.base.notices import HoldTunnel, LineEnds, MulticastReached
from dmvpn.base.pages import Groups
from dmvpn.base.reasons import Reason
from dmvpn.base.values import Mutable
from dmvpn.features.nhrp import messages
from dmvpn.features.nhrp.cache import EntryType, NbmaPeer
from dmvpn.features.nhrp.client import NhsClient, NhsState, RegistrationOutput
from dmvpn.features.nhrp.connections import why_not
from dmvpn.features.nhrp.forwarding import Forwarding
from dmvpn.features.nhrp.instance import Instance
from dmvpn.features.nhrp.model import ALL_CONNECTIONS, NhrpConfig
from dmvpn.features.nhrp.packet import RegistrationFlag, RegistrationReply, RegistrationRequest
from dmvpn.features.nhrp.parts import CieCode, ClientInfo, NatAddress, ResponderAddress, find
from dmvpn.features.nhrp.path import DirectPath, PathOutput
from dmvpn.features.nhrp.peers import Echoes, Peers, ServerPaths, is_overlooked
from dmvpn.features.nhrp.purge import Purger
from dmvpn.features.nhrp.reasons import Evidence, Nak, NhrpReason, Refusal, Suspicion, suspicions
from dmvpn.features.nhrp.shared import HeardAndSilent
from dmvpn.features.nhrp.tunnel import Tunnel
from dmvpn.features.nhrp.vendor import group_extension

#: Seconds between two look-ups of a name without an address.
FIRST_RETRY = 1.0
LONGEST_RETRY = 64.0
#: Seconds between two look-ups of a name whose server does not answer.
DOUBT_INTERVAL = 60.0


class _Name(Mutable):
    again: Timer
    address: IPAddress | None = None
    retry: float = FIRST_RETRY
    asked_at: float = 0.0


class Names:
    """The host names in the configuration, and their addresses."""

    def __init__(self, instance: Instance) -> None:
        self._instance = instance
        self._context = instance.context
        self._hosts: Groups[str, tuple[str, IPAddress]] = Groups(lambda host: host[0].lower())
        self._vrf_hosts: Groups[tuple[str, str], tuple[str, str, IPAddress]] = Groups(
            lambda host: (host[0], host[1].lower())
        )
        self._domain = ""
        self._names: dict[str, _Name] = {}

    def configure(self, config: NhrpConfig) -> None:
        """Take over the table of `ip host`, the domain for names without a dot, and the names in use."""
        self._hosts.show(config.hosts)
        self._vrf_hosts.show(config.vrf_hosts)
        self._domain = config.domain
        mentioned = {self._qualified(nhs.name) for tunnel in config.tunnels for nhs in tunnel.nhs if nhs.name}
        for name in [name for name in self._names if name not in mentioned]:
            # If it is used again, it must get the address that it has then.
            self._context.stop(self._names.pop(name).again)

    def address(self, name: str, tunnel: str) -> IPAddress | None:
        """Return the NBMA address that a name has for a tunnel, if it is known; otherwise look it up."""
        if (address := self._in_table(name, tunnel)) is not None:
            return address
        known = self._names.get(self._qualified(name))
        if known is None:
            self._ask(self._qualified(name))
            return None
        return known.address

    def doubt(self, name: str, tunnel: str) -> None:
        """Look up the name again, because its server does not answer."""
        known = self._names.get(self._qualified(name)) if self._in_table(name, tunnel) is None else None
        if known is not None and known.address is not None and self._context.now - known.asked_at >= DOUBT_INTERVAL:
            self._ask(self._qualified(name))

    def resolved(self, event: NameResolved) -> bool:
        """Take in the answer of the name service. Returns True if it changes an address."""
        known = self._names.get(event.name)
        if known is None:
            return False
        # The underlay is GRE over IPv4: a name may have other addresses as well, but needs one of IPv4.
        usable = [address for address in event.addresses if address.version == 4]
        if not usable:
            self._context.start(known.again, known.retry)
            known.retry = min(2 * known.retry, LONGEST_RETRY)
            return False
        known.retry = FIRST_RETRY
        if known.address in event.addresses:
            return False
        known.address = usable[0]
        return True

    def _in_table(self, name: str, tunnel: str) -> IPAddress | None:
        """Return the address of a name by `ip host`, first by the lines for the tunnel's front door."""
        state = self._context.ports.tunnels.get(tunnel)
        front = state.front if state is not None else ""
        for spelling in (name.lower(), f"{name}.{self._domain}".lower()) if front else ():
            if found := self._vrf_hosts.group((front, spelling)):
                return list(found.values())[-1][2]
        lines = self._hosts.group(name.lower()) or self._hosts.group(f"{name}.{self._domain}".lower())
        return list(lines.values())[-1][1] if lines else None

    def _qualified(self, name: str) -> str:
        """Return the full name for the name service."""
        return f"{name}.{self._domain}" if self._domain and "." not in name else name

    def _ask(self, name: str) -> None:
        known = self._names.get(name)
        if known is None:
            known = self._names[name] = _Name(Timer("ask for a host name again", lambda: self._ask(name), name))
        known.asked_at = self._context.now
        self._context.emit(Resolve(name))


def introduced(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> IPAddress | None:
    """Take in the further contents of a server's positive reply: the client may have another `nhs` afterwards.

    Returns our translated NBMA address, None if no translator is between us and the server.
    """
    _take_server(peers, tunnel, client, packet)
    _take_link_local(peers, tunnel, client, packet)
    nat = find(packet.extensions, NatAddress)
    for entry in nat.entries if nat else ():
        if entry.protocol == packet.source_protocol and entry.nbma not in (None, tunnel.nbma):
            return entry.nbma
    return None


def _take_server(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
    """Take over the tunnel address of a `dynamic` server, from the destination or the responder."""
    if not client.dynamic:
        return
    responder = find(packet.extensions, ResponderAddress)
    entry = responder.entries[0] if responder and responder.entries else None
    # A server may identify itself by another interface (`ip nhrp responder`): that address is no next hop.
    named = entry.protocol if entry is not None else None
    beside_us = named is not None and tunnel.subnet is not None and named in tunnel.subnet
    address = packet.destination_protocol
    if named is not None and (beside_us or address == tunnel.address):
        address = named
    believable = is_one_station(address) and address.version == tunnel.version and not tunnel.is_ours(address)
    if believable and address != client.nhs and client.nbma is not None:
        _replace_static(peers, tunnel, client.nhs, address, client.nbma)
        client.named(nhs=address)


def _take_link_local(peers: Peers, tunnel: Tunnel, client: NhsClient, packet: RegistrationReply) -> None:
    """Take over the link-local address that a server of an IPv6 network adds to what we registered."""
    if client.nbma is None or tunnel.link_local is None:
        return
    for cie in packet.cies:
        address = cie.protocol
        if address is None or not is_link_local(address) or address in (tunnel.link_local, client.link_local):
            continue
        _replace_static(peers, tunnel, client.link_local, address, client.nbma)
        client.named(link_local=address)


def _replace_static(peers: Peers, tunnel: Tunnel, old: IPAddress | None, new: IPAddress, nbma: IPAddress) -> None:
    """Map the address that a server uses now, instead of the old one. Configured mappings stay."""
    entry = tunnel.cache.host(old) if old is not None else None
    if entry is not None and entry.type is EntryType.STATIC and tunnel.nbma_of(entry.target) is None:
        peers.drop_static(tunnel, entry)
    entry = tunnel.cache.host(new)
    if entry is None or not (entry.type is EntryType.STATIC or entry.is_registered):
        if entry is not None:
            peers.supersede(tunnel, entry)
        peers.add_static(tunnel, Prefix.host(new), nbma)


#: Reasons in the log for a server that is down: no reply, or we left it.
_NO_ANSWER = "NHRP Registration Failure"
_NOT_WANTED = "External"


class Registration:
    """Keeps this station registered with its servers."""

    def __init__(
        self, instance: Instance, forwarding: Forwarding, echoes: Echoes, peers: Peers, purger: Purger
    ) -> None:
        self._instance = instance
        self._context = instance.context
        self._forwarding = forwarding
        self._paths = ServerPaths(instance, echoes)
        self._peers = peers
        self._purger = purger

    # -------------------------------------------------------------------------------------------- causes

    def start(self, tunnel: Tunnel) -> None:
        """Register: the tunnel can send, or has another address to register."""
        tunnel.public_nbma = None
        for client in tunnel.clients.values():
            if client.nbma is not None:
                self._carry_out(tunnel, client, client.hold(self._context.now), _NOT_WANTED)
        self.choose(tunnel)

    def restart(self, tunnel: Tunnel, servers: Container[IPAddress]) -> None:
        """Register again with these servers."""
        for client in tunnel.clients.values():
            if tunnel.running and client.nhs in servers and client.state is not NhsState.WAITING:
                self._begin(tunnel, client)

    def stop(self, tunnel: Tunnel, reason: Reason) -> None:
        """Stop registering: the tunnel cannot send any more. Servers keep our entries until they expire."""
        for client in tunnel.clients.values():
            self._carry_out(tunnel, client, client.stop(self._context.now, reason), recorded=str(reason))

    def renew(self, tunnel: Tunnel) -> None:
        """Register again: the content of our registration (holding time, flags, group, password) has changed."""
        for client in tunnel.clients.values():
            self._carry_out(tunnel, client, client.renew(self._context.now))

    def due(self, tunnel: Tunnel, client: NhsClient | None) -> None:
        """Act on the deadline of a client; None: leave servers that were only kept for a while."""
        if tunnel.running:
            if client is not None and client.deadline is not None:
                self._carry_out(tunnel, client, client.due(self._context.now))
            self.choose(tunnel)

    def traffic(self, tunnel: Tunnel, traffic: HeardAndSilent) -> None:
        """Take in which peers were heard since the last poll of the counters, and which were silent."""
        now = self._context.now
        for path in list(tunnel.server_paths.values()):
            if path.nbma in traffic.silent or is_overlooked(path, traffic, now):
                self._follow(tunnel, path, path.check(now))
        for client in list(tunnel.clients.values()):
            if client.is_silent and client.nbma in traffic.heard:
                self._carry_out(tunnel, client, client.heard(now))

    def neighbor_silent(self, tunnel: Tunnel, address: IPAddress) -> None:
        """Check a server that a routing protocol has not heard for long: if it has forgotten us, it sends us no
        multicast.
        """
        for client in list(tunnel.clients.values()):
            if client.nhs == address and client.is_responding:
                self._carry_out(tunnel, client, client.renew(self._context.now))

    def protection_changed(self, tunnel: Tunnel, nbma: IPAddress) -> None:
        """Follow a change: packets to this address are protected, or by another connection, or no longer protected."""
        for client in list(tunnel.clients.values()):
            if client.nbma != nbma or client.state in (NhsState.DOWN, NhsState.WAITING):
                continue
            way = self._instance.secured(tunnel, NbmaPeer(nbma))
            if way is None or not client.is_responding:
                if way is None or client.state is NhsState.BARE or way.connection != client.connection:
                    self._begin(tunnel, client)
            elif way.connection != client.connection:
                client.bind(way.connection)
                self._carry_out(tunnel, client, client.renew(self._context.now))
        self.choose(tunnel)

    def peer_returned(self, tunnel: Tunnel, connection: int) -> None:
        """Register again with a peer that has proved itself again: it may have restarted and forgotten us."""
        for client in list(tunnel.clients.values()):
            if (
                client.nbma is None
                or client.is_refused
                or client.state not in (NhsState.EXPECTING, NhsState.RESPONDING)
            ):
                continue
            way = self._instance.secured(tunnel, NbmaPeer(client.nbma))
            if way is not None and way.connection == connection:
                now = self._context.now
                self._carry_out(tunnel, client, client.renew(now) if client.is_responding else client.due(now))

    def forget_server(self, tunnel: Tunnel, client: NhsClient) -> None:
        """Forget a server that is not configured any more."""
        if client.is_responding:
            self._tell(tunnel, client, Sign.WENT, "not configured any more")
        self._paths.forget_server(tunnel, client.nhs)
        self._context.retire(client.timer)

    def path_due(self, tunnel: Tunnel, path: DirectPath) -> None:
        """Act on the deadline of the path to a server."""
        self._follow(tunnel, path, path.expired(self._context.now))

    def echo_answered(self, tunnel: Tunnel, path: DirectPath, sequence: int) -> None:
        """Take in a server's answer to an echo."""
        self._follow(tunnel, path, path.answered(sequence, self._context.now))

    def reply(self, tunnel: Tunnel, packet: RegistrationReply, sender: NbmaPeer) -> None:
        """Take in a Registration Reply for us."""
        client = next((c for c in tunnel.clients.values() if c.request_id == packet.request_id), None)
        if client is None or packet.source_protocol != tunnel.address:
            self._instance.refuse(tunnel, Refusal.UNSOLICITED, sender.nbma)
            return
        now = self._context.now
        refusal = next((cie for cie in packet.cies if cie.code != CieCode.SUCCESS), None)
        if refusal is not None:
            self._instance.log(messages.reply_with_error(packet.TYPE, refusal.code))
            reason = Reason(NhrpReason.REFUSED, (Nak(refusal.code),), now)
            self._carry_out(tunnel, client, client.refused(now, reason))
        else:
            before, was_up = client.nhs, client.is_responding
            tunnel.public_nbma = introduced(self._peers, tunnel, client, packet)
            if client.nhs != before:
                self._paths.forget_server(tunnel, before)
            self._carry_out(tunnel, client, client.accepted(now))
            if not was_up and tunnel.link_local is not None and client.link_local is None:
                self._carry_out(tunnel, client, client.renew(now))
        self.choose(tunnel)

    def update_hold(self, tunnel: Tunnel) -> None:
        """Hold the line protocol down while no server answers (`if-state nhrp`)."""
        responding = any(client.is_responding for client in tunnel.clients.values())
        held = tunnel.config.if_state and tunnel.is_carried and bool(tunnel.clients) and not responding
        if held != tunnel.held:
            tunnel.held = held
            reason = Reason(NhrpReason.NO_SERVER, since=self._context.now) if held else None
            # A peer that still hears us, although we hear no one, would send to us until its holding times are over.
            self._context.emit(*((LineEnds(tunnel.name),) if held else ()), HoldTunnel(tunnel.name, reason))

    def failed(self, tunnel: Tunnel, request_id: int, reason: Reason) -> None:
        """Store why a request of ours has no valid reply, from an Error Indication or a reply that we must not
        accept.
        """
        for client in tunnel.clients.values():
            if client.request_id == request_id:
                client.objected(reason)

    # -------------------------------------------------------------------------------------------- choice

    def choose(self, tunnel: Tunnel) -> None:
        """Start and hold clients so that each cluster uses as many servers as it may."""
        if not tunnel.running:
            return
        limits = dict(tunnel.config.max_connections)
        clusters: dict[int, list[NhsClient]] = {}
        for client in tunnel.clients.values():
            clusters.setdefault(client.cluster, []).append(client)
        for number, members in clusters.items():
            members.sort(key=lambda client: client.priority)
            self._choose_of(tunnel, members, limits.get(number, ALL_CONNECTIONS))

    def _choose_of(self, tunnel: Tunnel, members: Iterable[NhsClient], limit: int) -> None:
        now, live, responding, newest = self._context.now, 0, 0, 0.0
        for client in members:
            if client.nbma is None:
                continue
            if live < limit:
                if client.state in (NhsState.DOWN, NhsState.WAITING):
                    self._begin(tunnel, client)
                live += not client.is_failing
                responding += client.is_responding
                newest = max(newest, client.since)
            elif client.is_responding and (responding < limit or now < newest + tunnel.config.fallback):
                # A better server has a request out, or has just returned: both are kept until it has proved itself.
                if responding >= limit:
                    self._context.arm(tunnel.timers.fallback, newest + tunnel.config.fallback)
            elif client.state is not NhsState.WAITING:
                if client.is_responding and client.nbma is not None:  # else it would go on sending us multicasts
                    self._purger.withdraw(tunnel, client.nhs, client.nbma)
                self._carry_out(tunnel, client, client.hold(self._context.now), _NOT_WANTED)
        self._forwarding.update_multicast(tunnel)

    def _begin(self, tunnel: Tunnel, client: NhsClient) -> None:
        """Register with a server, or wait until packets to it are protected."""
        if client.nbma is None:
            return
        way = self._instance.secured(tunnel, NbmaPeer(client.nbma))
        if way is None:
            outputs = client.bare(self._context.now, why_not(self._instance.ports.protection, tunnel, client.nbma))
        else:
            client.bind(way.connection)
            outputs = client.start(self._context.now)
        self._carry_out(tunnel, client, outputs, _NOT_WANTED)

    # -------------------------------------------------------------------------------------------- consequences

    def _carry_out(
        self,
        tunnel: Tunnel,
        client: NhsClient,
        outputs: list[RegistrationOutput],
        why: str = _NO_ANSWER,
        recorded: str = "",
    ) -> None:
        """Carry out the outputs of a client.

        why: the reason in the log if the server is down because of it.
        recorded: that reason as the chronicle has it.
        """
        for output in outputs:
            match output:
                case RegistrationOutput.REQUEST | RegistrationOutput.REPEAT if self._instance.is_leaving:
                    pass  # it would undo our withdrawal
                case RegistrationOutput.REQUEST:
                    client.numbered(self._instance.next_request_id())
                    self._purger.drop_purge(tunnel, client.nhs)
                    self._send(tunnel, client)
                case RegistrationOutput.REPEAT:
                    is_silent = client.is_silent and not client.is_refused
                    client.suspect(_suspected(tunnel, client) if is_silent else ())
                    self._send(tunnel, client)
                case RegistrationOutput.UP:
                    self._tell(tunnel, client, Sign.CAME, "answers")
                    if client.nbma is not None and tunnel.running:
                        self._instance.log_dmvpn(messages.nhs_up(tunnel.name, (client.nhs, client.nbma), tunnel.own))
                    self._context.emit(MulticastReached(tunnel.name))
                case RegistrationOutput.DOWN:
                    self._tell(tunnel, client, Sign.WENT, recorded or why)
                    self._log_down(tunnel, client, why)
        self.update_hold(tunnel)
        if RegistrationOutput.UP in outputs or RegistrationOutput.DOWN in outputs:
            self._peers.server_changed(tunnel)
        if not client.is_responding:
            self._paths.forget_server(tunnel, client.nhs)
        elif client.nhs not in tunnel.server_paths and client.request_id is None:
            self._paths.watch(tunnel, client)
        self._context.arm(client.timer, client.deadline)

    def _follow(self, tunnel: Tunnel, path: DirectPath, outputs: list[PathOutput]) -> None:
        """Probe a silent server. If it does not answer, its client checks whether we are still registered."""
        if self._paths.is_lost(tunnel, path, outputs):
            for client in tunnel.clients.values():
                if client.nhs == path.peer:
                    self._carry_out(tunnel, client, client.silence(self._context.now))

    def _send(self, tunnel: Tunnel, client: NhsClient) -> None:
        if client.nbma is None or client.request_id is None:
            return
        # Make the packet as IOS does; as FRR does, address a server of unknown tunnel address by our own address.
        address, nbma = tunnel.own
        config, width = tunnel.config, address.max_prefixlen
        known = not client.nhs.is_unspecified
        server = ClientInfo(prefix_length=width, mtu=tunnel.mtu, preference=255, nbma=client.nbma, protocol=client.nhs)
        own = self._instance.own_entry(tunnel)
        request = RegistrationRequest(
            source_nbma=nbma,
            source_protocol=address,
            destination_protocol=client.nhs if known else address,
            flags=RegistrationFlag.NAT | (RegistrationFlag.UNIQUE if config.unique else RegistrationFlag(0)),
            request_id=client.request_id,
            cies=_registered(own, tunnel.link_local, client),
            extensions=(
                ResponderAddress(),
                *self._instance.records(tunnel),
                *self._instance.authentication(tunnel),
                NatAddress(entries=(server,)),
                *((group_extension(config.group),) if config.group else ()),
            ),
        )
        if self._instance.send(tunnel, NbmaPeer(client.nbma), request):
            client.sent()

    def _tell(self, tunnel: Tunnel, client: NhsClient, sign: Sign, text: str) -> None:
        """Record a change of the server in the chronicle, whatever is logged."""
        if self._instance.ports.remembers:
            about = (client.nhs, *((client.nbma,) if client.nbma is not None else ()))
            subject = spelled(client.nhs)
            change = StateChanged(
                topic=Topic.SERVER, sign=sign, subject=subject, text=text, interface=tunnel.name, about=about
            )
            self._context.emit(change)

    def _log_down(self, tunnel: Tunnel, client: NhsClient, why: str) -> None:
        if client.nbma is not None and tunnel.running:
            self._instance.log_dmvpn(messages.nhs_down(tunnel.name, (client.nhs, client.nbma), tunnel.own, why))


def _registered(own: ClientInfo, link_local: IPAddress | None, client: NhsClient) -> tuple[ClientInfo, ...]:
    """Make the CIEs of a registration. The header has our address; a link-local one is registered as well, as on IOS.

    A server that adds no link-local address of its own to its replies, as FRR's nhrpd, registers what the CIEs name
    and nothing else: it gets one for each address.
    """
    if link_local is None:
        return (replace(own, nbma=None, protocol=None),)
    named = replace(own, protocol=link_local)
    if not client.is_responding or client.link_local is not None:
        return (named,)
    return (replace(own, nbma=None, protocol=None), named)


def _suspected(tunnel: Tunnel, client: NhsClient) -> tuple[Suspicion, ...]:
    """Return possible causes of a server's silence; none shortly after the first request."""
    usage = tunnel.usage.get(client.nbma) if client.nbma is not None else None
    silent_since = client.reason.since if client.reason is not None else client.since
    heard = usage is not None and usage.heard_at is not None and usage.heard_at > silent_since
    return suspicions(
        Evidence(
            heard=heard,
            answered=client.last_reply is not None,
            translated=tunnel.public_nbma is not None,
            protected=tunnel.state is not None and bool(tunnel.state.protection),
            public=tunnel.nbma is not None and tunnel.nbma.is_global,
        )
    )
