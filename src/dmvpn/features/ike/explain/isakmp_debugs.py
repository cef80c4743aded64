"""What `debug crypto isakmp` prints: steps of main mode and quick mode, offers, and what became of them."""

from __future__ import annotations

from typing import Final

from dmvpn.base.explanations import WordKind, words

GROUPS: Final = words(WordKind.DEBUG)("""
    ## lines of debug crypto isakmp :: debug crypto isakmp, show logging next: show crypto isakmp sa
    ISAKMP:(<number>): sending packet to <address> my_port <port> peer_port <port> <state> :: A message goes. First the
        number of the ISAKMP SA, 0 until the peer has proved itself; (I): this end began; (R): the peer did; then the
        state of `show crypto isakmp sa`. [RFC 2408 §3.1]
    ISAKMP (<number>): received packet from <address> dport <port> sport <port> <state> :: A message came. (N) NEW SA:
        it belongs to no ISAKMP SA yet. [RFC 2408 §3.1]
    ISAKMP:(<number>):Input = <cause>, <event> :: Why the next step is taken: a message of the peer (FROM_PEER), a
        packet that needs protection (FROM_IPSEC), or this router's own doing (INTERNAL).
    ISAKMP:(<number>):Node <number>, Input = <cause>, <event> :: The same in quick mode; the node is its message ID.
        [RFC 2409 §5.5]
    ISAKMP:(<number>):Old State = <state>  New State = <state> :: A step: IKE_I_MM1 to 6 are the messages of main mode
        at the end that began, IKE_R_MM1 to 5 those at the other; IKE_QM_... is quick mode. [RFC 2409 §5.4]
    ISAKMP:(<number>): beginning Main Mode exchange :: This end begins phase 1. [RFC 2409 §5.4]
    ISAKMP:(<number>):beginning Quick Mode exchange, M-ID of <number> :: This end asks for a pair of IPsec SAs.
        [RFC 2409 §5.5]
    ISAKMP:(<number>):QM Initiator gets spi :: This end has drawn the SPI of its new inbound SA.
    ISAKMP:(<number>): retransmitting phase <number> <state> :: The peer has not answered, or has repeated its own
        message; the last message goes again. [RFC 2408 §5.1]
    ISAKMP:(<number>): phase <number> packet is a duplicate of a previous packet. :: The peer's last message came again:
        the answer to it was lost, or is late. [RFC 2408 §5.1]
    ISAKMP:(<number>): processing <payload> payload. message ID = <number> :: A part of the message that came; the
        message ID is 0 in main mode. [RFC 2408 §3.2]
    ISAKMP:(<number>): processing vendor id payload :: The peer names its program, or something that it can do; the next
        line says what. [RFC 2408 §3.16]
    ISAKMP:(<number>): vendor ID is <name> :: An ability of the peer. [RFC 2408 §3.16]
    ISAKMP:(<number>): processing NOTIFY <name> protocol <number>, message ID = <number> :: The peer says something
        about an SA: an error, or that it lives (R_U_THERE). [RFC 2408 §3.14]
    ISAKMP:(<number>): processing DELETE payload. message ID = <number>: <number> <kind> :: The peer has deleted so many
        SAs. [RFC 2408 §3.15]
    ISAKMP:(<number>):Notify has no hash. Rejected. :: A notification in clear, which an attacker may have sent: nothing
        follows from it. [RFC 2409 §5.7]
        next: show logging
    ISAKMP:(<number>):found peer pre-shared key matching <address> :: There is a key for the peer's address.
        next: show crypto isakmp key
    ISAKMP:(<number>): local preshared key found :: The same key proves this end.
    ISAKMP:(<number>):No pre-shared key with <address>! :: No `crypto isakmp key` is for the peer's address: main mode
        ends here.
        next: show crypto isakmp key
    ISAKMP:(<number>):Checking ISAKMP transform <number> against priority <number> policy :: A suite of algorithms that
        the peer offers, or has chosen, is compared with a `crypto isakmp policy`; its attributes follow. [RFC 2409 §5]
        next: show crypto isakmp policy
    ISAKMP:      encryption <cipher> :: The cipher of the transform. [RFC 2409 appendix A]
    ISAKMP:      keylength of <number> :: Bits of the cipher's key, for AES.
    ISAKMP:      hash <name> :: The hash of the transform. [RFC 2409 appendix A]
    ISAKMP:      default group <number> :: The Diffie-Hellman group. [RFC 2409 §6]
    ISAKMP:      auth <method> :: By which method both ends prove themselves. [RFC 2409 appendix A]
    ISAKMP:      life type in <unit> :: The unit of the lifetime of the ISAKMP SA, which follows.
    ISAKMP:      life duration <number> :: How long the ISAKMP SA may live; VPI: in octets, the highest first.
    ISAKMP:      attribute <number> is <number> :: An attribute for which this router has no name.
    ISAKMP:(<number>):atts are acceptable. Next payload is <number> :: The transform fits the policy, and is taken.
    ISAKMP:(<number>):atts are not acceptable. Next payload is <number> :: The transform does not fit; the line before
        says why. 3: another transform follows, 0: none.
        next: show crypto isakmp policy
    ISAKMP:(<number>):<algorithm> offered does not match policy! | ISAKMP:(<number>):Proposed key length does not match
        policy | ISAKMP:(<number>):Attributes offered are not known! :: Why a transform does not fit.
        next: show crypto isakmp policy
    ISAKMP:(<number>):no offers accepted! :: No transform of the peer fits any policy: main mode ends here.
        next: show crypto isakmp policy
    ISAKMP (<number>): NAT found, both nodes inside NAT :: Both addresses are translated on the way: UDP port 4500 is
        used. [RFC 3947 §3.2]
    ISAKMP (<number>): NAT found, node inside NAT :: Our address is translated on the way: UDP port 4500 is used.
        [RFC 3947 §3.2]
    ISAKMP (<number>): His hash no match - this node outside NAT :: The peer's address is translated on the way: UDP
        port 4500 is used. [RFC 3947 §3.2]
    ISAKMP (<number>): No NAT Found for self or peer :: Both addresses came as they were sent. [RFC 3947 §3.2]
    ISAKMP:(<number>):Checking IPSec proposal <number> :: A proposal of quick mode is compared with the IPsec profile;
        its transforms follow. [RFC 2407 §4.5]
        next: show crypto ipsec profile
    ISAKMP: transform <number>, <cipher> :: A suite for ESP: its cipher.
    ISAKMP:   attributes in transform: :: The attributes of the transform follow.
    ISAKMP:      encaps is <number> (<mode>) :: Tunnel or transport mode, in UDP or not; both ends must have the same.
        [RFC 3947 §5.1]
        next: show crypto ipsec transform-set
    ISAKMP:      SA life type in <unit> :: The unit of the lifetime of the pair, which follows.
    ISAKMP:      SA life duration <number> :: How long the pair may live; VPI: in octets, the highest first.
    ISAKMP:      authenticator is <name> :: The check value of ESP. [RFC 2407 §4.5]
    ISAKMP:      key length is <number> :: The size of the cipher's key, for AES.
    ISAKMP:      group is <number> :: The Diffie-Hellman group of perfect forward secrecy.
    ISAKMP:(<number>):atts are acceptable. :: The transform fits the IPsec profile.
    ISAKMP:(<number>):atts are not acceptable. :: The transform does not fit the IPsec profile: cipher, check value,
        mode or group.
        next: show crypto ipsec transform-set
    ISAKMP:(<number>):SA authentication status: authenticated :: The peer's proof was good. [RFC 2409 §5.4]
    ISAKMP:(<number>):SA has been authenticated with <address> :: Main mode is over: phase 1 is up. [RFC 2409 §5.4]
    ISAKMP:(<number>):Session with IKE ID <identity> authenticated, <algorithms> :: The identity that the peer proved,
        and the algorithms that both agreed on. [RFC 2409 §5.4]
    ISAKMP:(<number>):IKE SA rekeyed: the IPSec SAs of <number> move to it :: A new ISAKMP SA took the place of one
        whose lifetime ends. [RFC 2408 §4.6]
    ISAKMP:(<number>):deleting SA reason "<reason>" state <state> (peer <address>) :: The ISAKMP SA ends; its IPsec SAs
        end with it, or another ISAKMP SA has them. [RFC 2408 §3.15]
    ISAKMP:(<number>): Creating IPSec SAs :: Quick mode is over: a pair of IPsec SAs; their addresses, SPIs and
        lifetimes follow. [RFC 2409 §5.5]
        next: show crypto ipsec sa
    inbound SA from <address> to <address>, has spi <spi> :: The SA for what comes. next: show crypto ipsec sa
    outbound SA from <address> to <address>, has spi <spi> :: The SA for what goes. next: show crypto ipsec sa
    lifetime of <number> seconds :: How long the pair may live. next: show crypto ipsec sa
    lifetime of <number> kilobytes :: How much the pair may carry. next: show crypto ipsec sa
    ISAKMP: <name> exchange, message ID = <number> :: An exchange that belongs to no ISAKMP SA, or that this router does
        not speak. [RFC 2408 §3.1]
    ISAKMP: a message from <address:port> cannot be read: <error> :: It is no message of IKEv1, and is dropped.
        [RFC 2408 §5.1]
    ISAKMP:(<number>):IPSec SA <spi> deleted: <reason> :: A pair of IPsec SAs ends; the ISAKMP SA stays.
        [RFC 2408 §3.15]
        next: show crypto ipsec sa
    ISAKMP:(<number>):Peer moved from <address:port> to <address:port> :: The peer's packets come from another address
        or port: its translator gave it a new one. We follow. [RFC 3947 §4]
    ISAKMP:(<number>):<what> :: Something went wrong in this ISAKMP SA; the text says what. next: show logging
    ISAKMP:<address:port>: <why> :: A message of a stranger, or of a peer that may not begin, was turned away.
        next: show logging
    """)
