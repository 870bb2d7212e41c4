"""Texts that are nearly the same, by MinHash (Broder 1997): with flat memory, and the same always.

Two texts are near duplicates if their sets of three characters in a row overlap to four fifths
(Jaccard), as 64 smallest hashes estimate it, to about a twentieth.
"""

from __future__ import annotations

import hashlib
import unicodedata
import zlib

import numpy as np
import numpy.typing as npt

Signature = npt.NDArray[np.uint32]

_SHINGLE = 3  # characters
_HASHES = 64
_ALIKE = 0.8
_random = np.random.default_rng(0)
_FACTORS, _TERMS = _random.integers(1, 1 << 63, (2, _HASHES, 1), np.uint64)


def text_key(text: str, seed: int = 0) -> int:
    """Hash a text, the same for texts that differ in blanks, width or case alone.

    Example:
        >>> text_key("Ａ b") == text_key("ab"), text_key("ab") == text_key("ac")
        (True, False)
    """
    digest = hashlib.blake2b(f"{seed} {_plain(text)}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def signature(text: str) -> Signature:
    """Compute the smallest hashes of the shingles of a text (64,)."""
    plain = _plain(text)
    starts = range(max(1, len(plain) - _SHINGLE + 1))
    shingles = {zlib.crc32(plain[start : start + _SHINGLE].encode()) for start in starts}
    hashes = np.array(sorted(shingles), np.uint64) * _FACTORS + _TERMS
    smallest: Signature = (hashes >> np.uint64(32)).min(axis=1).astype(np.uint32)
    return smallest


def are_alike(own: Signature, others: npt.NDArray[np.uint32]) -> npt.NDArray[np.bool_]:
    """Whether each of other texts (texts, 64) is a near duplicate."""
    alike: npt.NDArray[np.bool_] = (others == own).mean(axis=1) >= _ALIKE
    return alike
