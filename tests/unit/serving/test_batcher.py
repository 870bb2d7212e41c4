"""What came while the recognizer was busy is tagged next, together."""

import asyncio
import threading

import pytest

pytest.importorskip("starlette", reason="the extra 'serve' is not installed")

from kakehashi.sentence import Sentence
from kakehashi.serving.batcher import Batcher
from kakehashi.serving.schemas import Problem

LONG = "a" * 300  # tagged in a thread of its own


class Held:
    """Tags when it is let, and remembers what it tagged together."""

    def __init__(self):
        self.batches, self.go = [], threading.Event()

    def __call__(self, texts):
        self.batches.append(list(texts))
        assert self.go.wait(60)
        return map(Sentence, texts)


async def started(held, batcher, *jobs):
    """Have one text tagged, and these jobs wait."""
    first = asyncio.ensure_future(batcher.tag([LONG]))
    while not held.batches:
        await asyncio.sleep(0.001)
    waiting = [asyncio.ensure_future(batcher.tag(texts)) for texts in jobs]
    await asyncio.sleep(0)
    return first, waiting


def test_what_waits_is_tagged_together_and_everybody_gets_his_own():
    async def check():
        held, sizes = Held(), []
        batcher = Batcher(held, 10, sizes.append)
        first, waiting = await started(held, batcher, [LONG, "b"], [], ["c"])
        assert batcher.n_waiting == 3
        held.go.set()
        found = [[s.text for s in await job] for job in (first, *waiting)]
        assert found == [[LONG], [LONG, "b"], [], ["c"]]
        assert held.batches == [[LONG], [LONG, "b", "c"]]
        assert (sizes, batcher.n_waiting) == ([1, 3], 0)

    asyncio.run(check())


def test_what_nobody_waits_for_is_not_tagged():
    async def check():
        held = Held()
        _, (gone, kept) = await started(held, batcher := Batcher(held, 10), ["x"], ["y"])
        gone.cancel()
        await asyncio.sleep(0)
        held.go.set()
        assert [s.text for s in await kept] == ["y"]
        assert held.batches[1:] == [["y"]]
        assert batcher.n_waiting == 0

    asyncio.run(check())


def test_more_than_may_wait_is_refused_or_waits_for_room():
    async def check():
        held = Held()
        batcher = Batcher(held, 2)
        _, (waiting,) = await started(held, batcher, ["a", "b"])
        assert batcher.is_full()
        with pytest.raises(Problem, match="2 texts are waiting") as refusal:
            await batcher.tag(["c"])
        assert (refusal.value.status, refusal.value.headers["retry-after"]) == (503, "1")
        later = asyncio.ensure_future(batcher.tag_later(["d"]))
        held.go.set()
        assert [s.text for s in await later] == ["d"]
        assert len(await waiting) == 2

    asyncio.run(check())


def test_long_texts_are_tagged_in_several_batches():
    async def check():
        held = Held()
        held.go.set()
        texts = ["a" * 10_000] * 5
        found = await Batcher(held, 2).tag(texts)
        assert [s.text for s in found] == texts
        assert [len(batch) for batch in held.batches] == [2, 2, 1]

    asyncio.run(check())


def test_an_error_of_the_recognizer_is_that_of_the_batch_alone():
    async def check():
        answers = iter([ValueError("broken"), [Sentence("b")]])

        def tag(_):
            answer = next(answers)
            if isinstance(answer, ValueError):
                raise answer
            return answer

        batcher = Batcher(tag, 2)
        with pytest.raises(ValueError, match="broken"):
            await batcher.tag(["a"])
        assert [s.text for s in await batcher.tag(["b"])] == ["b"]

    asyncio.run(check())
