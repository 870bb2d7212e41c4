import pytest

from kakehashi.config.sources import (
    AssistantSource,
    ColumnsSource,
    InlineSource,
    JsonlSource,
    KnpSource,
)
from kakehashi.corpora.formats import read_source
from kakehashi.corpora.jsonl import lines
from kakehashi.corpora.stats import LostMention
from kakehashi.corpora.writing import Written, write_corpus
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.sentence import Mention, Sentence, Token

INSIDE = Mention(0, 1, "OPTIONAL", "英")
WHOLE = Mention(2, 4, "DATE", "今日")
ENGLISH_TODAY = Sentence(
    "英語今日", (INSIDE, WHOLE), (Token("英語", 0, 2), Token("今日", 2, 4)), id="s1", group="a"
)


def test_columns_lose_what_no_token_edge_meets_and_say_so(tmp_path):
    source = ColumnsSource(path=str(tmp_path / "out.conll"), encoding="euc-jp", spaces=False)

    written = write_corpus([ENGLISH_TODAY, ENGLISH_TODAY], source)

    lost = [LostMention(number, "s1", INSIDE, ("英語",)) for number in (1, 2)]
    assert written == Written(2, 2, lost)
    assert written.to_dict()["lost"][1]["number"] == 2
    assert [s.mentions for s in read_source(source)] == [(WHOLE,)] * 2


@pytest.mark.parametrize("model", [JsonlSource, InlineSource])
def test_other_formats_lose_nothing(tmp_path, model):
    source = model(path=str(tmp_path / "out"))

    assert write_corpus([ENGLISH_TODAY], source) == Written(1, 2, [])
    (sentence,) = read_source(source)
    assert (sentence.text, sentence.mentions) == (ENGLISH_TODAY.text, ENGLISH_TODAY.mentions)


def test_the_path_is_taken_from_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("KAKEHASHI_DATA", "/nowhere")

    write_corpus([ENGLISH_TODAY], JsonlSource(path="out.jsonl"))

    assert (tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize(
    "source", [KnpSource(path="out"), AssistantSource(language="en", utterances=1)]
)
def test_formats_that_are_only_read(source):
    with pytest.raises(ConfigError, match=r"only read; written are columns, inline, jsonl"):
        write_corpus([ENGLISH_TODAY], source)


def test_a_failure_leaves_the_old_file(tmp_path):
    path = tmp_path / "out.conll"
    path.write_text("old")
    source = ColumnsSource(path=str(path), encoding="euc-jp", spaces=False)

    with pytest.raises(CorpusError, match=r"out\.conll: euc-jp has no '😀'; write it as UTF-8"):
        write_corpus([Sentence("😀", tokens=(Token("😀", 0, 1),))], source)
    with pytest.raises(CorpusError, match="no tokens yet"):
        write_corpus([ENGLISH_TODAY, Sentence("雨")], source)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(CorpusError, match=r"out\.jsonl: cannot be written"):
        write_corpus([ENGLISH_TODAY], JsonlSource(path=str(tmp_path / "no" / "out.jsonl")))


def test_lines_come_one_by_one():
    def endless():
        while True:
            yield ENGLISH_TODAY

    found = lines(endless())

    assert next(found) == next(found)
