import numpy as np
import pytest

from kakehashi.data.augment import replace_mentions
from kakehashi.data.encode import encode
from kakehashi.sentence import Sentence, Span, sentence_from_forms


def corpus_of(*lines):
    """Encode sentences with mentions as LOC[Rio de Janeiro]; return the forms too."""
    sentences = []
    for line in lines:
        forms, spans = [], []
        for part in line.split("|"):
            kind, bracket, name = part.partition("[")
            words = name.rstrip("]").split("_") if bracket else part.split()
            if bracket:
                spans.append(Span(len(forms), len(forms) + len(words), kind))
            forms += words
        sentences.append(sentence_from_forms(forms, spans))
    forms = {}
    return encode(sentences, forms), [form for form, _ in forms]


CORPUS, FORMS = corpus_of(
    "go to|LOC[Oslo]|or|LOC[New_York]|now", "PER[Ann]|LOC[Bern]", "no", "see|LOC[Rio_de_Janeiro]"
)


def lines(corpus):
    """The forms of each sentence, and of each of its spans by type."""
    found = []
    for spans, (begin, end) in zip(
        corpus.spans, zip(corpus.offsets, corpus.offsets[1:], strict=False), strict=True
    ):
        words = [FORMS[form] for form in corpus.forms[begin:end]]
        found.append((words, [(each.type, tuple(words[each.start : each.end])) for each in spans]))
    return found


def test_mentions_are_replaced_and_nothing_else():
    known = {mention for _, mentions in lines(CORPUS) for mention in mentions}
    drawn = set()
    for number in range(30):
        found = lines(replace_mentions(CORPUS, 1, (1, number)))
        assert [[kind for kind, _ in mentions] for _, mentions in found] == [
            ["LOC", "LOC"],
            ["PER", "LOC"],
            [],
            ["LOC"],
        ]
        drawn |= {mention for _, mentions in found for mention in mentions}
        (words, [(_, first), (_, second)]), _, no, (see, [(_, place)]) = found
        assert words == ["go", "to", *first, "or", *second, "now"]
        assert no == (["no"], [])
        assert see == ["see", *place]
    assert drawn == known


def test_the_rate_is_the_share_that_is_replaced():
    many, _ = corpus_of(*["LOC[Oslo]", "LOC[Bern]"] * 500)
    found = replace_mentions(many, 0.4, (1, 1))
    assert (found.forms != many.forms).mean() == pytest.approx(0.2, abs=0.04)  # half draw their own
    same = replace_mentions(many, 0, (1, 1))
    for name in ("forms", "offsets", "tags", "classes"):
        assert np.array_equal(getattr(same, name), getattr(many, name))


def test_an_epoch_has_its_own_and_always_the_same():
    first, again, other = (
        replace_mentions(CORPUS, 1, (1, epoch)).forms.tolist() for epoch in (1, 1, 2)
    )
    assert first == again != other


def test_a_corpus_without_mentions_stays():
    plain = encode([Sentence("", tokens=()), sentence_from_forms(["no"])], {})
    assert replace_mentions(plain, 1, (1,)).forms.tolist() == plain.forms.tolist()
