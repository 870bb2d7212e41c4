"""Attack a review on this machine, and both pages in a real browser (needs Playwright, Chromium).

    python -m benchmarks.attacks.review MODEL [--quick]

Kills the server while decisions are made, types markup as text, and measures how soon a batch of
1,000 sentences and a key press can be seen.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import re
import shutil
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import Any

from benchmarks.attacks.serving import Connection, Served, report, request, serving

_TEXTS = [f"{n}番の高橋さんに{n % 24}時に連絡して" for n in range(1000)]
_TAGS = (
    "img/src=x",
    "svg",
    "body",
    "input/autofocus",
    "details/open",
    "video/src=x",
    "iframe",
    "a",
)
_EVENTS = ("onerror", "onload", "onfocus", "ontoggle", "onclick", "onmouseover")
_OTHERS = (
    "<script>alert(1)</script>",
    '"><script>alert(1)</script>',
    "</textarea><script>alert(1)</script>",
    "javascript:alert(1)",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<iframe/src=javascript:alert(1)>",
    "<base/href=//evil.example>",
    "<!--><img/src/onerror=alert(1)>",
    "<style>*{background:url(//evil.example)}</style>",
    "<link/rel=stylesheet/href=//evil.example>",
    "<math><mtext></form><form><mglyph><style></math><img/src/onerror=alert(1)>",
)
PAYLOADS = [
    *(f"<{tag}/{event}=alert(1)>" for tag in _TAGS for event in _EVENTS),
    *(f"{quote}{each}" for each in _OTHERS for quote in ("", "'", '"', "`")),
    *(f"&lt;img/src=x/onerror=alert({n})&gt;" for n in range(4)),
]
_KEYS = ["ArrowDown", "ArrowRight", "1", "a"]
_WATCH = """new MutationObserver(() => {
    if (document.querySelector('#sentence span')) window.drawnAt ??= performance.now();
}).observe(document, {subtree: true, childList: true});
window.presses = [];
new PerformanceObserver((list) => {
    for (const { name, duration } of list.getEntries()) {
        if (name === 'keydown') window.presses.push(duration);
    }
}).observe({type: 'event', durationThreshold: 16});"""
# When the sentence is there, since the page was asked for, and how long key presses take until
# their frame is shown (Event Timing, in steps of 8 ms, of those that take 16 and more).


def _batch(folder: Path) -> Path:
    path = folder / "batch.jsonl"
    lines = (json.dumps({"text": text}) + "\n" for text in _TEXTS)
    path.write_text("".join(lines), encoding="utf-8")
    return path


def kills(model: Path, folder: Path, count: int) -> bool:
    """Kill the server at random moments; whatever it acknowledged must be there again."""
    draw, acknowledged, n_acknowledged = random.Random(0), dict[int, str](), 0
    arguments = (_batch(folder), "--model", model, "--out", folder / "out.jsonl", "--hidden", 0)

    async def decide(served: Served, versions: dict[int, int], seconds: float) -> None:
        nonlocal n_acknowledged
        kill = asyncio.get_running_loop().call_later(seconds, served.process.kill)
        connection = Connection(served.port)
        while True:
            number, state = draw.randint(1, len(_TEXTS)), draw.choice(["reviewed", "rejected"])
            one = {"number": number, "version": versions[number], "state": state, "mentions": []}
            body = json.dumps({"who": "attack", "decisions": [one]}).encode()
            try:
                status = await connection.ask(request("/v1/review/decisions", body))
            except OSError:
                break
            if status != 200:
                # Sent and not acknowledged: it may be stored or not.
                acknowledged.pop(number, None)
                break
            acknowledged[number] = state
            versions[number] += 1
            n_acknowledged += 1
        kill.cancel()

    lost = 0
    for _ in range(count + 1):
        with serving("review", *arguments) as served:
            with urllib.request.urlopen(f"http://127.0.0.1:{served.port}/v1/review") as answer:
                found = {each["number"]: each for each in json.load(answer)["sentences"]}
            lost += sum(found[n]["state"] != state for n, state in acknowledged.items())
            versions = {number: each["version"] for number, each in found.items()}
            asyncio.run(decide(served, versions, 0.05 + 0.5 * draw.random()))
    facts = f"{count + 1} kills, {n_acknowledged:,} decisions acknowledged, {lost} lost"
    return report("kills during a review", facts, lost > 0)


def pages(model: Path, folder: Path) -> bool:
    """Type payloads into the page at /, review them, and measure the page of reviews."""
    from playwright.sync_api import sync_playwright

    problems: list[str] = []
    with sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox"]
        )

        def refuse(dialog: Any) -> None:
            problems.append("dialog")
            dialog.dismiss()

        def watch(asked: Any) -> None:
            if "127.0.0.1" not in asked.url:
                problems.append(asked.url)

        def opened(url: str) -> Any:
            page = browser.new_page()
            page.add_init_script(_WATCH)
            page.on("dialog", refuse)
            page.on("console", lambda message: problems.append(message.text))
            page.on("request", watch)
            page.goto(url)
            return page

        with serving("serve", model) as served:
            page = opened(served.url)
            page.locator("#about", has_text="types").wait_for()
            page.fill("#text", "\n".join(PAYLOADS))
            page.locator("#status", has_text="found").wait_for()
            shown = page.locator("#found p").evaluate_all(
                """(all) => all.map((p) => { const copy = p.cloneNode(true);
                copy.querySelectorAll('.label, rt').forEach((e) => e.remove());
                return copy.textContent; })"""
            )
        evil = folder / "evil.jsonl"
        records = [
            {"text": p, "mentions": [{"start": 0, "end": 1, "type": re.sub(r"\s", "/", p)}]}
            for p in PAYLOADS
        ]
        evil.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf-8")
        options = ("--model", model, "--hidden", 0, "--out")
        with serving("review", evil, *options, folder / "evil-out.jsonl") as served:
            page = opened(served.url)
            for payload in PAYLOADS:
                page.locator("#mentions", has_text=re.sub(r"\s", "/", payload)).wait_for()
                page.keyboard.press("a")
            page.get_by_text("saved", exact=True).wait_for()
        with serving("review", _batch(folder), *options, folder / "fast.jsonl") as served:
            opened(served.url).locator("#sentence span").first.wait_for()
            page = opened(served.url)
            page.locator("#sentence span").first.wait_for()
            opening = page.evaluate("window.drawnAt")
            for key in _KEYS * 25:
                page.keyboard.press(key)
                page.wait_for_timeout(50)
            page.wait_for_timeout(500)
            slow = sorted(page.evaluate("window.presses"))
    same = shown == PAYLOADS
    broken = report(
        "markup as text and types",
        f"{len(PAYLOADS)} payloads in each page, as they are: {same}; {len(problems)} problems",
        bool(problems) or not same,
    )
    facts = (
        f"1,000 sentences are there {opening / 1e3:.2f} s after the page is asked for; of"
        f" {25 * len(_KEYS)} key presses {len(slow)} took 16 ms and more until they were shown"
    )
    facts += f", at most {slow[-1]:.0f}" if slow else ""
    too_slow = opening > 1000 or (len(slow) > 1 and slow[-2] > 50)
    return report("page of reviews", facts, too_slow) or broken


def main() -> None:
    """Run the attacks, and exit with 1 if a promise was broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("model", type=Path)
    parser.add_argument("--quick", action="store_true", help="2 kills instead of 50")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        broken = [pages(options.model, Path(folder))]
        broken.append(kills(options.model, Path(folder), 2 if options.quick else 50))
    sys.exit(any(broken))


if __name__ == "__main__":
    main()
