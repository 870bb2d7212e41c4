"""The package's face: every name it lists is there, and looking costs nothing."""

import pytest

import kakehashi


def test_every_public_name_is_there_and_in_order():
    names = [name for name in kakehashi.__all__ if name != "__version__"]
    assert names == sorted(names)
    for name in names:
        assert getattr(kakehashi, name) is not None
    assert set(names) <= set(dir(kakehashi))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        kakehashi.nothing  # noqa: B018
