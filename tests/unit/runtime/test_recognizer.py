"""What a recognizer takes, refuses and caches; interrupted, pickled, forked, in threads."""

import copy
import multiprocessing
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from kakehashi.errors import ConfigError
from kakehashi.runtime import recognizer as recognizer_module
from kakehashi.runtime.decoder import Decoder
from kakehashi.runtime.form_cache import _Rows
from kakehashi.runtime.model_folder import weight_shapes
from kakehashi.runtime.network import NumpyNetwork
from kakehashi.runtime.recognizer import Recognizer
from kakehashi.sentence import Sentence, Token
from kakehashi.text.edges import EdgeRules

HANGS = 60  # seconds after which a child that should have answered in one is taken to hang


def mentions(sentences):
    return [[mention[:4] for mention in sentence.mentions] for sentence in sentences]


def test_marginals_come_with_what_annotate_finds(make_recognizer, texts):
    recognizer = make_recognizer(precision="float32")
    found = list(recognizer.marginals(map(Sentence, texts)))
    assert [sentence for sentence, _ in found] == list(recognizer.recognize(texts))
    tagset = recognizer.model.tagset
    for sentence, shares in found:
        assert shares.shape == (len(sentence.tokens), len(tagset))
        assert shares.sum(axis=1) == pytest.approx(np.ones(len(shares)), abs=1e-5)
        starts = {token.start: row for row, token in enumerate(sentence.tokens)}
        for mention in sentence.mentions:
            first = [tagset.tags.index(f"{prefix}-{mention.type}") for prefix in "BI"]
            assert shares[starts[mention.start], first].max() >= mention.probability - 1e-5
    assert any(sentence.mentions for sentence, _ in found)


def test_mentions_are_trimmed_and_the_others_keep_their_probability(make_recognizer, texts):
    texts = [text.replace(" b", " ( b").replace(" k", " ! k") for text in texts]
    plain = [each.mentions for each in make_recognizer().recognize(texts)]
    recognizer = make_recognizer(edges=EdgeRules({}))
    assert recognizer.model.edges == EdgeRules({})
    for before, after in zip(plain, recognizer.recognize(texts), strict=True):
        found = {m[:4]: m.probability for m in after.mentions}
        signless = {m[:4]: m.probability for m in before if m.text.isalpha()}
        assert {each: found.get(each) for each in signless} == pytest.approx(signless)
        assert not [m.text for m in after.mentions if "(" in m.text or m.text[0] == "!"]
        assert not [m.text for m in after.mentions if m.text[-1] == "!"]
    assert any("!" in m.text or "(" in m.text for mentions in plain for m in mentions)


@pytest.mark.parametrize("text", ["ba ken", "", b"ba"])
def test_one_text_is_not_taken_for_many(make_recognizer, text):
    with pytest.raises(TypeError, match=r"takes many texts, and got one; .* recognizer\(text\)"):
        make_recognizer().recognize(text)


@pytest.mark.parametrize("text", [None, 3, b"ba", float("nan"), ["ba"], Sentence("ba")])
def test_what_is_no_text_is_named(make_recognizer, text):
    recognizer = make_recognizer()
    with pytest.raises(TypeError, match=f"expected a text, a str, got {type(text).__name__}"):
        list(recognizer.recognize(["ba", text]))
    with pytest.raises(TypeError, match="expected a text"):
        recognizer(text)


def test_texts_are_no_sentences(make_recognizer):
    for texts in (["ba"], "ba"):
        with pytest.raises(TypeError, match=r"takes sentences, and got str; recognize\(\) takes"):
            list(make_recognizer().annotate(texts))


@pytest.mark.parametrize(
    "tokens",
    [
        *([Token("ba", 0, 2), Token("be", 3, 6)], [Token("be", 0, 2)]),
        *([Token("ken", 3, 6), Token("ba", 0, 2)], [Token("ba", 0, 2), Token("ba", 0, 2)]),
        *([Token("ken", 3, 9)], [Token("", 2, 2)], [Token("n", -1, 6)], [Token("ken", -3, 6)]),
    ],
)
def test_tokens_that_contradict_their_text_are_refused(make_recognizer, tokens):
    sentence = Sentence("ba ken", tokens=tuple(tokens))
    with pytest.raises(ValueError, match=r"the token '.*' at \[.*\) contradicts the text"):
        list(make_recognizer().annotate([sentence]))


