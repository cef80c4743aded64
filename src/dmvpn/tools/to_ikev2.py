"""`dmvpn import --to-ikev2`: a network whose tunnels begin with IKEv1, moved to IKEv2 router by router.

The IKEv2 lines of a router are made of what its isakmp lines mean as IKEv2 (`features.ike.translation`). Names stay
where lines gave them: the isakmp profile P and the keyring K become `crypto ikev2 profile P` and `crypto ikev2 keyring
K`. The keyring and the profile of the global keys are called IKEV2. After the router's own policies comes a strong
proposal, the same on every router, so that each pair has one in common.

Lines of IKEv1 stay if they have no counterpart in IKEv2, or if other lines depend on them. Weak policies, and keys that
cannot be read or are for IPv6 peers, stay alone. Crypto maps, aggressive mode and remote access use the same isakmp
lines as the tunnels: a router with any of these keeps all its isakmp lines.

The routers move in a safe order, three times:

    answer   servers before their clients: IKEv2 lines beside those of isakmp. Nothing is taken away.
    begin    clients before their servers: the IPsec profiles name the ikev2 profile. A router that begins with IKEv2
             may refuse IKEv1 from here on, so a server comes after all that begin with it.
    remove   clients before their servers: nothing begins with the isakmp lines any more.

So after each step every pair of routers has a version in common. Every step is entered in the configuration that the
steps before it made, so what a file holds is taken as it is.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from ipaddress import IPv4Address
from itertools import chain, count
from typing import Final

from dmvpn.base.errors import UserError
from dmvpn.base.ports import table_named
from dmvpn.base.values import Value
from dmvpn.features.ike import model
from dmvpn.features.ike.config import isakmp, profiles, settings
from dmvpn.features.ike.suites import isakmp_lacks
from dmvpn.features.ike.translation import ISAKMP, Translation, is_isakmp, keyring_of, plain
from dmvpn.features.ipsec.config import profiles as ipsec
from dmvpn.features.ipsec.model import IpsecProfile
from dmvpn.ios import Fate
from dmvpn.network.device import Device
from dmvpn.network.lines import after
from dmvpn.network.overlay import Network

# ------------------------------------------------------------------------------------------------ lines that stay


_USERS: Final = {
    "a crypto map uses isakmp lines": re.compile(r"crypto (dynamic-)?map\b"),
    "aggressive mode is only in IKEv1": re.compile(r"crypto isakmp peer\b|initiate mode\b"),
    "remote access uses isakmp lines": re.compile(
        r"crypto isakmp (client|xauth)\b|crypto ipsec client ezvpn\b|crypto xauth\b|(client|isakmp) author?i?\w*\b"
        r"|client (authentication|configuration)\b|virtual-template\b"
    ),
}
_PROFILE: Final = "crypto isakmp profile "


class Remainder(Value):
    """A line that stays.

    number: of the line in its file, 0: unknown.
    needs_isakmp: the isakmp lines of the router stay, too.
    """

    router: str
    file: str
    number: int
    line: str
    why: str
    needs_isakmp: bool = False

    def __str__(self) -> str:
        where = f"{self.file}:{self.number}" if self.number else self.file
        return f"{where}: {self.router}: {self.line}: {self.why}"


def remains(device: Device, file: str) -> tuple[Remainder, ...]:
    """Return the lines of a router that stay as they are."""
    found: list[Remainder] = []
    for policy in device.ikev2.isakmp.policies:
        missing = untranslated(policy)
        if missing:
            line, why = f"crypto isakmp policy {policy.number}", f"not written for IKEv2: {', '.join(missing)}"
            found.append(Remainder(device.hostname, file, _number(device, line), line, why))
    for key in device.ikev2.isakmp.keys:
        why = why_unreadable(key)
        if why:
            whom = key.hostname or key.address6 or str(key.address)
            line, number = key_beginning(key), _number(device, key_beginning(key))
            found.append(Remainder(device.hostname, file, number, f"{line} for {whom}", why))  # without the secret
    return (*found, *_users(device, file))


def untranslated(policy: model.IsakmpPolicy) -> tuple[str, ...]:
    """Return why a policy becomes no proposal of IKEv2: algorithms that we do not have or that are weak, and
    signatures, whose trustpoints the lines of IKEv1 need not name.
    """
    signs = policy.authentication is model.AuthenticationMethod.RSA_SIGNATURE
    return isakmp_lacks(policy, weak=False) or ((policy.authentication.value,) if signs else ())


def why_unreadable(key: model.IsakmpKey) -> str:
    """Return why a key is not written for IKEv2; "": it is."""
    if key.address6:
        return "no tunnel here goes over IPv6"
    return "a key of type 6 cannot be read here: enter it in clear" if key.key is None else ""


def key_beginning(key: model.IsakmpKey) -> str:
    """Return how the line of a key begins, or that of its keyring."""
    return f"crypto keyring {key.keyring}" if key.keyring else "crypto isakmp key"


def _users(device: Device, file: str) -> Iterator[Remainder]:
    """Yield what depends on isakmp lines, each section once."""
    found: dict[str, Remainder] = {}
    for entry in device.entries:
        whole = [*entry.path, entry.shown]
        for why, words in _USERS.items():
            line = next((text for text in whole if words.search(text.lower())), "")
            if line:
                found.setdefault(line, Remainder(device.hostname, file, entry.number, line, why, needs_isakmp=True))
                break
        else:
            if entry.path and entry.path[0].startswith(_PROFILE):
                why = "this line of an isakmp profile has no counterpart here"
                found.setdefault(entry.shown, Remainder(device.hostname, file, entry.number, entry.shown, why, True))
    yield from found.values()


def _number(device: Device, line: str) -> int:
    place = device.places.find((line,))
    return place.number if place is not None else 0


# ------------------------------------------------------------------------------------------------ lines of IKEv2


_OWN_NAME: Final = "IKEV2"
_EVERYBODY: Final = IPv4Address(0)
#: Those of the strong proposal: the groups that releases of the last ten years have.
_GROUPS: Final = (19, 14)
#: Seconds; IKEv2 takes no shorter lifetimes.
_SHORTEST: Final = 120


class Written(Value):
    """The lines that move one router.

    answers: IKEv2 beside the isakmp lines. begins: IKEv2 in the IPsec profiles. removes: the isakmp lines.
    """

    answers: tuple[str, ...]
    begins: tuple[str, ...]
    removes: tuple[str, ...]


def written(device: Device, names: Sequence[str], *, keeps_isakmp: bool) -> Written:
    """Return the lines of a router. Raises UserError if a tunnel of it could not be moved.

    names: by which routers of this network identify themselves instead of by their addresses.
    keeps_isakmp: something else needs the isakmp lines.
    """
    meant = Translation().translated(device.ikev2)
    known = {profile.name: profile for profile in meant.profiles}
    used = {one.name: known.get(f"{ISAKMP} {one.isakmp_profile}".strip()) for one in device.ipsec.profiles}
    fronts = {one.name: _front(device, one.name) for one in device.ipsec.profiles}
    _check(device, meant, used)
    taken = [plain(name) for name in (*known, *(ring.name for ring in meant.keyrings))]
    names_here = chain((_OWN_NAME,), (f"{_OWN_NAME}-{number}" for number in count(2)))
    own = next(name for name in names_here if name not in taken)
    found = {
        _name(profile.name, fronts[name], own): replace(profile, keyring=keyring_of(profile, fronts[name]), fvrf=front)
        for name, profile in used.items()
        if profile is not None
        # Routers without front doors have one table.
        for front in (fronts[name] if any(one.front for one in device.tunnels.tunnels) else "any",)
    }
    rings = [ring for ring in meant.keyrings if ring.name in [profile.keyring for profile in found.values()]]
    answers = [*_proposals(device, own)]
    for ring in rings:
        answers += _keyring(device, ring, _name(ring.name, "", own))
    for name, profile in found.items():
        answers += _profile(device, replace(profile, name=name), own, names)
    if seconds := device.ikev2.isakmp.nat_keepalive:
        answers.append(settings.NAT_KEEPALIVE.line(seconds=seconds))
    begins = [
        line
        for one in device.ipsec.profiles
        if (its := used[one.name]) is not None
        for line in _begins(one, _name(its.name, fronts[one.name], own))
    ]
    removes = () if keeps_isakmp else tuple(_removes(device))
    return Written(tuple(answers), tuple(begins), removes)


def _front(device: Device, profile: str) -> str:
    """Return the VRF of the outer packets of the tunnels that an IPsec profile protects, "": the global table.

    Raises UserError if there are several: keys and peers of one VRF are none of another VRF.
    """
    fronts = list(dict.fromkeys(one.front for one in device.tunnels.tunnels if one.protection == profile))
    if len(fronts) > 1:
        where = " and ".join(map(table_named, fronts))
        raise UserError(
            f"{device.name}: the IPsec profile {profile} protects tunnels whose outer packets are in {where}: "
            "give each of them an IPsec profile first"
        )
    return fronts[0] if fronts else ""


def _name(name: str, front: str, own: str) -> str:
    """Return the name that an item has in the translation, for peers in a VRF."""
    given = plain(name)
    if given.startswith("vrf "):  # keys for peers in a VRF: no line gives it a name
        given, front = "", given.removeprefix("vrf ")
    return given or (f"{own}-{front}" if front else own)


def _check(device: Device, meant: model.IkeConfig, used: dict[str, model.Profile | None]) -> None:
    """Check that each protected tunnel finds a profile with a key, for peers that have it. Raises UserError."""
    keys = {ring.name: [peer for peer in ring.peers if peer.remote_key is not None] for ring in meant.keyrings}
    for tunnel in device.tunnels.tunnels:
        if not tunnel.protection:
            continue
        where = f"{device.name}: {tunnel.name} cannot be moved to IKEv2"
        if tunnel.protection not in used:
            raise UserError(f"{where}: the IPsec profile {tunnel.protection} is not in the configuration")
        its = used[tunnel.protection]
        if its is None or not keys.get(keyring_of(its, tunnel.front)):
            of = f"the isakmp profile {plain(its.name)}" if its and plain(its.name) else "crypto isakmp key"
            raise UserError(f"{where}: no pre-shared key that can be read is there for it ({of})")
        if not its.matches:  # its IKEv2 profile would match no peer
            raise UserError(f"{where}: the isakmp profile {plain(its.name)} takes only peers with certificates")


# ------------------------------------------------------------------------------------------------------------- answers


def _proposals(device: Device, own: str) -> Iterator[str]:
    config = device.ikev2
    numbers = [
        policy.number
        for policy in sorted(config.isakmp.policies, key=lambda policy: policy.number)
        if not untranslated(policy)
    ]
    translated = {one.name: one for one in Translation().translated(config).proposals}
    for number in numbers:
        said = translated[f"{ISAKMP} {number}"]
        yield from _proposal(f"{own}-{number}", said, said.groups)
    yield from _proposal(own, model.DEFAULT_PROPOSAL, _GROUPS)
    yield settings.POLICY.line(name=own)
    yield f" {settings.MATCH_FVRF.line(any=True)}"
    for name in (*(f"{own}-{number}" for number in numbers), own):
        yield f" {settings.USES.line(name=name)}"


def _proposal(name: str, said: model.ConfiguredProposal, groups: Sequence[int]) -> Iterator[str]:
    yield settings.PROPOSAL.line(name=name)
    yield f" encryption {' '.join(one.value for one in said.encryption)}"
    yield f" integrity {' '.join(one.value for one in said.integrity)}"
    yield f" group {' '.join(str(group) for group in groups)}"


def _keyring(device: Device, ring: model.Keyring, name: str) -> Iterator[str]:
    yield profiles.RING.line(name=name)
    for peer in ring.peers:
        if peer.remote_key is None:
            continue
        yield f" {profiles.PEER.line(name=_peer_name(peer))}"
        if peer.identity is not None:
            yield f"  {profiles.IDENTITY.line(fqdn=True, text=peer.identity.text)}"
        elif peer.address is not None:
            mask = peer.mask if peer.mask is not None or int(peer.address) else _EVERYBODY
            yield f"  {profiles.ADDRESS.line(address=peer.address, mask=mask)}"
        try:
            yield f"  {profiles.PRE_SHARED_KEY.line(key=peer.remote_key.octets.decode())}"
        except ValueError as error:  # without the message, which may quote it
            raise UserError(f"{device.name}: the key for {peer.name} cannot be written for IKEv2") from error


def _peer_name(peer: model.KeyringPeer) -> str:
    """Return a name that an IOS line may give."""
    if peer.address is None:
        return peer.hostname
    if not int(peer.address):
        return "ANY"
    length = f"-{int(peer.mask).bit_count()}" if peer.mask is not None and int(peer.mask) != 0xFFFFFFFF else ""
    return f"PEER-{peer.address}{length}"


def _profile(device: Device, profile: model.Profile, own: str, names: Sequence[str]) -> Iterator[str]:
    yield profiles.PROFILE.line(name=profile.name)
    if profile.fvrf:
        match_any = profile.fvrf == "any"
        yield f" {profiles.MATCH_FVRF.line(any=True) if match_any else profiles.MATCH_FVRF.line(vrf=profile.fvrf)}"
    for match in profile.matches:
        yield from (f" {line}" for line in _match(match, names))
    if name := _name_of(profile):
        yield f" {profiles.LOCAL_IDENTITY.line(fqdn=True, text=name)}"
    yield f" {profiles.USES.line(remote=True, pre_share=True)}"
    yield f" {profiles.USES.line(local=True, pre_share=True)}"
    keyring = _name(profile.keyring, "", own)
    yield f" {profiles.KEYRING.line(local=True, name=keyring)}"
    if profile.lifetime != model.DEFAULT_LIFETIME:
        yield f" {profiles.LIFETIME.line(seconds=max(profile.lifetime, _SHORTEST))}"
    if dpd := profile.dpd or device.ikev2.isakmp.keepalive:
        when = "on-demand" if dpd.on_demand else "periodic"
        yield f" dpd {dpd.interval} {dpd.retry} {when}"


def _name_of(profile: model.Profile) -> str:
    """Return the name by which a profile identifies itself; "": by its address."""
    identity = profile.local_identity
    return identity.text if identity is not None and identity.kind is model.IdentityKind.FQDN else ""


def _match(match: model.Identity, names: Sequence[str]) -> Iterator[str]:
    match match.kind:
        case model.IdentityKind.ADDRESS if match.address is not None and int(match.address):
            yield profiles.MATCH_IDENTITY.line(address=match.address, mask=match.mask)
        case model.IdentityKind.FQDN:
            yield profiles.MATCH_IDENTITY.line(fqdn=True, text=match.text)
        case model.IdentityKind.FQDN_DOMAIN:
            yield profiles.MATCH_IDENTITY.line(fqdn=True, domain=True, text=match.text)
        case model.IdentityKind.ANY:
            yield profiles.MATCH_IDENTITY.line(address=_EVERYBODY)
            yield from (profiles.MATCH_IDENTITY.line(fqdn=True, text=name) for name in names)
        case _:
            yield profiles.MATCH_IDENTITY.line(address=_EVERYBODY)


# ------------------------------------------------------------------------------------------------ begins and removes


def _begins(profile: IpsecProfile, name: str) -> Iterator[str]:
    yield ipsec.PROFILE.line(name=profile.name)
    if profile.isakmp_profile:
        yield f" no {ipsec.ISAKMP_PROFILE.line(name=profile.isakmp_profile)}"
    yield f" {ipsec.IKEV2_PROFILE.line(name=name)}"


def _removes(device: Device) -> Iterator[str]:
    """Yield the lines that take back those of isakmp, users before what they use. Lines without a counterpart stay."""
    config = device.ikev2
    kept = [policy.number for policy in config.isakmp.policies if untranslated(policy)]
    for profile in config.isakmp.profiles:
        yield isakmp.PROFILE.no(name=profile.name)
    unreadable = {key_beginning(key) for key in config.isakmp.keys if key.keyring and why_unreadable(key)}
    for ring in config.isakmp.keyrings:
        name = next(iter(ring)).keyring
        if f"crypto keyring {name}" not in unreadable:
            yield isakmp.KEYRING.no(name=name)
    for args in device.tree.all(isakmp.KEY):
        if "6" not in args and "address6" not in args.values_given:
            yield f"no {isakmp.KEY.text(args)}"
    for policy in config.isakmp.policies:
        if policy.number not in kept:
            yield isakmp.POLICY.no(number=policy.number)
    alone = (isakmp.IDENTITY, isakmp.FRAGMENTATION, isakmp.KEEPALIVE, isakmp.NAT_KEEPALIVE, isakmp.RUN_AS)
    for line in (*alone, *(() if kept else (isakmp.WEAK,))):
        if (args_of := device.tree.get(line)) is not None:
            yield f"no {line.text(args_of)}"


def identities(device: Device) -> Iterator[str]:
    """Yield the names by which a router identifies itself."""
    for profile in Translation().translated(device.ikev2).profiles:
        if is_isakmp(profile.name) and (name := _name_of(profile)):
            yield name


# ----------------------------------------------------------------------------------------------- the order of the steps


#: Ends the SAs by isakmp lines; the clients begin again at once.
_RENEW: Final = "clear crypto session"


class Stage(enum.Enum):
    """What a step is for."""

    ANSWER = "answer"
    BEGIN = "begin"
    REMOVE = "remove"


class Step(Value):
    """One change of one router.

    lines: for configuration mode.
    then: a command for the prompt behind them, "" for none: SAs that are up outlive the lines.
    """

    number: int
    stage: Stage
    router: str
    lines: tuple[str, ...]
    then: str = ""


class Plan(Value):
    """All steps in their order.

    configurations: of each router that moves, what it has after the last step.
    moved: routers that are on IKEv2 already.
    """

    steps: tuple[Step, ...]
    configurations: dict[str, str]
    remains: tuple[Remainder, ...]
    moved: tuple[str, ...]


def plan(devices: Sequence[Device]) -> Plan:
    """Return how these routers move to IKEv2, one after the other. Raises UserError if they cannot.

    devices: of one network; the name of each is that of its file.
    """
    network = _Moving(devices)
    network.check()
    found = {device: remains(device, device.name) for device in network.movers}
    names = tuple(dict.fromkeys(name for device in network.movers for name in identities(device)))
    lines = {
        device: written(device, names, keeps_isakmp=any(one.needs_isakmp for one in found[device]))
        for device in network.movers
    }
    steps = tuple(_steps(network, lines))
    texts = {device.hostname: device.text for device in network.movers}
    for step in steps:
        texts[step.router] = after(texts[step.router], step.lines)
    moved = tuple(device.hostname for device in devices if network.is_moved(device))
    return Plan(steps, texts, tuple(one for each in found.values() for one in each), moved)


def _steps(network: _Moving, lines: dict[Device, Written]) -> Iterator[Step]:
    servers_first = network.servers_first
    typed = [(Stage.ANSWER, device, lines[device].answers) for device in servers_first]
    typed += [(Stage.BEGIN, device, lines[device].begins) for device in reversed(servers_first)]
    typed += [(Stage.REMOVE, device, lines[device].removes) for device in reversed(servers_first)]
    there = [(stage, device, said) for stage, device, said in typed if said]
    for number, (stage, device, said) in enumerate(there, 1):
        then = _RENEW if stage is Stage.BEGIN and network.has_old_sas(device) else ""
        yield Step(number, stage, device.hostname, said, then)


class _Moving:
    """The routers of a network. movers: the routers that have isakmp lines for their tunnels."""

    def __init__(self, devices: Sequence[Device]) -> None:
        self.network = Network(devices)
        kept = {device: device.ikev2.isakmp for device in devices if _is_protected(device)}
        self.movers = [device for device, one in kept.items() if one.keys or one.profiles or one.policies]

    def is_moved(self, device: Device) -> bool:
        """Return whether it is on IKEv2 already, and has no isakmp lines for its tunnels."""
        return _is_protected(device) and device not in self.movers

    def has_old_sas(self, device: Device) -> bool:
        """Return whether SAs by its isakmp lines are left. Those of a mere server are renewed by its clients, unless
        its IPsec profile names an isakmp profile, which the clients use with IKEv2 until then.
        """
        ends = self.network.ends_of(device)
        begins = any(end.is_client or end.tunnel.destination is not None for end in ends)
        return begins or any(profile.isakmp_profile for profile in device.ipsec.profiles)

    def check(self) -> None:
        """Check that everything is there that a safe order depends on. Raises UserError."""
        if not self.movers:
            raise UserError("nothing to move: no router here has tunnels that crypto isakmp lines protect")
        by_name: dict[str, Device] = {}
        for device in self.movers:
            other = by_name.setdefault(device.hostname, device)
            if other is not device:
                raise UserError(f"{other.name} and {device.name} are both {device.hostname}: give one another hostname")
            self._check_lines(device)
        for link in self.network.links:
            if link.client.device in self.movers and link.server is None and link.there is None:
                place = link.client.device.places.find(link.at)
                where = f"{link.client.device.name}:{place.number}" if place else link.client.device.name
                raise UserError(
                    f"{where}: {' '.join(link.at[1:])}: no router in these files has this address. Servers change "
                    "before their clients: add its configuration"
                )

    @staticmethod
    def _check_lines(device: Device) -> None:
        refused = next((entry for entry in device.entries if entry.fate is Fate.REFUSED), None)
        if refused is not None:
            raise UserError(f"{device.name}:{refused.number}: {refused.text}: this line is not taken: correct it first")
        if device.ikev2.profiles or device.ikev2.keyrings:
            own = [f"profile {one.name}" for one in device.ikev2.profiles]
            own += [f"keyring {one.name}" for one in device.ikev2.keyrings]
            line = f"crypto ikev2 {own[0]}"
            place = device.places.find((line,))
            where = f"{device.name}:{place.number}" if place else device.name
            raise UserError(
                f"{where}: {line}: {device.hostname} has lines of both versions: finish its move, or take its IKEv2 "
                "lines out first"
            )

    @cached_property
    def servers_first(self) -> list[Device]:
        """The routers that move, each server before its clients; of a circle, in the order of the files."""
        is_server = {end.device: True for end in self.network.servers}
        ordered: dict[Device, bool] = {}
        begun: dict[Device, bool] = {}
        for first in sorted(self.network.devices, key=lambda device: device not in is_server):
            waiting = [first]
            while waiting:
                device = waiting[-1]
                servers = [] if device in begun else [one for one in self._servers(device) if one not in begun]
                begun[device] = True
                waiting += servers
                if not servers:
                    ordered[waiting.pop()] = True
        return [device for device in ordered if device in self.movers]

    def _servers(self, device: Device) -> list[Device]:
        ends = self.network.ends_of(device)
        return [server.device for end in ends for server in self.network.servers_of(end)]


def _is_protected(device: Device) -> bool:
    return any(tunnel.protection and not tunnel.shutdown for tunnel in device.tunnels.tunnels)
