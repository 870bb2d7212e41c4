"""Damaged and hostile model folders, made from a tiny model, for `benchmarks.attacks.models`.

With claims that the weights do not bear out, JSON and headers of every wrong kind, numbers that are
none, flipped bits; the manifest vouches for all but half of the bit flips.
"""

from __future__ import annotations

import hashlib
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from kakehashi.config.architecture import ModelSettings
from kakehashi.config.segmenting import TextSettings
from kakehashi.data.vocabulary import Vocabulary
from kakehashi.model.folder import Model, save_model
from kakehashi.model.tagger import Tagger
from kakehashi.runtime.checked_folder import MANIFEST
from kakehashi.tags import Tagset

_WEIGHTS = "weights.safetensors"

Attack = Callable[[Path, random.Random], object]


def write_model(folder: Path) -> None:
    """Write a tiny model that can be attacked."""
    torch.manual_seed(0)
    settings = ModelSettings(word_width=6, word_lstm_width=8, char_width=4, char_lstm_width=3)
    words, ngrams = Vocabulary(["Ada", "Oslo", "in"]), Vocabulary(["Ad", "da", "Os"])
    tagger = Tagger(settings, words, ngrams, Tagset(("LOC", "PER")))
    save_model(folder, Model("small", tagger, TextSettings()))


def seal(folder: Path) -> None:
    """Write a manifest that vouches for whatever the files hold."""
    paths = sorted(path for path in folder.iterdir() if path.name != MANIFEST)
    lines = (f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in paths)
    (folder / MANIFEST).write_text("".join(lines))


def _describe(folder: Path, key: str, value: object) -> None:
    """Change a key of the description, or, with a dot, of the architecture or text settings."""
    description = json.loads((folder / "model.json").read_text())
    place, _, name = key.rpartition(".")
    target = description[place] if place else description
    if value is _GONE:
        del target[name]
    else:
        target[name] = value
    (folder / "model.json").write_text(json.dumps(description))


_GONE = object()
_KEYS = (
    "format_version", "kakehashi", "name", "types", "n_seen_words", "n_seen_ngrams", "model",
    "text", "model.word_width", "model.word_lstm_width", "model.char_width",
    "model.char_lstm_width", "model.ngram", "model.dropout", "model.decoder", "model.scheme",
    "model.word_view", "model.lstm", "text.segmenter", "text.cut_scripts",
)  # fmt: skip
_SIZES = ("word_width", "word_lstm_width", "char_width", "char_lstm_width", "ngram")
_NUMBERS = (10**4, 10**6, 2**31, 2**63, 10**18, 10**30, -1, 0, 1.5, "8", True, None)


def _size(folder: Path, draw: random.Random) -> None:
    _describe(folder, f"model.{draw.choice(_SIZES)}", draw.choice(_NUMBERS))


def _wrong_type(folder: Path, draw: random.Random) -> None:
    values: tuple[object, ...] = (
        None,
        [],
        {},
        "x" * 5000,
        -1,
        1e308,
        float("nan"),
        [[]],
        {"a": {}},
        "crf",
        True,
    )
    _describe(folder, draw.choice(_KEYS), draw.choice(values))


def _missing_key(folder: Path, draw: random.Random) -> None:
    _describe(folder, draw.choice(_KEYS), _GONE)


def _types(folder: Path, draw: random.Random) -> None:
    n_types = draw.choice((0, 1, 3, 5000, 40_000))
    odd = draw.choice((["A B", "C"], ["", "A"], ["LOC", "LOC"], ["\ud800", "A"], ["B-LOC", "O"]))
    _describe(folder, "types", draw.choice((odd, [f"T{number}" for number in range(n_types)])))
    if draw.random() < 0.5:
        _describe(folder, "model.decoder", "crf")


def _vocabulary(folder: Path, draw: random.Random) -> None:
    contents: tuple[Callable[[], str], ...] = (
        lambda: json.dumps(["a"] * draw.choice((2, 4, 10**6))),
        lambda: json.dumps([str(number) for number in range(10 ** draw.randrange(1, 7))]),
        lambda: json.dumps(["x" * 10**7, "y", "z"]),
        lambda: json.dumps([1, 2, 3]),
        lambda: json.dumps(["a", "a", "b"]),
        lambda: json.dumps([["a"], ["b"], ["c"]]),
        lambda: json.dumps({"a": 1, "b": 2, "c": 3}),
        lambda: '["\\ud800", "b", "c"]',
        lambda: '["a", "b", "c"',
        lambda: "",
    )
    (folder / draw.choice(("words.json", "ngrams.json"))).write_text(draw.choice(contents)())


def _deep(folder: Path, draw: random.Random) -> None:
    name = draw.choice(("words.json", "ngrams.json", "model.json"))
    depth = 10 ** draw.randrange(2, 7)
    (folder / name).write_text(
        draw.choice(("[" * depth, '{"a":' * depth, "[" * depth + "]" * depth))
    )


