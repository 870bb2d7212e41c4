"""The files of `golden/polyglot` were pickled by Python 2.7.18 and numpy 1.16.6."""

import gzip
import pickle
import random
import re
import struct
import sys
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from kakehashi.data.vectors import Vectors, read_vectors
from kakehashi.errors import CorpusError

WORDS = ["<UNK>", "the", "Straße", "東京"]
MATRIX = np.arange(-6, 6, dtype=np.float32).reshape(4, 3) / 8
N_MUTATIONS = 2_000
FOLDER = Path(__file__).parents[2] / "golden" / "polyglot"
GOOD = {
    **{path.stem: path.read_bytes() for path in sorted(FOLDER.glob("*-[12].pkl"))},
    **{f"python3-{n}": pickle.dumps((WORDS, MATRIX), protocol=n) for n in range(1, 5)},
    "big-endian": pickle.dumps((tuple(WORDS), MATRIX.astype(">f4")), protocol=2),
    "by-column": pickle.dumps((WORDS, np.asfortranarray(MATRIX)), protocol=2),
    "gzip": gzip.compress(pickle.dumps((WORDS, MATRIX), protocol=2)),
}
PYTHON2 = GOOD["bytes-2"]


@pytest.fixture
def read(tmp_path):
    def read(data: bytes, **options) -> Vectors:
        path = tmp_path / "polyglot.pkl"
        path.write_bytes(data)
        return read_vectors(path, "polyglot", **options)

    return read


@pytest.mark.parametrize("name", GOOD)
def test_good_files(read, name):
    vectors = read(GOOD[name])
    assert list(vectors.rows) == [word.lower() for word in WORDS]
    assert vectors.matrix.dtype == np.float32
    np.testing.assert_array_equal(vectors.matrix, MATRIX)


def test_all_binary_ways_in_which_python_2_pickled_are_among_the_good():
    ways = {f"{words}-{protocol}" for words in ("bytes", "unicode", "f8") for protocol in (1, 2)}
    assert ways <= GOOD.keys()


def test_only_wanted_words_are_kept(read):
    vectors = read(PYTHON2, wanted=["the", "straße", "東京", "missing"], first=0)
    assert dict(vectors.rows) == {"the": 0, "straße": 1, "東京": 2}
    assert vectors.lowered == {"straße"}
    np.testing.assert_array_equal(vectors.matrix, MATRIX[1:])
    assert read(PYTHON2, first=0).matrix.shape == (0, 3)


class Evil:
    def __init__(self, function: object, *arguments: object) -> None:
        self.how = (function, arguments)

    def __reduce__(self):
        return self.how


TEXT = b"X" + struct.pack("<I", 100_000) + b"x" * 100_000
ENCODINGS = (b"c_codecs\nencode\nq\x00" + TEXT + b"X\x06\x00\x00\x00latin1\x86q\x01R") + (
    b"h\x00h\x01R" * 10_000 + b"."
)
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
ATTACKS = {
    **{
        f"eval-{n}": pickle.dumps((WORDS, Evil(eval, "print('run')")), protocol=n) for n in range(6)
    },
    "system": b"cos\nsystem\n(S'touch run'\ntR.",
    "inst": b"(S'touch run'\nios\nsystem\n.",
    "obj": b"(cos\nsystem\nS'touch run'\no.",
    "newobj": b"\x80\x02cnumpy\nndarray\nK\x05\x85\x81.",
    "stack_global": b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x09touch run\x85R.",
    "module-of-ours": b"ckakehashi.files\nwrite_atomically\n.",
    "attribute": b"\x80\x04\x8c\x05numpy\x8c\x12dtype.__subclasses\x93.",
    "extension": b"\x80\x02\x82\x01.",
    "persistent": b"Prun\n.",
    "dict": b"}.",
    "object-array": b"cnumpy\ndtype\n(U\x02O8K\x00K\x01tR.",
    "buffer": b"\x80\x05\x97.",
    "escape": b"cos\\q\nsystem\n.",
}


class _Audit:
    """What Python audits while ``events`` is a list; a hook can never be taken out again."""

    events: list[str] | None = None

    def __call__(self, event: str, _: tuple[object, ...]) -> None:
        if self.events is not None:
            self.events.append(event)


