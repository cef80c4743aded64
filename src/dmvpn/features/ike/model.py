"""What can be configured of IKE, as values. Algorithms and identities go by the names of the command language.

Keys never appear in a `repr`: a traceback or a debug of such a value must not give them away.
"""

from __future__ import annotations

import enum
from dataclasses import field
from itertools import chain
from typing import Final

from dmvpn.base.addresses import IPAddress
from dmvpn.base.pages import NONE, Pages
from dmvpn.base.values import Value

#: Seconds that an IKE SA lives.
DEFAULT_LIFETIME: Final = 86_400
#: Octets of a packet of IKEv1 that every path carries whole (RFC 8200 §5); IPv4 has no such promise, and tunnels over
#: IPv6 are as narrow.
LARGEST_WHOLE: Final = 1280


class Encryption(enum.Enum):
    """Ciphers of an IKE SA."""

    AES_CBC_128 = "aes-cbc-128"
    AES_CBC_192 = "aes-cbc-192"
    AES_CBC_256 = "aes-cbc-256"
    AES_GCM_128 = "aes-gcm-128"
    AES_GCM_256 = "aes-gcm-256"
    TRIPLE_DES = "3des"
    DES = "des"


class Hash(enum.Enum):
    """Hash functions, for integrity and as pseudo-random functions (both with HMAC)."""

    SHA1 = "sha1"
    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"
    MD5 = "md5"


class AuthenticationMethod(enum.Enum):
    """How one side proves who it is."""

    PRE_SHARED_KEY = "pre-share"
    RSA_SIGNATURE = "rsa-sig"
    ECDSA_SIGNATURE = "ecdsa-sig"
    EAP = "eap"


class IdentityKind(enum.Enum):
    """RFC 7296 §3.5, besides what a `match` may say: a whole domain, or any peer."""

    ADDRESS = "address"
    FQDN = "fqdn"
    FQDN_DOMAIN = "fqdn domain"
    EMAIL = "email"
    EMAIL_DOMAIN = "email domain"
    KEY_ID = "key-id"
    DISTINGUISHED_NAME = "dn"
    ANY = "any"


class Identity(Value, kw_only=True):
    """An identity of a router, or a pattern for the identities of peers.

    address, mask: of the kind ADDRESS. mask None: not configured; then the address 0.0.0.0 means any peer, any
        other means itself.
    text: of all other kinds that have one.
    fvrf: the VRF in which a peer has it: "any", a name, or "" for the global table.
    """

    kind: IdentityKind
    address: IPAddress | None = None
    mask: IPAddress | None = None
    text: str = ""
    fvrf: str = "any"


class PreSharedKey(Value):
    """A key as octets."""

    octets: bytes = field(repr=False)


class ConfiguredProposal(Value, kw_only=True):
    """`crypto ikev2 proposal`: algorithms in order of preference. No prf: those of `integrity`."""

    name: str
    encryption: tuple[Encryption, ...] = ()
    integrity: tuple[Hash, ...] = ()
    prf: tuple[Hash, ...] = ()
    groups: tuple[int, ...] = ()


class Policy(Value, kw_only=True):
    """`crypto ikev2 policy`: which proposals for which local address.

    fvrf: "any", a name, or "" for the global one.
    """

    name: str
    proposals: tuple[str, ...] = ()
    fvrf: str = ""
    local_addresses: tuple[IPAddress, ...] = ()


class KeyringPeer(Value, kw_only=True):
    """One `peer` of a keyring.

    identity: chosen by it, else by address and mask.
    local_key, remote_key: the first signs, the second checks.
    """

    name: str
    address: IPAddress | None = None
    mask: IPAddress | None = None
    hostname: str = ""
    identity: Identity | None = None
    local_key: PreSharedKey | None = None
    remote_key: PreSharedKey | None = None


class Keyring(Value):
    """`crypto ikev2 keyring`: peers in the order of entry.

    fvrf: the VRF whose peers have these keys: "any", a name, or "" for the global table.
    """

    name: str
    peers: Pages[KeyringPeer] = NONE
    fvrf: str = "any"


class DeadPeerDetection(Value):
    """`dpd`: seconds of silence before the first probe, and between probes.

    on_demand: only when there is traffic.
    """

    interval: int
    retry: int
    on_demand: bool


class Profile(Value, kw_only=True):
    """`crypto ikev2 profile`: for which peers, and how both sides prove themselves.

    matches, certificate_maps: any of them.
    local_key, remote_key: the keys in the authentication lines.
    lifetime: seconds.
    nat_keepalive: seconds, None: as the global setting says.
    trustpoints: in the order of entry.
    sign_trustpoints, verify_trustpoints: to authenticate ourselves, to verify peers.
    any_trustpoint: if it names none, we prove ourselves with any that has a certificate of ours.
    names_proved: a peer whose key was found by its address, which proves no name, is refused.
    """

    name: str
    matches: tuple[Identity, ...] = ()
    certificate_maps: tuple[str, ...] = ()
    fvrf: str = ""
    local_addresses: tuple[IPAddress, ...] = ()
    local_interfaces: tuple[str, ...] = ()
    local_identity: Identity | None = None
    local_authentication: AuthenticationMethod | None = None
    remote_authentication: tuple[AuthenticationMethod, ...] = ()
    local_key: PreSharedKey | None = None
    remote_key: PreSharedKey | None = None
    keyring: str = ""
    trustpoints: tuple[str, ...] = ()
    sign_trustpoints: tuple[str, ...] = ()
    verify_trustpoints: tuple[str, ...] = ()
    any_trustpoint: bool = False
    lifetime: int = DEFAULT_LIFETIME
    dpd: DeadPeerDetection | None = None
    nat_keepalive: int | None = None
    force_nat: bool = False
    initial_contact: bool = False
    names_proved: bool = False


