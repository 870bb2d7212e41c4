import pytest

from kakehashi.baselines.crfsuite import shape, token_features


def features_of(forms):
    return [[feature.decode() for feature in token] for token in token_features(forms)]


def test_all_features_of_a_token_in_its_sentence():
    assert features_of(["Ôsaka", "へ", "42"])[1] == [
        *("-2:edge", "-1:w=Ôsaka", "-1:s=Xx", "+0:w=へ", "+0:s=h", "+0:l=へ", "+0:p=へ", "+0:e=へ"),
        *("+0:c=へ", "+1:w=42", "+1:s=d", "+2:edge", "-1:w=Ôsaka へ", "-1:s=Xx h", "+0:w=へ 42"),
        "+0:s=h d",
    ]


def test_affixes_have_up_to_four_characters_and_pieces_come_once():
    (token,) = features_of(["Banana"])
    assert [feature for feature in token if feature[:5] in ("+0:l=", "+0:p=", "+0:e=")] == [
        "+0:l=banana",
        *("+0:p=b", "+0:p=ba", "+0:p=ban", "+0:p=bana"),
        *("+0:e=a", "+0:e=na", "+0:e=ana", "+0:e=nana"),
    ]
    pieces = [feature.removeprefix("+0:c=") for feature in token if feature.startswith("+0:c=")]
    assert pieces == ["b", "a", "n", "ba", "an", "na"]


def test_neighbours_are_seen_up_to_two_tokens_away():
    first, *_, last = features_of(list("abcd"))
    assert {"-2:edge", "-1:edge", "+1:w=b", "+2:w=c"} < set(first)
    assert not any("w=d" in feature for feature in first)
    assert {"-2:w=b", "-1:w=c", "+1:edge", "+2:edge"} < set(last)
    assert features_of([]) == []


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        *(("東京タワー", "ck"), ("ｶﾞｷﾞ", "k"), ("佐々木さん", "ch"), ("iPhone15", "xXxd")),
        *(("１２，３４５円", "d，dc"), ("...", "."), ("日曜日の\n\n午後", "ch\nc")),
    ],
)
def test_shapes(form, expected):
    assert shape(form) == expected
