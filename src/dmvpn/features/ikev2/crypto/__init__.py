"""The cryptography of IKEv2, on the primitives of the package `cryptography`; nothing here is of our own invention.

    groups       Diffie-Hellman
    keys         pseudo-random functions, prf+; SKEYSEED, SK_*, KEYMAT; as Wireshark reads them
    sealing      the SK payload, and fragments
    signatures   AUTH

Imported only by a router that protects something: the package takes 50 ms to load.
"""

from __future__ import annotations
