import re

from kakehashi.reports.error_tables import error_page, error_tables
from kakehashi.scoring.error_analysis import analyse_errors
from kakehashi.scoring.score import score_sentences
from kakehashi.sentence import Mention, Sentence

EVIL = "<script>alert('&')</script>"


def analysed(text, gold, predicted):
    gold, predicted = (
        [Sentence(text, tuple(Mention(s, e, t, text[s:e]) for s, e, t in each), id=EVIL)]
        for each in (gold, predicted)
    )
    return analyse_errors(gold, predicted), score_sentences(gold, predicted)


def test_tables_count_and_list():
    text = "Aoi Sato met Jon Kato in Kobe"
    found, _ = analysed(
        text, [(0, 8, "PER"), (25, 29, "LOC")], [(0, 3, "PER"), (13, 21, "PER"), (25, 29, "ORG")]
    )
    kinds, types, confused, errors = error_tables(found, 2)
    assert kinds.headings == (
        "",
        "right",
        "boundary",
        "type",
        "boundary and type",
        "missed",
        "false",
    )
    assert kinds.rows == (("all", "0", "1", "1", "0", "0", "1"),)
    assert types.rows[0] == ("PER", "0", "1", "0", "0", "0", "1")
    assert confused.rows == (("LOC", "ORG", "1"),)
    assert errors.rows[0] == ("1", "boundary", "Aoi Sato (PER)", "Aoi (PER)", text)
    assert len(errors.rows) == 2
    assert errors.notes == ("3 in all; --json and --out have every one.",)
    assert len(error_tables(found, 0)) == 3


def test_long_sentences_are_cut_around_the_error():
    found, _ = analysed("x" * 100 + "Kobe" + "y" * 100, [(100, 104, "LOC")], [])
    assert error_tables(found, 1)[-1].rows[0][-1] == "…" + "x" * 60 + "Kobe" + "y" * 60 + "…"


def test_the_page_escapes_what_is_in_texts_and_marks_both_mentions():
    found, score = analysed(f"{EVIL} in Kobe", [(31, 35, "<b>")], [(28, 35, "LOC")])
    page = error_page(f"Errors of {EVIL}", found, score)
    assert EVIL not in page
    assert page.count("<script>") == 1
    assert '<mark class="predicted">in </mark><mark class="gold predicted">Kobe</mark>' in page
    assert re.search('<tr data-kind="boundary and type" data-types="&lt;b&gt; LOC"', page)
    assert "http" not in page.replace("http-equiv", "")
