"""A TLS certificate that nobody signed but itself, made anew each time so that no key lies in the repository.

X.509 by hand (RFC 5280), with an RSA key far too short for anything but a test on this computer.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import random
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_BITS = 512
_EXPONENT = 65537
_SHA256_WITH_RSA = bytes.fromhex("300d06092a864886f70d01010b0500")
_RSA = bytes.fromhex("300d06092a864886f70d0101010500")
_COMMON_NAME = bytes.fromhex("0603550403")
_SHA256_PREFIX = bytes.fromhex("3031300d060960864801650304020105000420")


def server_context(folder: Path) -> ssl.SSLContext:
    """What a server needs to speak TLS with such a certificate for 127.0.0.1."""
    path = folder / "server.pem"
    path.write_bytes(_pem())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("DEFAULT@SECLEVEL=0")
    context.load_cert_chain(path)
    return context


def _pem() -> bytes:
    p, q = _prime(), _prime()
    n, d = p * q, pow(_EXPONENT, -1, (p - 1) * (q - 1))
    numbers = (0, n, _EXPONENT, d, p, q, d % (p - 1), d % (q - 1), pow(q, -1, p))
    key = _der(0x30, *map(_integer, numbers))
    return _armoured("RSA PRIVATE KEY", key) + _armoured("CERTIFICATE", _certificate(n, d))


def _certificate(n: int, d: int) -> bytes:
    name = _der(0x30, _der(0x31, _der(0x30, _COMMON_NAME, _der(0x0C, b"127.0.0.1"))))
    times = _der(0x30, _der(0x17, b"200101000000Z"), _der(0x17, b"491231235959Z"))
    public = _der(0x30, _integer(n), _integer(_EXPONENT))
    holder = _der(0x30, _RSA, _der(0x03, b"\0" + public))
    said = _der(0x30, _integer(1), _SHA256_WITH_RSA, name, times, name, holder)
    size = n.bit_length() // 8
    digest = _SHA256_PREFIX + hashlib.sha256(said).digest()
    padded = b"\0\1" + b"\xff" * (size - len(digest) - 3) + b"\0" + digest
    signature = pow(int.from_bytes(padded, "big"), d, n).to_bytes(size, "big")
    return _der(0x30, said, _SHA256_WITH_RSA, _der(0x03, b"\0" + signature))


def _prime() -> int:
    chance = random.SystemRandom()
    for _ in itertools.count():
        candidate = chance.getrandbits(_BITS) | 3 << (_BITS - 2) | 1
        if candidate % _EXPONENT != 1 and all(
            pow(base, candidate - 1, candidate) == 1 for base in (2, 3, 5, 7)
        ):
            return candidate
    raise AssertionError


def _der(tag: int, *parts: bytes) -> bytes:
    body = b"".join(parts)
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8 or 1, "big")
    return bytes([tag]) + (length if len(body) < 0x80 else bytes([0x80 | len(length)]) + length) + body


def _integer(number: int) -> bytes:
    return _der(0x02, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _armoured(what: str, body: bytes) -> bytes:
    text = base64.encodebytes(body).decode()
    return f"-----BEGIN {what}-----\n{text}-----END {what}-----\n".encode()
