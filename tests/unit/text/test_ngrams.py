import pytest

from kakehashi.text.views import ngrams


@pytest.mark.parametrize(
    ("form", "n", "expected"),
    [
        ("Yes", 2, ["Ye", "es"]),
        ("Yes", 1, ["Y", "e", "s"]),
        ("Yes", 3, ["Yes"]),
        ("Yes", 4, ["Yes"]),
        ("東", 2, ["東"]),
        ("", 2, []),
    ],
)
def test_ngrams(form, n, expected):
    assert ngrams(form, n) == expected


@pytest.mark.parametrize("n", [0, -1])
def test_n_below_one(n):
    with pytest.raises(ValueError, match=f"at least 1, got {n}"):
        ngrams("Yes", n)
