import numpy as np
import pytest

from kakehashi.data.cache import Arrays, write_arrays
from kakehashi.errors import CorpusError

ARRAYS = {
    "ids": np.array([3, 1, 2], dtype=np.int32),
    "none": np.zeros(0, dtype=np.int64),
    "halves": np.array([0.5, 1.5], dtype=np.float32),
    "forms": ["東京", "", "Oslo"],
}


@pytest.fixture
def path(tmp_path):
    write_arrays(tmp_path / "a.arrow", ARRAYS, "this")
    return tmp_path / "a.arrow"


def test_arrays_come_back_as_they_were(path):
    file = Arrays(path, "this")
    for name in ("ids", "none", "halves"):
        assert file.numbers(name).dtype == ARRAYS[name].dtype
        assert file.numbers(name).tolist() == ARRAYS[name].tolist()
    assert file.strings("forms") == ARRAYS["forms"]
    assert "ids" in file
    assert "words" not in file
    assert [each.name for each in path.parent.iterdir()] == ["a.arrow"]


def test_numbers_are_views_that_cannot_be_written_to(path):
    first, second = (Arrays(path, "this").numbers("ids") for _ in range(2))
    assert not first.flags.owndata
    assert not first.flags.writeable
    assert first.tolist() == second.tolist()


@pytest.mark.parametrize("kept", [0, 7, 100, -1])
def test_a_truncated_file_is_refused(path, kept):
    path.write_bytes(path.read_bytes()[:kept])
    with pytest.raises(
        CorpusError, match="truncated or no Arrow file; remove the folder"
    ) as caught:
        Arrays(path, "this")
    assert "\n" not in str(caught.value)


def test_what_is_missing_or_foreign_is_refused(path):
    with pytest.raises(CorpusError, match="was not made of these corpora and settings"):
        Arrays(path, "that")
    with pytest.raises(CorpusError, match="is missing"):
        Arrays(path.with_name("b.arrow"), "this")