class IsakmpPolicy(Value, kw_only=True):
    """`crypto isakmp policy`: IKEv1 algorithms; smaller numbers are preferred."""

    number: int
    encryption: Encryption = Encryption.DES
    hash: Hash = Hash.SHA1
    authentication: AuthenticationMethod = AuthenticationMethod.RSA_SIGNATURE
    group: int = 1
    lifetime: int = DEFAULT_LIFETIME


class IsakmpKey(Value, kw_only=True):
    """A key of `crypto isakmp key`, or of a `crypto keyring` (its name; "" for the global one).

    key: None if only the router that encrypted the key can read it.
    address6: of a peer that no tunnel here has.
    fvrf: the VRF of the peer, "" for the global table.
    """

    key: PreSharedKey | None
    keyring: str = ""
    address: IPAddress | None = None
    mask: IPAddress | None = None
    address6: str = ""
    hostname: str = ""
    fvrf: str = ""


class IsakmpProfile(Value, kw_only=True):
    """`crypto isakmp profile`.

    trustpoints: of ours and of authorities; none: all that there are.
    keepalive: None: as `crypto isakmp keepalive` says.
    """

    name: str
    keyring: str = ""
    trustpoints: tuple[str, ...] = ()
    matches: tuple[Identity, ...] = ()
    certificate_maps: tuple[str, ...] = ()
    self_identity: Identity | None = None
    keepalive: DeadPeerDetection | None = None


class IsakmpConfig(Value, kw_only=True):
    """The IKEv1 lines.

    global_keys: those of `crypto isakmp key`.
    keyrings: the keys of each `crypto keyring` that has some.
    identity: who we are where no profile says it; None: our address.
    fragment: octets of a packet with a message that is sent whole to a peer that takes fragments.
    run_as_ikev2: we begin with IKEv2 by all of these lines.
    """

    policies: tuple[IsakmpPolicy, ...] = ()
    global_keys: Pages[IsakmpKey] = NONE
    keyrings: Pages[Pages[IsakmpKey]] = NONE
    profiles: tuple[IsakmpProfile, ...] = ()
    identity: Identity | None = None
    fragment: int = LARGEST_WHOLE
    keepalive: DeadPeerDetection | None = None
    nat_keepalive: int = 0
    run_as_ikev2: bool = False

    @property
    def signs(self) -> bool:
        """Whether a policy wants RSA signatures."""
        return any(policy.authentication is AuthenticationMethod.RSA_SIGNATURE for policy in self.policies)

    @property
    def keys(self) -> tuple[IsakmpKey, ...]:
        """All keys."""
        return (*self.global_keys, *chain.from_iterable(self.keyrings))


class IkeConfig(Value, kw_only=True):
    """Everything that is configured of IKE.

    nat_keepalive: seconds, 0: none.
    cookie_challenge: half-open SAs from which on cookies are asked for, 0: 100.
    window: requests in flight.
    fragment: octets of a message that is sent whole; None: RFC 7383 is not offered.
    maximum_sas, maximum_half_open: 0: no limit.
    log_sessions: `crypto logging ikev2` or `session`.
    weak_algorithms: Diffie-Hellman groups 2 and 5, and in IKEv1 3DES and MD5, may be used where a line names them.
    begins_with_the_forgotten: an IKE SA is begun with a peer that goes on using SAs that we do not have (`crypto isakmp
        invalid-spi-recovery`).
    """

    proposals: tuple[ConfiguredProposal, ...] = ()
    policies: tuple[Policy, ...] = ()
    keyrings: tuple[Keyring, ...] = ()
    profiles: tuple[Profile, ...] = ()
    dpd: DeadPeerDetection | None = None
    nat_keepalive: int = 0
    cookie_challenge: int = 0
    window: int = 5
    fragment: int | None = None
    maximum_sas: int = 0
    maximum_half_open: int = 0
    log_sessions: bool = False
    weak_algorithms: bool = False
    begins_with_the_forgotten: bool = False
    isakmp: IsakmpConfig = IsakmpConfig()


#: `show crypto ikev2 proposal default`. IOS also has group 5, which RFC 8247 §2.4 forbids.
DEFAULT_PROPOSAL: Final = ConfiguredProposal(
    name="default",
    encryption=(Encryption.AES_CBC_256,),
    integrity=(Hash.SHA512, Hash.SHA384),
    prf=(Hash.SHA512, Hash.SHA384),
    groups=(19, 14, 21),
)