@pytest.fixture(scope="module")
def audit() -> _Audit:
    audit = _Audit()
    sys.addaudithook(audit)
    return audit


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.parametrize("name", [*ATTACKS, "bytes-2"])
def test_nothing_is_run(read, audit, tmp_path, name):
    for data in GOOD.values():
        read(data)  # Whatever Python loads once, such as codecs, is loaded now.
    path = tmp_path / "polyglot.pkl"
    path.write_bytes((ATTACKS | GOOD)[name])
    audit.events = []
    try:
        read_vectors(path, "polyglot")
    except CorpusError as error:
        refused = str(error)
    else:
        refused = ""
    finally:
        events, audit.events = audit.events, None
    assert events == ["open"]
    assert ("expected word vectors" in refused) == (name in ATTACKS)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "exhausted before seeing STOP"),
        (b"\xff", "opcode b'\\xff' unknown"),
        (b"}.", "opcode EMPTY_DICT is refused"),
        (PYTHON2[:-1], "exhausted before seeing STOP"),
        (PYTHON2[:99], "expected"),
        (b".", "it is no pair of words and an array"),
        (b"t.", "it takes what it never stored"),
        (b"h\x07.", "it takes what it never stored"),
        (b"Na.", "it takes what it never stored"),
        (b"NNa.", "opcode APPEND does not get what it needs"),
        (b"NNb.", "opcode BUILD does not get what it needs"),
        (b"\x80\x04NN\x93.", "opcode STACK_GLOBAL does not get what it needs"),
        (b"cos\nsystem\n.", "'os.system' is refused, word vectors do not need it"),
        (b"NNR.", "opcode REDUCE does not get what it needs"),
        (ENCODINGS, "it makes more than 64"),
        (b")" * 65 + b".", "it makes more than 64 lists, tuples and calls"),
        (b"K\x01.", "it is no pair of words and an array"),
        (b"(](" + ARRAY[:-1] + b"tt.", "it is no pair of words and an array"),
        (b"(]" + ARRAY + b"t.", "its array is not one of two dimensions"),
        (pickle.dumps((WORDS[:3], MATRIX), 2), "it has 3 words but 4 rows"),
        (PYTHON2.replace(b"<UNK>", b"<UN\xff>"), "word 1 is not UTF-8"),
        (pickle.dumps((["\ud800"], MATRIX[:1]), 2), "word 1 is not UTF-8"),
        (pickle.dumps(([1], MATRIX[:1]), 2), "word 1 is no text"),
        (pickle.dumps((WORDS, MATRIX.astype(np.int32)), 2), "numbers of f4 or f8"),
        (pickle.dumps((WORDS, MATRIX[:, 0]), 2), "its array is not one of two dimensions"),
        (pickle.dumps((WORDS, np.full((4, 3), np.inf)), 2), "'<unk>' has numbers that 32 bits"),
        (pickle.dumps((WORDS, MATRIX.astype("f8") * 1e300), 2), "that 32 bits cannot hold"),
        (PYTHON2.replace(b"K\x04K\x03", b"K\x04K\xff"), "its array is not 4 x 255 numbers of f4"),
        (PYTHON2.replace(b"K\x04K\x03", b"K\x00K\x03"), "its array is not 0 x 3 numbers"),
    ],
)
def test_a_bad_file_is_refused(read, data, problem):
    with pytest.raises(CorpusError, match=re.escape(problem)) as caught:
        read(data)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("word", ["x" * (1 << 20), b"x" * (1 << 20)], ids=["str", "bytes"])
def test_a_long_word_cannot_be_recalled_again_and_again(read, word):
    # Read each time anew, this would be half a terabyte of text.
    n = 1 << 19
    data = pickle.dumps(([word] * n, np.zeros((n, 1), np.float32)), protocol=3)
    assert len(data) < 6 << 20
    with pytest.raises(CorpusError, match="its words hold more text than the file"):
        read(data)


def peak(read, data: bytes) -> int:
    """Measure the most memory that reading takes; a refusal is as good as a success."""
    tracemalloc.reset_peak()
    before = tracemalloc.get_traced_memory()[0]
    try:
        vectors = read(data)
    except CorpusError:
        pass
    else:
        assert vectors.matrix.shape == (len(vectors.rows), vectors.width)
        assert np.isfinite(vectors.matrix).all()
    return tracemalloc.get_traced_memory()[1] - before


@pytest.fixture
def tracing() -> Iterator[None]:
    tracemalloc.start()
    yield
    tracemalloc.stop()


BALLOONS = {
    "lists": b"]" * 100_000 + b".",
    "tuples": b")" + b"q\x00\x85" * 100_000 + b".",
    "doubling": b")q\x00" + b"h\x00h\x00\x86q\x00" * 60 + b".",
    "encodings": ENCODINGS,
    "promised-bytes": b"T\xff\xff\xff\x7fabc",
    "promised-text": b"\x8d\xff\xff\xff\xff\xff\xff\xff\x7fabc",
    "promised-number": b"\x8b\xff\xff\xff\x7fabc",
    "uninitialised": b"(]" + ARRAY.replace(b"K\x00", b"J\xff\xff\xff\x7f") + b"t.",
    "nested-marks": b"(" * 100_000 + b"t" * 100_000 + b".",
}


@pytest.mark.usefixtures("tracing")
@pytest.mark.parametrize("name", BALLOONS)
def test_memory_is_bounded_by_the_file(read, name):
    assert peak(read, BALLOONS[name]) < (1 << 20) + 20 * len(BALLOONS[name])


def mutations(n: int, seed: int = 0) -> Iterator[bytes]:
    """Yield damaged copies of the good files: bytes changed, taken out, moved; ends cut off."""
    chance = random.Random(seed)
    sources = list(GOOD.values())
    for _ in range(n):
        data = bytearray(chance.choice(sources))
        for _ in range(chance.randint(1, 4)):
            at, to = chance.randrange(len(data)), chance.randrange(len(data))
            kind = chance.randrange(8)
            if kind < 4:
                data[at] = chance.randrange(256)
            elif kind == 4:
                del data[at : at + chance.randint(1, 8)]
            elif kind == 5:
                data[at:at] = data[to : to + chance.randint(1, 32)]
            elif kind == 6:
                data[at] ^= 1 << chance.randrange(8)
            else:
                del data[max(at, 1) :]
            data = data or bytearray(b".")
        yield bytes(data)


@pytest.mark.filterwarnings("ignore:invalid escape sequence")
@pytest.mark.usefixtures("tracing")
def test_mutations_are_read_or_refused_in_little_memory(read):
    for data in mutations(N_MUTATIONS):
        assert peak(read, data) < 1 << 20
