"""What shows of IKEv1 print."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, groups, words
from dmvpn.base.protection import IkePhase

_STATES = words(WordKind.STATE, rank=30, sighting=r" (QM_IDLE|MM_[A-Z_]+) +\d", mark=r"^IPv[46] Crypto ISAKMP SA")(f"""
    ## columns state and status :: show crypto isakmp sa next: show crypto ikev2 sa
    {IkePhase.QM_IDLE.value} :: Both sides have proved who they are, and nothing is being negotiated. The healthy state.
        [RFC 2409 §5.5]
    {IkePhase.MM_KEY_AUTH.value} :: The keys are made, and our identity and its proof are on their way. If it stays, the
        pre-shared keys of both ends differ. [RFC 2409 §5.4]
    {IkePhase.MM_KEY_EXCH.value} :: Public values of Diffie-Hellman are exchanged. [RFC 2409 §5.4]
    {IkePhase.MM_SA_SETUP.value} :: Both sides agree on algorithms; public values of Diffie-Hellman are not exchanged
        yet. [RFC 2409 §5.4]
    {IkePhase.MM_NO_STATE.value} :: The first message is not answered, or the SA is over. [RFC 2409 §5.4]
    ACTIVE :: The SA counts.
    ACTIVE (deleted) :: The SA is being deleted.
    """)
_LABELS = words(WordKind.LABEL, sighted=True)("""
    ## columns and labels of ISAKMP SAs :: show crypto isakmp sa, show crypto isakmp sa count, show crypto isakmp peers
        next: show crypto isakmp sa detail
    dst :: The address of the end that answered.
    src :: The address of the end that began.
    state :: How far the SA is.
    conn-id | conn-id status | C-id :: The number of the ISAKMP SA; 0 until the peer has proved itself.
    Crypto ISAKMP SA :: The ISAKMP SAs of IKEv1 (phase 1), IPv4 and IPv6 apart.
    Active ISAKMP SA's :: ISAKMP SAs in which both sides have proved who they are.
    Standby ISAKMP SA's :: Always 0: no other router stands by with copies of them.
    Currently being negotiated ISAKMP SA's :: ISAKMP SAs in which a side has not proved who it is.
    Dead ISAKMP SA's :: ISAKMP SAs that are over, and shown for a moment.
    Local :: Our address.
    Remote :: The peer's address.
    I-VRF :: The VRF of the packets inside of the tunnel; empty: the global table.
    Status :: ACTIVE: the SA counts.
    Encr :: The cipher of the ISAKMP SA.
    Hash :: The hash of the ISAKMP SA, from which its keys are made. [RFC 2409 §5]
    Auth | psk | rsig | renc | RSA :: How both ends prove themselves.
    Preshared key | RSA signature | RSA encryption :: Both ends have the same secret.
    DH :: The Diffie-Hellman group of main mode.
    Lifetime :: The time until the ISAKMP SA is replaced.
    Cap. | Codes | Dead Peer Detection | Keepalives | NAT-traversal :: Letters for abilities: D, the peer is asked
        whether it lives; N, a NAT is between the ends.
    IKE configuration mode | cTCP encapsulation | IKE Extended Authentication :: Abilities for remote access and
        firewalls, which this router does not have.
    Engine-id:Conn-id | Engine-id | Conn-id :: A number of IOS's crypto engine.
    Peer | Port :: A peer that has an ISAKMP SA.
    Phase1 id | Phase1 :: The identity that the peer proved in main mode. [RFC 2407 §4.6.2]

    ## labels of isakmp policies, keys and profiles :: show crypto isakmp policy, show crypto isakmp key, show crypto
        isakmp profile
        next: show crypto isakmp profile
    Default IKE policy :: No `crypto isakmp policy` is configured: these are offered.
    Default protection suite of priority :: One of the policies that are offered instead.
    encryption algorithm :: The cipher of the policy.
    hash algorithm :: The hash of the policy, for keys and proofs.
    authentication method :: How both ends prove who they are.
    Diffie-Hellman group | bit | subgroup :: By its number, and its size.
    lifetime | no volume limit | seconds :: Seconds that an ISAKMP SA of the policy lives.
    Global IKE policy :: The suites of `crypto isakmp policy`, the preferred one first.
    Protection suite of priority :: One `crypto isakmp policy`; the smaller number is tried first.
    AES - Advanced Encryption Standard | bit keys :: The usual cipher, with the length of its key.
    Three key triple DES | DES - Data Encryption Standard :: An old cipher; refused without `crypto engine compliance
        shield disable`, and DES always. [RFC 8247 §2.1]
    Secure Hash Standard | Secure Hash Standard 2 :: SHA-1, or with a 2 behind it SHA-2 of so many bits.
    Message Digest 5 :: MD5, an old hash; refused without `crypto engine compliance shield disable`. [RFC 8247 §2.3]
    Pre-Shared Key :: Both ends have one secret.
    Rivest-Shamir-Adleman Signature :: Both ends have certificates. next: show crypto pki certificates
    Keyring | keyring :: The `crypto keyring` of a key; default: a key of `crypto isakmp key`.
    Hostname/Address :: The peer, or the range of peers, that the key is for.
    Preshared Key :: The key itself is never shown. next: show running-config
    IKEv1 PROFILE :: A `crypto isakmp profile`. next: show running-config
    Ref Count :: How many SAs the profile has made.
    Identities matched are | ip-address | fqdn | fqdn-domain :: The identities of peers that the profile is for.
    Certificate maps matched are :: The rules about certificates that the profile goes by.
    Identity presented is :: The identity that we send. [RFC 2407 §4.6.2]
    trustpoint(s) | trustpoint :: Whose certificates the profile uses.
    """)

GROUPS: Final = groups(vars())