def test_tokens_need_not_cover_their_text(make_recognizer):
    tokens = (Token("ken", 3, 6), Token("x", 8, 9))
    (found,) = make_recognizer().annotate([Sentence("ba ken, x!", tokens=tokens)])
    assert found.tokens == tokens


@pytest.mark.parametrize("again", [copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_pickled_recognizer_finds_the_same(make_recognizer, texts, again):
    recognizer = make_recognizer(precision="float32", cache_bytes=4000)
    expected = list(recognizer.recognize(texts))
    other = again(recognizer)
    recognizer.clear()
    assert list(other.recognize(texts)) == list(recognizer.recognize(texts)) == expected
    assert other._made.keywords == recognizer._made.keywords
    assert other._made.keywords["precision"] == "float32"


def tag_in_a_child(recognizer, texts):
    """What a forked child finds; None if it does not answer."""
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe()
    answer = context.Process(
        target=lambda: theirs.send(mentions(recognizer.recognize(texts))), daemon=True
    )
    answer.start()
    found = ours.recv() if ours.poll(HANGS) else None
    answer.kill()
    answer.join()
    return found


def test_a_forked_child_tags_though_its_parent_has_tagged(make_recognizer, texts):
    recognizer = make_recognizer(cache_bytes=600)
    expected = mentions(recognizer.recognize(texts))
    assert tag_in_a_child(recognizer, texts) == expected


def test_a_forked_child_does_not_wait_for_a_thread_that_it_has_not(make_recognizer, texts):
    recognizer = make_recognizer()
    expected = mentions(make_recognizer().recognize(texts))
    with recognizer._cache._lock:
        assert tag_in_a_child(recognizer, texts) == expected


def test_the_cache_changes_nothing_and_can_be_cleared(make_recognizer, texts):
    recognizer = make_recognizer()
    expected = [mentions(make_recognizer().recognize([text]))[0] for text in texts]
    assert sum(map(len, expected)) > 40
    assert mentions(recognizer.recognize(texts)) == expected
    assert mentions(recognizer.recognize(texts[::-1])) == expected[::-1]


def test_a_cleared_cache_is_as_new_to_the_last_digit(make_recognizer, texts):
    recognizer = make_recognizer()
    expected = list(recognizer.recognize(texts[:20]))
    list(recognizer.recognize(texts[20:]))
    recognizer.clear()
    assert list(recognizer.recognize(texts[:20])) == expected


def test_the_cache_is_bounded_and_bounds_change_nothing(make_recognizer, texts):
    recognizer = make_recognizer(cache_bytes=2200)  # five forms
    expected = mentions(make_recognizer().recognize(texts))
    rows = []
    for text, answer in zip(texts, expected, strict=True):
        assert mentions(recognizer.recognize([text])) == [answer]
        rows.append(len(recognizer._cache._rows.projected))
    assert (min(rows[1:]), max(rows)) == (5, max(len({*text.split()}) for text in texts))
    assert len({text for line in texts for text in line.split()}) > 5 + 12


@pytest.mark.parametrize("cache_bytes", [3000, 1 << 20])
def test_eight_threads_share_a_recognizer(make_recognizer, texts, cache_bytes):
    recognizer = make_recognizer(cache_bytes=cache_bytes)
    expected = mentions(make_recognizer().recognize(texts))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda text: recognizer.recognize([text]), texts * 6))
        together = list(pool.map(lambda answer: mentions(answer)[0], answers))
        many = list(pool.map(lambda _: mentions(recognizer.recognize(texts)), range(16)))
    assert together == expected * 6
    assert many == [expected] * 16


