"""Hashes of byte strings, the same on every machine: FarmHash's 64-bit fingerprint, and SipHash-2-4 with a key.

Both follow the published algorithms (G. Pike, FarmHash; J.-P. Aumasson and D. J. Bernstein, SipHash): equal strings fall into equal buckets here
and in TensorFlow.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

M = (1 << 64) - 1
K0, K1, K2 = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F
REMEMBERED = 1 << 16  # categories repeat: so many strings are hashed once
MANY = 256  # strings of one length: so many are hashed together in less time than one by one
Text = Any  # a string, or many of one length as rows of bytes; the arithmetic is the same for integers and arrays of uint64


def _word(s: Text, at: int) -> Any:
    return int.from_bytes(s[at : at + 8], "little") if type(s) is bytes else np.ascontiguousarray(s[:, at : at + 8]).view("<u8")[:, 0]


def _half(s: Text, at: int) -> Any:
    if type(s) is bytes:
        return int.from_bytes(s[at : at + 4], "little")
    return np.ascontiguousarray(s[:, at : at + 4]).view("<u4")[:, 0].astype(np.uint64)


def _byte(s: Text, at: int) -> Any:
    return s[at] if type(s) is bytes else s[:, at].astype(np.uint64)


def _rotate(x: Any, n: int) -> Any:
    return ((x >> n) | (x << (64 - n))) & M if n else x


def _shifted(x: Any) -> Any:
    return x ^ (x >> 47)


def _pair(u: Any, v: Any, multiplier: int) -> Any:
    a = _shifted(((u ^ v) * multiplier) & M)
    return _shifted(((v ^ a) * multiplier) & M) * multiplier & M


# --- FarmHash: one recipe per length ---
def _up_to_16(s: Text, n: int) -> Any:
    if n >= 8:
        multiplier = K2 + 2 * n
        a, b = _word(s, 0) + K2 & M, _word(s, n - 8)
        c = _rotate(b, 37) * multiplier + a & M
        d = (_rotate(a, 25) + b) * multiplier & M
        return _pair(c, d, multiplier & M)
    if n >= 4:
        return _pair((_half(s, 0) << 3) + n & M, _half(s, n - 4), K2 + 2 * n & M)
    if n > 0:
        y, z = _byte(s, 0) + (_byte(s, n >> 1) << 8), (_byte(s, n - 1) << 2) + n
        return _shifted((y * K2 ^ z * K0) & M) * K2 & M
    return K2


def _up_to_32(s: Text, n: int) -> Any:
    multiplier = K2 + 2 * n & M
    a, b = _word(s, 0) * K1 & M, _word(s, 8)
    c, d = _word(s, n - 8) * multiplier & M, _word(s, n - 16) * K2 & M
    return _pair(_rotate(a + b & M, 43) + _rotate(c, 30) + d & M, a + _rotate(b + K2 & M, 18) + c & M, multiplier)


def _up_to_64(s: Text, n: int) -> Any:
    multiplier = K2 + 2 * n & M
    a, b = _word(s, 0) * K2 & M, _word(s, 8)
    c, d = _word(s, n - 8) * multiplier & M, _word(s, n - 16) * K2 & M
    y = _rotate(a + b & M, 43) + _rotate(c, 30) + d & M
    z = _pair(y, a + _rotate(b + K2 & M, 18) + c & M, multiplier)
    e, f = _word(s, 16) * multiplier & M, _word(s, 24)
    g, h = (y + _word(s, n - 32)) * multiplier & M, (z + _word(s, n - 24)) * multiplier & M
    return _pair(_rotate(e + f & M, 43) + _rotate(g, 30) + h & M, e + _rotate(f + a & M, 18) + g & M, multiplier)


def _weak(s: bytes, at: int, a: int, b: int) -> tuple[int, int]:
    """Two sums of 32 bytes and two seeds."""
    w, x, y, z = struct.unpack_from("<4Q", s, at)
    a = a + w & M
    b = _rotate(b + a + z & M, 21)
    c = a
    a = a + x + y & M
    return a + z & M, b + _rotate(a, 44) + c & M


def _longer(s: bytes) -> Any:
    n = len(s)
    x = 81 * K2 + _word(s, 0) & M
    y = 81 * K1 + 113 & M
    z = _shifted(y * K2 + 113 & M) * K2 & M
    v: tuple[int, int] = (0, 0)
    w: tuple[int, int] = (0, 0)
    last = (n - 1) // 64 * 64
    for at in range(0, last, 64):
        x = _rotate(x + y + v[0] + _word(s, at + 8) & M, 37) * K1 & M
        y = _rotate(y + v[1] + _word(s, at + 48) & M, 42) * K1 & M
        x ^= w[1]
        y = y + v[0] + _word(s, at + 40) & M
        z = _rotate(z + w[0] & M, 33) * K1 & M
        v = _weak(s, at, v[1] * K1 & M, x + w[0] & M)
        w = _weak(s, at + 32, z + w[1] & M, y + _word(s, at + 16) & M)
        z, x = x, z
    multiplier = K1 + ((z & 0xFF) << 1) & M
    at = n - 64
    w = (w[0] + ((n - 1) & 63) & M, w[1])
    v = (v[0] + w[0] & M, v[1])
    w = (w[0] + v[0] & M, w[1])
    x = _rotate(x + y + v[0] + _word(s, at + 8) & M, 37) * multiplier & M
    y = _rotate(y + v[1] + _word(s, at + 48) & M, 42) * multiplier & M
    x ^= w[1] * 9 & M
    y = y + v[0] * 9 + _word(s, at + 40) & M
    z = _rotate(z + w[0] & M, 33) * multiplier & M
    v = _weak(s, at, v[1] * multiplier & M, x + w[0] & M)
    w = _weak(s, at + 32, z + w[1] & M, y + _word(s, at + 16) & M)
    z, x = x, z
    return _pair(_pair(v[0], w[0], multiplier) + _shifted(y) * K0 + z & M, _pair(v[1], w[1], multiplier) + x & M, multiplier)


@lru_cache(REMEMBERED)
def fingerprint(s: bytes) -> int:
    """FarmHash's 64-bit fingerprint (`farmhashna::Hash64`).

    Example:
        >>> fingerprint(b"hello") % 10, fingerprint(b"") == K2
        (6, True)
    """
    return int(_recipe(s, len(s)))


def _recipe(s: Text, n: int) -> Any:
    return _up_to_16(s, n) if n <= 16 else _up_to_32(s, n) if n <= 32 else _up_to_64(s, n) if n <= 64 else _longer(s)


def fingerprints(strings: Sequence[bytes]) -> list[int]:
    """The fingerprints of many strings; those of one length together, if they are many.

    Example:
        >>> fingerprints([b"a", b"b"]) == [fingerprint(b"a"), fingerprint(b"b")]
        True
    """
    if len(strings) < MANY:
        return [fingerprint(s) for s in strings]
    lengths = np.array([len(s) for s in strings])
    result = np.zeros(len(strings), np.uint64)
    for n in np.unique(lengths).tolist():
        places = np.flatnonzero(lengths == n)
        chosen = [strings[i] for i in places.tolist()]
        if 0 < n <= 64 and len(chosen) >= MANY:
            result[places] = _recipe(np.frombuffer(b"".join(chosen), np.uint8).reshape(-1, n), n)
        else:
            result[places] = [fingerprint(s) for s in chosen]
    found: list[int] = result.tolist()
    return found


# --- SipHash-2-4 ---
def _round(a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]:
    a = a + b & M
    b = _rotate(b, 51) ^ a
    a = _rotate(a, 32)
    c = c + d & M
    d = _rotate(d, 48) ^ c
    a = a + d & M
    d = _rotate(d, 43) ^ a
    c = c + b & M
    b = _rotate(b, 47) ^ c
    return a, b, _rotate(c, 32), d


@lru_cache(REMEMBERED)
def siphash(s: bytes, key: tuple[int, int]) -> int:
    """SipHash-2-4 of `s` with a key of two 64-bit numbers."""
    k0, k1 = key[0] & M, key[1] & M
    state = (k0 ^ 0x736F6D6570736575, k1 ^ 0x646F72616E646F6D, k0 ^ 0x6C7967656E657261, k1 ^ 0x7465646279746573)
    padded = s + bytes(7 - len(s) % 8) + bytes([len(s) & 0xFF])
    for (word,) in struct.iter_unpack("<Q", padded):
        a, b, c, d = state
        a, b, c, d = _round(*_round(a, b, c, d ^ word))
        state = (a ^ word, b, c, d)
    a, b, c, d = state
    state = (a, b, c ^ 0xFF, d)
    for _ in range(4):
        state = _round(*state)
    return int(state[0] ^ state[1] ^ state[2] ^ state[3])


def combined(first: int, second: int) -> int:
    """One fingerprint of two, whose order matters (TensorFlow's `FingerprintCat64`)."""
    multiplier = 0xC6A4A7935BD1E995
    result = (first ^ multiplier) & M
    result ^= _shifted((second & M) * multiplier & M) * multiplier & M
    result = _shifted(result * multiplier & M) * multiplier & M
    return int(_shifted(result))
