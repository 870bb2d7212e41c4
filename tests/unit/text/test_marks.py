import pytest

from kakehashi.sentence import Token
from kakehashi.text.readings import read_in_context


def tokens(*forms):
    """Make tokens of form=reading; a blank parts two of them."""
    position = 0
    for form in forms:
        text, _, reading = form.partition("=")
        if text != " ":
            yield Token(text, position, position + len(text), reading)
        position += len(text)


@pytest.mark.parametrize(
    ("forms", "reading"),
    [
        (["ご=ゴ", "ー"], "オ"),
        (["そっ=ソッ", "ーー"], "オオ"),
        (["げー=ゲー", "ー", "ー"], "エ"),
        (["見よ=ミヨ", "ーぜ"], "オゼ"),
        (["す", "ーx=?"], "?"),  # The dictionary reads it as it likes.
        (["東京=トウキョウ", "ー"], ""),  # A dash.
        (["ン", "ー"], ""),
        (["た", "ゝ=ノ"], "タ"),
        (["た", "ゝ", "ゝ"], "タ"),
        (["か=カ", "ゞ"], "ガ"),
        (["が=ガ", "ゝ"], "カ"),
        (["バ", "ナ", "ヽ"], "ナ"),
        (["た", "ヾ"], ""),  # An arm.
        (["いろ=イロ", "〱"], "イロ"),
        (["ところ=トコロ", "〲"], "ドコロ"),
        (["人=ヒト", "々"], "ヒト"),
        (["方角=ホウガク", "々々"], "ホウガク"),
        (["方角=ホウガク", "々"], ""),  # Which part is 角?
        (["人", "々"], ""),
        (["ご=ゴ", " ", "ー"], ""),
        (["ー"], ""),
        (["", "ー"], ""),
    ],
)
def test_a_mark_takes_the_sound_of_the_token_before_it(forms, reading):
    found = list(tokens(*forms))
    read_in_context(found)
    assert found[-1].reading == reading
