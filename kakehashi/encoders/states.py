"""States of sentences in a folder, computed once and shared by all runs that train on them.

::

    CACHE/states-FINGERPRINT/   the same for all runs with the same encoder, layers and precision
      width                     numbers per row
      rows                      float16, a row per token
      index                     per sentence: hash of its tokens, first row, number of rows

Both files only grow. A sentence is known once it stands in the index, which is written after its
rows: what a kill has left of rows without an entry is overwritten.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Sequence
from functools import partial
from hashlib import blake2b, sha256
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from kakehashi.config.settings import EncoderSettings
from kakehashi.data.batches import Ids, ranges
from kakehashi.encoders.encoder import Encoder
from kakehashi.encoders.locate import encoder_fingerprint
from kakehashi.errors import CorpusError
from kakehashi.files import lock, write_atomically
from kakehashi.progress import Progress

_FORMAT = 1  # raised when the files change, or how a token gets its state
_ENTRY = np.dtype([("hash", "<u8", 2), ("row", "<i8"), ("size", "<i8")])
_AT_ONCE = 512  # sentences that a kill may cost

_Hash = tuple[int, int]


class StateStore:
    """States of an encoder, read from a folder of the cache, computed where it lacks them.

    The encoder is loaded only if it is needed. `CorpusError` if a file is damaged.

    Args:
        cache: Gets a folder for this encoder; None for one that is removed with this object.
        settings: See `Encoder`, which raises what is raised here.
        device: Where the encoder computes.
    """

    def __init__(
        self,
        cache: Path | None,
        settings: EncoderSettings,
        device: torch.device,
        progress: Progress | None = None,
    ) -> None:
        self.fingerprint = encoder_fingerprint(settings.name)
        facts = (_FORMAT, self.fingerprint, settings.layers, settings.precision)
        if cache is None:
            cache = Path(tempfile.mkdtemp(prefix="kakehashi-"))
            weakref.finalize(self, shutil.rmtree, cache, ignore_errors=True)
        self._folder = cache / f"states-{sha256(json.dumps(facts).encode()).hexdigest()[:16]}"
        self._folder.mkdir(parents=True, exist_ok=True)
        self._rows, self._entries = self._folder / "rows", self._folder / "index"
        self._load = partial(Encoder, settings, device)
        self._encoder: Encoder | None = None
        self._progress = progress or Progress()
        self._index: dict[_Hash, tuple[int, int]] = {}
        width = self._folder / "width"
        if not width.exists():
            write_atomically(width, str(self._get_encoder().width))
        self.width = int(width.read_text(encoding="ascii"))
        self._read_index()

    def rows_of(self, sentences: Sequence[Sequence[str]]) -> Ids:
        """Return the row in `states` of every token, sentence after sentence (tokens,).

        States that are not there are computed, and written as they come.
        """
        hashes = [_hash(sentence) for sentence in sentences]
        if any(each not in self._index for each in hashes):
            wanted = dict(zip(hashes, sentences, strict=True))
            waiting = partial(self._progress.say, "waiting for another process to encode sentences")
            with lock(self._folder.with_name(f"{self._folder.name}.lock"), waiting=waiting):
                self._read_index()  # which has what the other has added
                missing = [key for key in wanted if key not in self._index]
                missing.sort(key=lambda key: len(wanted[key]))
                parts = [missing[at : at + _AT_ONCE] for at in range(0, len(missing), _AT_ONCE)]
                for part in self._progress.track(parts, "encoding sentences", len(parts)):
                    self._add(part, [wanted[key] for key in part])
        places = np.array([self._index[each] for each in hashes], dtype=np.int64).reshape(-1, 2)
        return ranges(places[:, 0], places[:, 1])

    def encode(self, sentences: Sequence[Sequence[str]]) -> npt.NDArray[np.float16]:
        """Return the states of all tokens, as `Encoder.encode` does."""
        rows = self.rows_of(sentences)
        return self.states[rows]  # in this order: rows may be new

    @property
    def states(self) -> npt.NDArray[np.float16]:
        """All rows that there are now (rows, width), mapped into memory."""
        n_rows = self._rows.stat().st_size // (2 * self.width) if self._rows.exists() else 0
        if not n_rows:
            return np.zeros((0, self.width), np.float16)
        return np.memmap(self._rows, np.float16, "r", shape=(n_rows, self.width)).view(np.ndarray)

    def _get_encoder(self) -> Encoder:
        if self._encoder is None:
            self._encoder = self._load()
        return self._encoder

    def _read_index(self) -> None:
        entries = np.zeros(0, _ENTRY)
        if self._entries.exists():
            content = self._entries.read_bytes()
            entries = np.frombuffer(content, _ENTRY, len(content) // _ENTRY.itemsize)
        places = np.stack([entries["row"], entries["row"] + entries["size"]])
        if places.size and (places.min() < 0 or places.max() > len(self.states)):
            problem = f"is damaged: the index names rows beyond the {len(self.states):,} there are"
            raise CorpusError(self._folder, f"{problem}; remove the folder to encode again")
        keys = map(tuple, entries["hash"].tolist())
        columns = entries["row"].tolist(), entries["size"].tolist()
        self._index = dict(zip(keys, zip(*columns, strict=True), strict=True))

    def _add(self, keys: Sequence[_Hash], sentences: Sequence[Sequence[str]]) -> None:
        states = self._get_encoder().encode(sentences)
        sizes = np.array([len(sentence) for sentence in sentences], dtype=np.int64)
        end = max(map(sum, self._index.values()), default=0)
        entries = np.zeros(len(keys), _ENTRY)
        entries["hash"], entries["size"] = keys, sizes
        entries["row"] = end + np.cumsum(sizes) - sizes
        _write_at(self._rows, end * 2 * self.width, states.tobytes())
        _write_at(self._entries, len(self._index) * _ENTRY.itemsize, entries.tobytes())
        columns = entries["row"].tolist(), entries["size"].tolist()
        self._index |= zip(keys, zip(*columns, strict=True), strict=True)


def _write_at(path: Path, place: int, content: bytes) -> None:
    """Write bytes at a place of a file, on which they are when this returns."""
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b") as file:
        file.seek(place)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def _hash(sentence: Sequence[str]) -> _Hash:
    digest = blake2b(json.dumps(sentence).encode(), digest_size=16).digest()
    return int.from_bytes(digest[:8]), int.from_bytes(digest[8:])
