"""What a recognizer takes and refuses, and where it can go: another process, a pickle, a copy."""

import copy
import multiprocessing
import pickle

import pytest
import torch

from kakehashi.model.device import limited_threads
from kakehashi.sentence import Sentence, Token

HANGS = 60  # seconds after which a child that should have answered in one is taken to hang


def mentions(sentences):
    return [[mention[:4] for mention in sentence.mentions] for sentence in sentences]


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
        [Token("ba", 0, 2), Token("be", 3, 6)],
        [Token("be", 0, 2)],
        [Token("ken", 3, 6), Token("ba", 0, 2)],
        [Token("ba", 0, 2), Token("ba", 0, 2)],
        [Token("ken", 3, 9)],
        [Token("", 2, 2)],
        [Token("n", -1, 6)],
        [Token("ken", -3, 6)],
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
    recognizer = make_recognizer(precision="bfloat16", cached_forms=7)
    expected = list(recognizer.recognize(texts))
    other = again(recognizer)
    recognizer.clear()
    assert list(other.recognize(texts)) == list(recognizer.recognize(texts)) == expected
    assert other.model.tagger.word.lstm.precision == "bfloat16"


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


def test_a_forked_child_tags_though_two_threads_have_tagged_before(make_recognizer, texts):
    recognizer = make_recognizer(cached_forms=1)
    with limited_threads(2):
        expected = mentions(recognizer.recognize(texts))
        large = torch.ones(1 << 20)
        assert large.add(large).sum() == 2 << 20  # so that there are two threads, in any case
        assert tag_in_a_child(recognizer, texts) == expected


def test_a_forked_child_does_not_wait_for_a_thread_that_it_has_not(make_recognizer, texts):
    recognizer = make_recognizer()
    expected = mentions(make_recognizer().recognize(texts))
    with recognizer._lock:
        assert tag_in_a_child(recognizer, texts) == expected
