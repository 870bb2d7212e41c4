"""Batches without a timer: what came while the recognizer was busy is tagged next, together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http import HTTPStatus

from kakehashi.sentence import Sentence
from kakehashi.serving.schemas import Problem

_BATCH = 16_384  # characters that are tagged together, so that nobody waits long for others
_FEW = 256  # characters that take less time to tag than to be handed to another thread and back


@dataclass
class _Job:
    texts: Sequence[str]
    answer: asyncio.Future[list[Sentence]]
    found: list[Sentence] = field(default_factory=list)
    n_taken: int = 0


class Batcher:
    """Tags the texts of many requests in one thread, first come, first served.

    All its methods are called in the thread of one event loop.

    Args:
        recognize: As `kakehashi.Recognizer.recognize`.
        capacity: Texts that may wait; one request may always, if nothing else does.
        observe: Called with the number of texts of each batch.
    """

    def __init__(
        self,
        recognize: Callable[[Sequence[str]], Iterable[Sentence]],
        capacity: int,
        observe: Callable[[int], object] = lambda n_texts: None,
    ) -> None:
        self._recognize, self._capacity, self._observe = recognize, capacity, observe
        self._jobs: deque[_Job] = deque()
        self._thread = ThreadPoolExecutor(1, "recognizer")
        self._work: asyncio.Task[None] | None = None
        self._room = asyncio.Condition()
        self.n_waiting = 0  # texts

    async def tag(self, texts: Sequence[str]) -> list[Sentence]:
        """Tag texts; `Problem` 503 at once if too many wait. Cancelled, they are not tagged."""
        if not self._has_room(len(texts)):
            problem = f"{self.n_waiting} texts are waiting; send fewer, or try again later"
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, problem)
        return await self._add(texts)

    async def tag_later(self, texts: Sequence[str]) -> list[Sentence]:
        """Tag texts once there is room for them."""
        async with self._room:
            await self._room.wait_for(lambda: self._has_room(len(texts)))
        return await self._add(texts)

    def is_full(self) -> bool:
        """Whether no text may be added now."""
        return not self._has_room(1)

    def close(self) -> None:
        """End the thread; nothing may be waiting."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _has_room(self, n_texts: int) -> bool:
        return not self.n_waiting or self.n_waiting + n_texts <= self._capacity

    def _add(self, texts: Sequence[str]) -> asyncio.Future[list[Sentence]]:
        loop = asyncio.get_running_loop()
        job = _Job(texts, loop.create_future())
        if texts:
            self._jobs.append(job)
            self.n_waiting += len(texts)
            if self._work is None or self._work.done():
                self._work = loop.create_task(self._run())
        else:
            job.answer.set_result([])
        return job.answer

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._jobs:
            batch = self._next()
            async with self._room:
                self._room.notify_all()
            texts = [text for _, part in batch for text in part]
            if not texts:
                continue
            self._observe(len(texts))
            try:
                if sum(map(len, texts)) <= _FEW:
                    found = iter(self._tag(texts))
                else:
                    found = iter(await loop.run_in_executor(self._thread, self._tag, texts))
            except Exception as error:
                for job, _ in batch:
                    if not job.answer.done():
                        job.answer.set_exception(error)
                continue
            for job, part in batch:
                job.found += [next(found) for _ in part]
                if len(job.found) == len(job.texts) and not job.answer.done():
                    job.answer.set_result(job.found)

    def _tag(self, texts: Sequence[str]) -> list[Sentence]:
        return list(self._recognize(texts))

    def _next(self) -> list[tuple[_Job, Sequence[str]]]:
        """Take the next texts from the front, but for those that nobody waits for any more."""
        batch: list[tuple[_Job, Sequence[str]]] = []
        n_characters = 0
        while self._jobs and n_characters < _BATCH:
            job = self._jobs[0]
            begin = job.n_taken
            while job.n_taken < len(job.texts) and n_characters < _BATCH:
                n_characters += 0 if job.answer.done() else len(job.texts[job.n_taken])
                job.n_taken += 1
            self.n_waiting -= job.n_taken - begin
            if not job.answer.done():
                batch.append((job, job.texts[begin : job.n_taken]))
            if job.n_taken == len(job.texts):
                self._jobs.popleft()
        return batch
