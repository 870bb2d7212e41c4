"""What is written of annotated sentences."""

import pyarrow.parquet as pq

from kakehashi.runtime.blocks import write_parquet
from kakehashi.sentence import Mention, Sentence, Token


def test_parquet_holds_all_of_a_sentence(tmp_path):
    token = Token("東京", 0, 2, "トウキョウ", "名詞")
    mention = Mention(0, 2, "LOC", "東京", 0.1)
    sentences = [Sentence("東京", (mention,), (token,), "x", "g"), Sentence("", (), (), "y")]
    write_parquet(tmp_path / "a.parquet", sentences)
    first, second = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert first == {
        "id": "x",
        "text": "東京",
        "mentions": [mention._asdict()],
        "tokens": [token._asdict()],
        "group": "g",
    }
    assert second == {"id": "y", "text": "", "mentions": [], "tokens": [], "group": ""}


def test_no_sentences_are_a_table_too(tmp_path):
    write_parquet(tmp_path / "a.parquet", [])
    table = pq.read_table(tmp_path / "a.parquet")
    assert table.num_rows == 0
    assert table.column_names == ["id", "text", "mentions", "tokens", "group"]
