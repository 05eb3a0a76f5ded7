"""AES-128, each block by itself.

The BM family encrypts every 16-byte block with a zero initialisation vector. That is ECB, and for
a single block the same as the CBC of other descriptions; the cipher objects keep no state.
"""

from functools import cache

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from hawk.errors import ProtocolError

BLOCK = 16


def encrypt(key: bytes, data: bytes) -> bytes:
    return _encryptor(key).update(_whole(data))


def decrypt(key: bytes, data: bytes) -> bytes:
    """Raises ProtocolError if `data` is empty or no multiple of 16 bytes."""
    return _decryptor(key).update(_whole(data))


def _whole(data: bytes) -> bytes:
    if not data or len(data) % BLOCK:
        raise ProtocolError("wrong_length", f"{len(data)} bytes are not whole blocks of {BLOCK}")
    return data


@cache
def _encryptor(key: bytes) -> CipherContext:
    return Cipher(AES(key), ECB()).encryptor()  # noqa: S305  # it is what the devices do


@cache
def _decryptor(key: bytes) -> CipherContext:
    return Cipher(AES(key), ECB()).decryptor()  # noqa: S305  # it is what the devices do