def _numbers(folder: Path, draw: random.Random) -> None:
    weights = load_file(folder / _WEIGHTS)
    chosen: torch.Tensor = weights[draw.choice(sorted(weights))]
    chosen.view(-1)[draw.randrange(chosen.numel())] = draw.choice(
        (float("nan"), float("inf"), 1e38)
    )
    save_file(weights, folder / _WEIGHTS)


def _tensors(folder: Path, draw: random.Random) -> None:
    weights = load_file(folder / _WEIGHTS)
    name = draw.choice(sorted(weights))
    value = weights[name]
    kinds = (torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.bool, torch.uint8)
    changed: tuple[Callable[[], torch.Tensor], ...] = (
        lambda: value.to(draw.choice(kinds)),
        lambda: value[:-1].contiguous(),
        lambda: torch.cat([value, value]),
        lambda: value.reshape(1, *value.shape),
        lambda: value.flatten()[:0],
        lambda: torch.zeros(()),
        lambda: torch.zeros(1 << 24),
    )
    weights[draw.choice((name, name, "more"))] = draw.choice(changed)().clone()
    if draw.random() < 0.2:
        del weights[name]
    save_file(weights, folder / _WEIGHTS)


def _header(folder: Path, draw: random.Random) -> None:
    """Change the header of the weights, and leave the numbers as they are."""
    content = (folder / _WEIGHTS).read_bytes()
    size = int.from_bytes(content[:8], "little")
    header: dict[str, Any] = json.loads(content[8 : 8 + size])
    entry = header[draw.choice(sorted(header))]
    huge = draw.choice((10**6, 2**31, 2**62, 10**30))
    changes: tuple[Callable[[], object], ...] = (
        lambda: entry.update(shape=[huge, huge]),
        lambda: entry.update(shape=[10**7, *entry["shape"][1:]]),
        lambda: entry.update(shape=[-1, 8]),
        lambda: entry.update(shape="8"),
        lambda: entry.update(shape=[8.0, None]),
        lambda: entry.update(dtype=draw.choice(("F64", "Q4", "", None, ["F32"], {"a": 1}))),
        lambda: entry.update(data_offsets=[0, huge]),
        lambda: entry.update(data_offsets=[huge, 0]),
        lambda: entry.clear(),
        lambda: header.update(__metadata__={"format": "x" * 10**5}),
        lambda: header.update(__metadata__=3),
        lambda: header.update({f"t{number}": entry for number in range(10**4)}),
    )
    draw.choice(changes)()
    new = draw.choice((json.dumps(header).encode(),) * 4 + (b"[" * 10**5, b"null", b"\xff" * 9))
    length = draw.choice((len(new),) * 4 + (2**63, 0, 10**9)).to_bytes(8, "little")
    (folder / _WEIGHTS).write_bytes(length + new + content[8 + size :])


def _manifest(folder: Path, draw: random.Random) -> None:
    """Let the manifest name other files; this is the last word on it."""
    digest = "0" * 64
    names = ("../../etc/passwd", "/dev/zero", "words.json\0", "x" * 10**6, "words.json")
    line = f"{digest}  {draw.choice(names)}\n"
    content = draw.choice((line, (folder / MANIFEST).read_text() + line, line * 100, ""))
    (folder / MANIFEST).write_text(content)


def _files(folder: Path, draw: random.Random) -> None:
    """Let a file be none."""
    path = folder / draw.choice(("model.json", "words.json", "ngrams.json", _WEIGHTS, MANIFEST))
    path.unlink()
    kind = draw.randrange(4)
    if kind == 0:
        path.mkdir()
    elif kind == 1:
        path.symlink_to(path)
    elif kind == 2:
        path.symlink_to("/dev/zero")


def _flip(folder: Path, draw: random.Random) -> None:
    path = folder / draw.choice(("model.json", "words.json", "ngrams.json", _WEIGHTS))
    content = bytearray(path.read_bytes())
    for _ in range(draw.randrange(1, 4)):
        content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


_SEALED: dict[str, Attack] = {
    "sizes": _size,
    "wrong types": _wrong_type,
    "missing keys": _missing_key,
    "entity types": _types,
    "vocabularies": _vocabulary,
    "deep JSON": _deep,
    "no numbers": _numbers,
    "other tensors": _tensors,
    "headers": _header,
    "sealed bit flips": _flip,
}
_UNSEALED: dict[str, Attack] = {"bit flips": _flip, "manifests": _manifest, "no files": _files}
ATTACKS = (*_SEALED, *_UNSEALED)


def make_hostile(model: Path, folder: Path, attack: str, draw: random.Random) -> None:
    """Copy a model, attacked."""
    shutil.copytree(model, folder)
    if attack in _SEALED:
        _SEALED[attack](folder, draw)
        seal(folder)
    else:
        _UNSEALED[attack](folder, draw)