def test_precisions_nearly_agree(make_recognizer, texts):
    many = texts * 40
    exact = mentions(make_recognizer(precision="float32").recognize(many))
    near = mentions(make_recognizer(precision="int8").recognize(many))
    agreeing = sum(one == other for one, other in zip(exact, near, strict=True))
    assert agreeing > 0.9 * len(many)


def test_an_unknown_precision_is_refused(make_recognizer):
    with pytest.raises(ConfigError, match="expected float32, int8; got 'float16'"):
        make_recognizer(precision="float16")


STEPS = {
    "featurize": (recognizer_module, "featurize"),
    "project": (NumpyNetwork, "project"),
    "room for rows": (_Rows, "append"),
    "emit": (NumpyNetwork, "emit"),
    "decode": (Decoder, "decode"),
}
BEFORE, DURING, AFTER = ["ba ben", "ko"], ["gil ba du", "", "ken ko"], ["du gil", "new ken ba"]


def failing(function, error, calls):
    """Fail the first time: before the function has run, or when it is done."""

    def run(*args, **kwargs):
        call = object()
        calls.append(call)
        if calls[0] is call and error[1] == "before":
            raise error[0]
        result = function(*args, **kwargs)
        if calls[0] is call:  # whatever other threads have called since
            raise error[0]
        return result

    return run


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("known", [BEFORE, []], ids=["some forms known", "none known"])
def test_interrupted_look_ups(make_recognizer, monkeypatch, step, error, when, known):
    expected = mentions(make_recognizer().recognize(DURING + AFTER))
    assert sum(map(len, expected)) > 2
    recognizer, calls = make_recognizer(), []
    list(recognizer.recognize(known))
    owner, name = STEPS[step]
    with monkeypatch.context() as patch:
        patch.setattr(owner, name, failing(getattr(owner, name), (error, when), calls))
        with pytest.raises(error):
            list(recognizer.recognize(DURING))
        assert calls
        assert mentions(recognizer.recognize(AFTER + DURING)) == expected[3:] + expected[:3]
    assert mentions(recognizer.recognize(DURING + AFTER)) == expected


def test_another_thread_goes_on_after_one_was_interrupted(make_recognizer, monkeypatch, texts):
    expected = mentions(make_recognizer().recognize(texts))
    recognizer, calls, found = make_recognizer(cache_bytes=3000), [], {}
    project = failing(NumpyNetwork.project, (MemoryError, "after"), calls)
    monkeypatch.setattr(NumpyNetwork, "project", project)

    def work(name):
        try:
            found[name] = [mentions(recognizer.recognize([text]))[0] for text in texts]
        except MemoryError:
            found[name] = None

    threads = [threading.Thread(target=work, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found.values(), key=lambda each: each is None) == [expected, None]


def test_a_model_folder_holds_the_weights_that_the_tagger_has(make_tagger):
    for options in ({}, {"n_seen": 2, "n_compact": 2}, {"decoder": "crf", "scheme": "iobes"}):
        tagger = make_tagger(["a", "b", "c", "d"], ["ba"], ("LOC",), **options)
        sizes = len(tagger.words), len(tagger.ngrams), options.get("n_compact", 0)
        shapes = weight_shapes(tagger.settings, *sizes, len(tagger.tagset))
        assert shapes == {name: tuple(v.shape) for name, v in tagger.state_dict().items()}


def test_another_version_of_the_dictionary_is_warned_of(make_recognizer):
    model = make_recognizer().model
    older = replace(model, segmenter=f"{model.segmenter} of old")
    with pytest.warns(UserWarning, match="was trained on tokens of .* of old, and .* is installed"):
        Recognizer(older)
    Recognizer(replace(model, segmenter=""))


def test_a_warm_recognizer_knows_its_types_and_finds_the_same(make_recognizer, texts):
    recognizer = make_recognizer()
    recognizer.warm_up()
    assert recognizer.types == ("LOC", "PER")
    assert mentions(recognizer.recognize(texts)) == mentions(make_recognizer().recognize(texts))
