"""A look-up that is interrupted at any step leaves the recognizer as it was."""

import threading

import pytest

from kakehashi.model.tagger import Tagger
from kakehashi.runtime import recognizer as recognizer_module
from kakehashi.runtime.recognizer import FormCache

STEPS = {
    "featurize": (recognizer_module, "featurize"),
    "project": (Tagger, "project"),
    "room for rows": (FormCache, "_write"),
    "emit": (Tagger, "emit"),
    "decode": (Tagger, "decode"),
}
BEFORE, DURING, AFTER = ["ba ben", "ko"], ["gil ba du", "", "ken ko"], ["du gil", "new ken ba"]


def failing(function, error, calls):
    """Fail the first time: before the function has run, or when it is done."""

    def run(*args, **kwargs):
        calls.append(function)
        if len(calls) == 1 and error[1] == "before":
            raise error[0]
        result = function(*args, **kwargs)
        if len(calls) == 1:
            raise error[0]
        return result

    return run


def mentions(sentences):
    return [[mention[:4] for mention in sentence.mentions] for sentence in sentences]


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("known", [BEFORE, []], ids=["some forms known", "none known"])
def test_an_interrupted_look_up_costs_nothing(
    make_recognizer, monkeypatch, step, error, when, known
):
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
    recognizer, calls, found = make_recognizer(cached_forms=5), [], {}
    project = failing(Tagger.project, (MemoryError, "after"), calls)
    monkeypatch.setattr(Tagger, "project", project)

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
