"""Play the whole loop by its own commands, in a real browser, with a corpus's labels as annotator.

    python -m benchmarks.loop SOURCE [--rounds 3] [--count 100] [--strategy random]

``SOURCE`` is a run of the other language. Each round chooses sentences (`kakehashi suggest`),
corrects them by the keyboard alone on the page of `kakehashi review`, and trains (`kakehashi
train`) on all that is reviewed. What more is worth comes last (`kakehashi progress`). Needs
Playwright and Chromium; see docs/selection.md for what came of it.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.attacks.serving import serving
from kakehashi.config.reading import read_settings
from kakehashi.corpora.corpus import load_corpora
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.selection.near_duplicates import text_key
from kakehashi.sentence import Sentence

_BROWSERS = ("chromium", "chromium-browser", "google-chrome")
_DIGITS = "1234567890"


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def kakehashi(*arguments: object) -> str:
    """Run a verb, show what it says, and return what it prints."""
    command = [sys.executable, "-m", "kakehashi", *map(str, arguments)]
    done = subprocess.run(command, stdout=subprocess.PIPE, encoding="utf-8", check=True)
    return done.stdout


class Annotator:
    """Makes a sentence what its gold is, by keys alone, as docs/serving.md describes them."""

    def __init__(self, page: Any, gold: Mapping[int, Sentence]) -> None:
        self._page, self._gold = page, gold
        self.n_keys = self.n_lost = 0

    def review(self, sentence: Mapping[str, Any], palette: Sequence[str]) -> None:
        """Correct the sentence that the page shows, and accept it."""
        # The page counts UTF-16 units.
        text = sentence["text"].encode("utf-16-le")
        units = [
            len(text[:end].decode("utf-16-le", "ignore")) for end in range(0, len(text) + 1, 2)
        ]
        tokens = [(units[start], units[end]) for start, end in sentence["tokens"]]
        own = [(units[m["start"]], units[m["end"]], m["type"]) for m in sentence["mentions"]]
        gold = self._gold[text_key(sentence["text"])].mentions
        wanted = [(mention, self._tokens_of(mention, tokens)) for mention in gold]
        self.n_lost += sum(span is None for _, span in wanted)
        right = {mention[:3] for mention, span in wanted if span is not None}
        kept: list[tuple[int, int, str]] = []
        for index, found in enumerate(own):
            if found not in right:
                self._press("x")
                continue
            kept.append(found)
            if index + 1 < len(own):
                self._press("Tab")
        at = self._tokens_of(kept[-1], tokens) if kept else None  # the mention that is active
        for mention, span in wanted:
            if span is not None and mention[:3] not in kept:
                self._choose(at, span)
                if mention.type in palette[:10]:
                    self._press(_DIGITS[palette.index(mention.type)])
                else:
                    self._press("t", *mention.type, "Enter")
                at = span
        self._press("Enter")

    @staticmethod
    def _tokens_of(
        mention: Sequence[Any], tokens: Sequence[tuple[int, int]]
    ) -> tuple[int, int] | None:
        """Return its first and its last token; None if it begins or ends inside one."""
        starts, ends = ([token[side] for token in tokens] for side in (0, 1))
        if mention[0] not in starts or mention[1] not in ends:
            return None
        return starts.index(mention[0]), ends.index(mention[1])

    def _choose(self, at: tuple[int, int] | None, span: tuple[int, int]) -> None:
        if at is None:
            self._press("ArrowRight")
            at = (0, 0)
        while at[0] != span[0] or at[0] != at[1]:
            step = 1 if at[1] < span[0] else -1
            self._press("ArrowRight" if step > 0 else "ArrowLeft")
            at = (at[1] + 1,) * 2 if step > 0 else (max(0, at[0] - 1),) * 2
        self._press(*["Shift+ArrowRight"] * (span[1] - span[0]))

    def _press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)
        self.n_keys += len(keys)


def review(batch: Path, model: str, config: str, out: Path, gold: Mapping[int, Sentence]) -> str:
    """Review a batch by keys in a browser, and say what that took."""
    from playwright.sync_api import sync_playwright

    path = next(filter(None, map(shutil.which, _BROWSERS)), None)
    if path is None:
        raise SystemExit("there is no Chromium on this machine")
    # A model of a hundred sentences has not met every type.
    types = ",".join(sorted({m.type for sentence in gold.values() for m in sentence.mentions}))
    arguments = (batch, "--model", model, "--config", config, "--out", out, "--types", types)
    with serving("review", *arguments) as served, sync_playwright() as driver:
        place = served.url.replace("/review", "/v1/review")
        with urllib.request.urlopen(place) as answer:  # noqa: S310
            sentences = {each["number"]: each for each in json.load(answer)["sentences"]}
        browser = driver.chromium.launch(executable_path=path, args=["--no-sandbox"])
        page = browser.new_page()
        page.goto(served.url)
        page.locator("#sentence span").first.wait_for()
        labels = page.locator("#palette button").all_inner_texts()
        annotator = Annotator(page, gold)
        begin = time.monotonic()
        for _ in sentences:
            number = int(page.inner_text("#place").split()[1])
            annotator.review(sentences[number], [label.split()[-1] for label in labels])
        page.keyboard.press("Control+s")
        page.locator("#status", has_text="written").wait_for()
        said = page.inner_text("#status").partition(". ")[2]
        seconds = time.monotonic() - begin
        browser.close()
    found = list(read_jsonl(out))
    n_other = sum(
        {m[:3] for m in each.mentions} != {m[:3] for m in gold[text_key(each.text)].mentions}
        for each in found
    )
    return (
        f"{len(found)} sentences reviewed by {annotator.n_keys} keys in {seconds:.0f} s;"
        f" {annotator.n_lost} mentions begin or end inside a token, so that {n_other} sentences are"
        f" not as the labels are. {said}"
    )


def main() -> None:
    """Play the loop, and print F1 after each round."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("source", help="run of the other language, to suggest and transfer from")
    parser.add_argument("--config", default="configs/massive-ja.toml")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--count", type=int, default=100, help="sentences of a round")
    parser.add_argument("--strategy", default="random", help="as of suggest")
    parser.add_argument("--out", type=Path, default=Path("runs/loop"))
    parser.add_argument("--set", action="append", default=['preset="strong"'], help="as of train")
    given = parser.parse_args()
    out: Path = given.out
    out.mkdir(parents=True, exist_ok=True)
    changes = [part for change in given.set for part in ("--set", change)]
    sentences = list(load_corpora(read_settings(given.config, given.set).corpus).train)
    gold = {text_key(sentence.text): sentence for sentence in sentences}
    raw = out / "raw.jsonl"
    write_jsonl(raw, (Sentence(sentence.text, id=sentence.id) for sentence in sentences))
    say(f"{len(gold):,} sentences without labels")
    model, reviewed = given.source, list[Path]()
    for number in range(1, given.rounds + 1):
        batch, done = out / f"batch-{number}.jsonl", out / f"reviewed-{number}.jsonl"
        known = [part for path in reviewed for part in ("--exclude", path)]
        how = ("--strategy", given.strategy, "--config", given.config, "--force")
        kakehashi("suggest", model, raw, "--count", given.count, "--out", batch, *how, *known)
        say(f"round {number}: {review(batch, model, given.config, done, gold)}")
        reviewed.append(done)
        train = ", ".join(f'{{format="jsonl", path="{path.absolute()}"}}' for path in reviewed)
        model = str(out / f"round-{number}")
        options = ("--source", given.source, "--set", f"corpus.train=[{train}]", *changes)
        result = json.loads(
            kakehashi("train", given.config, *options, "--out", model, "--json").splitlines()[0]
        )
        n_sentences = result["corpus"]["train"]["sentences"]
        f1 = {part: result[part]["f1"] for part in ("dev", "test")}
        say(f"round {number}: trained on {n_sentences}, F1 {f1}")
    options = ("--source", given.source, "--out", out / "progress", *changes)
    say(kakehashi("progress", given.config, *reviewed, *options))


if __name__ == "__main__":
    main()
