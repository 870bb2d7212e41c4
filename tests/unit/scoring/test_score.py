import json

from kakehashi import __version__
from kakehashi.scoring.comparison import score_spans
from kakehashi.scoring.score import Signature
from kakehashi.sentence import Span

GOLD = [[Span(0, 1, "A"), Span(2, 3, "B")], [Span(0, 1, "A")]]
PREDICTED = [[Span(0, 1, "A")], [Span(0, 2, "A")]]


def test_to_dict_is_json_and_complete():
    score = score_spans(GOLD, PREDICTED)
    shown = json.loads(json.dumps(score.to_dict()))
    assert {key: shown[key] for key in ("precision", "gold", "predicted", "correct")} == {
        "precision": 50.0,
        "gold": 3,
        "predicted": 2,
        "correct": 1,
    }
    assert (shown["recall"], shown["f1"]) == (score.recall, score.f1)
    assert shown["types"]["A"] == {
        "precision": 50.0,
        "recall": 50.0,
        "f1": 50.0,
        "gold": 2,
        "predicted": 2,
        "correct": 1,
    }
    assert shown["types"]["B"]["f1"] == 0.0
    assert shown["signature"] == f"kakehashi {__version__}|conlleval|unit:tokens|lost:0|sentences:2"


def test_a_signature_grows_without_changing_the_old_one():
    old = Signature("strict", {"scheme": "bio", "seed": 1})
    new = old.extended({"seed": 0, "mapping": "irex-to-conll"})
    assert str(old) == f"kakehashi {__version__}|strict|scheme:bio|seed:1"
    assert str(new) == f"kakehashi {__version__}|strict|scheme:bio|seed:0|mapping:irex-to-conll"


def test_a_fact_cannot_pretend_to_be_two():
    assert str(Signature("strict", {"mapping": "a|b"})).count("|") == 2


def test_a_score_takes_further_facts():
    score = score_spans(GOLD, PREDICTED)
    assert str(score.extended({"seed": 3}).signature) == f"{score.signature}|seed:3"
    assert score.extended({"seed": 3}).f1 == score.f1
