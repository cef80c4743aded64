"""Diffie-Hellman groups as IOS names them, by number: a name, and the size."""

from __future__ import annotations

from typing import Final

GROUPS: Final = {
    1: ("DH_GROUP_768_MODP", "768 bit"),
    2: ("DH_GROUP_1024_MODP", "1024 bit"),
    5: ("DH_GROUP_1536_MODP", "1536 bit"),
    14: ("DH_GROUP_2048_MODP", "2048 bit"),
    15: ("DH_GROUP_3072_MODP", "3072 bit"),
    16: ("DH_GROUP_4096_MODP", "4096 bit"),
    19: ("DH_GROUP_256_ECP", "256 bit"),
    20: ("DH_GROUP_384_ECP", "384 bit"),
    21: ("DH_GROUP_521_ECP", "521 bit"),
    24: ("DH_GROUP_2048_256_MODP", "2048 bit, 256 bit subgroup"),
    31: ("DH_GROUP_X25519", "256 bit"),
}
