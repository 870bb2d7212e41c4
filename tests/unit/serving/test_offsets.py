"""Code points and UTF-16 units."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kakehashi.serving.offsets import from_utf16, to_unit


@given(st.text())
def test_offsets_are_those_of_utf16_and_come_back(text):
    convert = to_unit(text, "utf16")
    for offset in range(len(text) + 1):
        unit = convert(offset)
        assert unit == len(text[:offset].encode("utf-16-le")) // 2
        assert from_utf16(text, unit) == offset
        assert to_unit(text, "codepoint")(offset) == offset


@pytest.mark.parametrize("offset", [-1, 2, 5])
def test_an_offset_inside_a_character_or_outside_the_text_is_refused(offset):
    with pytest.raises(ValueError, match=f"offset {offset}"):
        from_utf16("a😀b", offset)
