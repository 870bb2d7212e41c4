"""The page at /, in a real browser."""

import json
import shutil
from pathlib import Path

import pytest

from kakehashi.runtime.checked_folder import write_sums
from kakehashi.runtime.model_folder import _FILES

MODELS = Path(__file__).parents[1] / "golden/models"
TRAP = "𠮷野家で😀東京"
EVIL = [
    "<script>alert(1)</script>",
    "<img/src=x/onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    '"><script>alert(1)</script>',
    "javascript:alert(1)",
    "</textarea><script>alert(1)</script>",
    "{{constructor.constructor('alert(1)')()}}",
    "${alert(1)}",
    "<iframe/src=javascript:alert(1)>",
    "<a/href=javascript:alert(1)>x</a>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<style>*{background:url(//evil.example)}</style>",
    "<base/href=//evil.example>",
    "<math><mtext></form><form><mglyph><style></math><img/src/onerror=alert(1)>",
    "%3Cscript%3Ealert(1)%3C/script%3E",
    "'-alert(1)-'",
    "<details/open/ontoggle=alert(1)>",
    "<input/autofocus/onfocus=alert(1)>",
    "<link/rel=stylesheet/href=//evil.example>",
    "<!--><img/src/onerror=alert(1)>",
]


@pytest.fixture(scope="module")
def url(serving):
    with serving("serve", f"ja={MODELS / 'ja'}", f"en={MODELS / 'en'}") as served:
        yield served.url


def says(page, word):
    page.locator("#status", has_text=word).wait_for()


def fill(page, text):
    page.wait_for_selector("#about:not(:empty)")
    page.fill("#text", text)
    says(page, "found")


def plain(page):
    """What the page shows of the text, without labels and readings."""
    return page.evaluate(
        """() => [...document.querySelectorAll('#found p')].map((p) => {
            const copy = p.cloneNode(true);
            copy.querySelectorAll('.label, rt').forEach((each) => each.remove());
            return copy.textContent;
        })"""
    )


def test_what_is_found_is_shown_as_the_server_says(url, open_page):
    expected = json.loads((MODELS / "ja.json").read_text(encoding="utf-8"))
    page = open_page(url)
    texts = [sentence["text"] for sentence in expected]
    fill(page, "\n".join([*texts, "", TRAP]))
    assert plain(page) == [*texts, "\u00a0", TRAP]
    types = [mention["type"] for sentence in expected for mention in sentence["mentions"]]
    assert page.locator("#rows td:nth-child(2)").all_inner_texts()[: len(types)] == types
    page.check("input[value=view]")
    assert "toukyou" in page.locator("#found rt").all_inner_texts()
    assert plain(page)[-1] == TRAP
    page.fill("#least", "100")
    assert page.locator("#rows tr").count() == 0


def test_the_json_that_is_copied_has_offsets_in_code_points(url, open_page):
    page = open_page(url, permissions=["clipboard-read", "clipboard-write"])
    fill(page, f"{TRAP}の天気を教えて")
    page.click("#copy")
    says(page, "Copied")
    (line,) = page.evaluate("navigator.clipboard.readText()").splitlines()
    record = json.loads(line)
    assert record["mentions"]
    for mention in record["mentions"]:
        assert record["text"][mention["start"] : mention["end"]] == mention["text"]


def test_the_keyboard_reaches_everything_and_everything_has_a_name(url, open_page):
    page = open_page(url)
    fill(page, "東京")
    page.focus("#text")
    reached = {"text"}
    for _ in range(20):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id || document.activeElement.name"))
    wanted = {"model", "example", "clear", "text", "copy", "least", "reading"}
    assert wanted <= reached
    unnamed = page.evaluate(
        """() => [...document.querySelectorAll('button, input, select, textarea')].filter(
            (e) => !(e.textContent.trim() || e.labels?.length || e.ariaLabel
                     || e.getAttribute('aria-labelledby'))).map((e) => e.id)"""
    )
    assert unnamed == []
    kinds = page.evaluate(
        """() => [...Array(4).keys()].map((n) => {
            const mark = document.body.appendChild(document.createElement('mark'));
            mark.dataset.line = n;
            return getComputedStyle(mark).borderBottomStyle;
        })"""
    )
    assert len(set(kinds)) == 4  # so that colour is never alone


def test_text_is_never_markup(url, open_page):
    page = open_page(url)
    fill(page, "\n".join(EVIL))
    assert plain(page) == EVIL


def test_types_are_never_markup(serving, open_page, tmp_path):
    shutil.copytree(MODELS / "en", tmp_path / "en")
    path = tmp_path / "en/model.json"
    model = json.loads(path.read_text(encoding="utf-8"))
    evil = [each.replace(" ", "/") for each in EVIL]
    model["types"] = [f"{evil[n % len(evil)]}{n}" for n in range(len(model["types"]))]
    path.write_text(json.dumps(model), encoding="utf-8")
    write_sums(tmp_path / "en", _FILES)
    texts = [s["text"] for s in json.loads((MODELS / "en.json").read_text(encoding="utf-8"))]
    with serving("serve", tmp_path / "en") as served:
        page = open_page(served.url)
        fill(page, "\n".join(texts))
        shown = page.locator("#rows td:nth-child(2)").all_inner_texts()
    assert shown
    assert set(shown) <= set(model["types"])


def test_a_token_is_asked_for_or_taken_from_the_address(serving, open_page, tmp_path):
    token = "0123456789abcdef"
    (tmp_path / "token").write_text(token)
    with serving("serve", MODELS / "en", "--token-file", tmp_path / "token") as served:
        page = open_page(f"{served.url}#token={token}")
        fill(page, "hello")
        assert token not in page.url


def test_a_server_that_ends_is_said_in_words(serving, open_page):
    with serving("serve", MODELS / "en") as served:
        page = open_page(served.url)
        fill(page, "hello")
        served.process.terminate()
        served.process.wait()
        page.fill("#text", "hello again")
        says(page, "answer")
