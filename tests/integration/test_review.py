"""Reviewing in a real browser, over a real server, into a real database."""

import json
import random
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from kakehashi.corpora.jsonl import read_jsonl

MODEL = Path(__file__).parents[1] / "golden/models/ja"
PLACES = ("東京", "大阪", "京都", "札幌", "名古屋", "福岡")
TEXTS = [f"{place}の{hour}時の天気を教えて" for place in PLACES for hour in "一二三五六七"]


@pytest.fixture
def batch(tmp_path):
    """A batch whose suggestions are known: the first place, as one type."""
    why = {"selection": {"strategy": "random", "score": 0.5}}
    records = [
        {"text": text, "mentions": [{"start": 0, "end": text.index("の"), "type": "place_name"}]}
        for text in TEXTS
    ]
    records = [record | why for record in records]
    path = tmp_path / "batch.jsonl"
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def reviewing(serving, batch, tmp_path):
    out = tmp_path / "reviewed.jsonl"

    def review(*options, given=batch, hidden=0):
        options = ("--hidden", hidden, *options)
        return serving("review", given, "--model", MODEL, "--out", out, *options)

    review.out = out
    return review


def post(url, decisions, who="Mio", path="/v1/review/decisions"):
    body = json.dumps({"who": who, "decisions": decisions}).encode()
    request = urllib.request.Request(
        url.replace("/review", path), body, {"content-type": "application/json"}
    )
    try:
        with urllib.request.urlopen(request) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


def overview(url):
    with urllib.request.urlopen(url.replace("/review", "/v1/review")) as answer:
        return json.load(answer)


def begun(page):
    page.locator("#sentence span").first.wait_for()
    page.focus("#sentence")
    return page


def press(page, *keys):
    for key in keys:
        page.keyboard.press(key)


def settled(page):
    """Wait until everything is stored; a reload would lose nothing after that."""
    page.keyboard.press("Control+s")
    page.locator("#status", has_text="written").wait_for()


def test_the_keyboard_alone_reviews_a_batch(reviewing, open_page):
    with reviewing() as served:
        page = begun(open_page(served.url))
        # All mentions are right but: the second sentence has a time, the third is wrong.
        press(page, "a", "ArrowRight", "ArrowRight", "Shift+ArrowRight")
        page.keyboard.press("t")
        page.fill("#other", "time")
        press(page, "Enter", "Enter")
        press(page, "Tab", "x", "a", "f", "r", " ", "z")
        assert page.locator("#badge", has_text="predicted").count() == 1
        press(page, *["Enter"] * 31)
        settled(page)
        counts = page.inner_text("#counts")
    assert served.process.returncode == 0, served.after
    found = list(read_jsonl(reviewing.out))
    assert f"{len(found)} reviewed" in counts
    assert len(found) >= 33
    assert [(m.text, m.type) for m in found[0].mentions] == [("東京", "place_name")]
    assert [(m.text, m.type) for m in found[1].mentions] == [
        ("東京", "place_name"),
        ("二時", "time"),
    ]
    assert found[2].mentions == ()
    first = json.loads(reviewing.out.read_text(encoding="utf-8").splitlines()[0])
    assert first["selection"] == {"strategy": "random", "score": 0.5}
    decisions = reviewing.out.with_name("reviewed.decisions.jsonl").read_text(encoding="utf-8")
    third = json.loads(decisions.splitlines()[2])
    assert (third["mentions"], third["machine"][0]["text"]) == ([], "東京")
    assert third["who"]
    assert third["at"]


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(reviewing, open_page):
    random_ = random.Random(0)
    acknowledged = {}
    for _ in range(2):
        with reviewing() as served:
            versions = {s["number"]: s["version"] for s in overview(served.url)["sentences"]}
            for number in random_.sample(range(1, len(TEXTS) + 1), random_.randint(3, 12)):
                state = random_.choice(["reviewed", "rejected", "flagged"])
                given = {"number": number, "version": versions[number]}
                status, _ = post(served.url, [{**given, "state": state, "mentions": []}])
                assert status == 200
                before = acknowledged.get(number, "predicted")
                acknowledged[number] = state
            served.process.kill()
    with reviewing() as served:
        states = {s["number"]: s["state"] for s in overview(served.url)["sentences"]}
        assert {number: states[number] for number in acknowledged} == acknowledged
        page = begun(open_page(served.url))
        page.fill("#who", "Mio")
        page.focus("#sentence")
        page.keyboard.press("z")  # what the page has never seen being done
        page.locator("#status", has_text="Undone.").wait_for()
        last = overview(served.url)["sentences"][number - 1]
    assert (last["state"], last["version"]) == (before, versions[number] + 2)


def test_two_tabs_cannot_overwrite_each_other(reviewing, open_page):
    with reviewing() as served:
        mine, theirs = (begun(open_page(served.url)) for _ in range(2))
        mine.fill("#who", "Mio")
        mine.focus("#sentence")
        press(mine, "Tab", "x", "f")
        settled(mine)
        press(theirs, "a")
        theirs.locator("#status", has_text="changed by Mio meanwhile").wait_for()
        settled(theirs)
        first = overview(served.url)["sentences"][0]
    assert (first["state"], first["mentions"], first["who"]) == ("flagged", [], "Mio")


def test_what_cannot_be_stored_is_tried_again_or_taken_back(reviewing, open_page):
    def answer(page, status, detail):
        body = json.dumps({"status": status, "detail": detail})
        page.route("**/decisions", lambda route: route.fulfill(status=status, body=body))

    with reviewing() as served:
        page = begun(open_page(served.url))
        answer(page, 507, "nothing was stored (the disk is full)")
        press(page, "a", "f")
        page.locator("#status", has_text="goes on trying. nothing was stored").wait_for()
        assert page.inner_text("#saved") == "saving …"
        page.unroute("**/decisions")
        page.locator("#status", has_text="Saved.").wait_for()
        assert page.inner_text("#saved") == "saved"
        states = [each["state"] for each in overview(served.url)["sentences"]]
        answer(page, 422, "there is no such type")
        press(page, "x")
        page.locator("#status", has_text="could not be saved (there is no such type)").wait_for()
        assert page.inner_text("#mentions li").startswith("東京")
        page.unroute("**/decisions")
        press(page, "a")
        settled(page)
        third = overview(served.url)["sentences"][2]
    assert states[:3] == ["reviewed", "flagged", "predicted"]
    assert (third["state"], len(third["mentions"])) == ("reviewed", 1)


def test_undo_bulk_and_identical_strings(reviewing, open_page):
    with reviewing() as served:
        page = begun(open_page(served.url))
        press(page, "Tab")
        page.keyboard.press("2")
        page.keyboard.press("i")
        page.locator("#status", has_text="in 5 more sentences").wait_for()
        kind = page.locator("#mentions li").first.inner_text()
        press(page, "z")
        page.fill("#search", "大阪")
        assert "6 shown" in page.inner_text("#shown")
        page.fill("#search", "札幌")
        page.keyboard.press("Enter")
        page.click("#bulk")
        settled(page)
        page = begun(open_page(served.url))  # a reload, but for what the browser keeps
        press(page, "z")
        page.locator("#status", has_text="6 decisions undone").wait_for()
        assert page.inner_text("#counts") == "36 predicted"
        page.fill("#search", "札幌")
        page.click("#bulk")
        settled(page)
        assert "6 reviewed" in page.inner_text("#counts")
        sentences = overview(served.url)["sentences"]
    assert "place_name" not in kind
    assert {m["type"] for s in sentences[1:] for m in s["mentions"]} == {"place_name"}
    assert {s["state"] for s in sentences if "札幌" in s["text"]} == {"reviewed"}


def test_the_mouse_takes_whole_words_and_alt_what_it_covers(reviewing, open_page):
    drag = """(alt) => {
        const sentence = document.querySelector('#sentence');
        const piece = [...sentence.querySelectorAll('span')].find((s) => s.textContent === '天気');
        const range = document.createRange();
        range.setStart(piece.firstChild, 1);
        range.setEnd(piece.firstChild, 2);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        piece.dispatchEvent(new MouseEvent('mouseup', {bubbles: true, altKey: alt}));
        return [...sentence.querySelectorAll('.chosen')].map((s) => s.textContent).join('');
    }"""
    with reviewing() as served:
        page = begun(open_page(served.url))
        assert page.evaluate(drag, False) == "天気"
        page.keyboard.press("Escape")
        assert page.evaluate(drag, True) == "気"
        page.keyboard.press("1")
        page.locator("#status", has_text="no tagger").wait_for()
        assert "cannot be learned" in page.inner_text("#mentions")


def test_keys_are_not_taken_from_an_input_method(reviewing, open_page):
    composing = """(code) => document.activeElement.dispatchEvent(new KeyboardEvent('keydown',
        {key: 'a', bubbles: true, isComposing: code === 0, keyCode: code || 65}))"""
    with reviewing() as served:
        page = begun(open_page(served.url))
        for code in (0, 229):
            page.evaluate(composing, code)
        page.fill("#search", "")
        page.type("#search", "arf1 ")
        assert page.locator("#counts", has_text="reviewed").count() == 0
        page.keyboard.press("Escape")
        press(page, "?")
        page.locator("#keys[open]").wait_for()
        press(page, "a", "Escape", "a")
        page.locator("#counts", has_text="1 reviewed").wait_for()


def test_keys_can_be_chosen_and_are_kept(reviewing, open_page):
    with reviewing() as served:
        page = begun(open_page(served.url))
        press(page, "?")
        rows = page.locator("#key-rows tr")
        accept, last = rows.filter(has_text="Accept the sentence"), rows.last
        rare = last.inner_text().split()[-1]
        for row, key in ((accept, "n"), (last, "Shift+Q")):
            row.locator("button").click()
            page.keyboard.press(key)
        rows.filter(has_text="Reject").locator("button").click()
        press(page, "Escape", "Escape")  # no other key; close
        page.reload()
        begun(page)
        assert page.inner_text("button[data-action=accept] kbd") == "N"
        assert page.inner_text("button[data-action=reject] kbd") == "R"
        press(page, "a", "Enter", "Shift+Q", "n")
        settled(page)
        first = overview(served.url)["sentences"][0]
        press(page, "?")
        page.click("#usual-keys")
        press(page, "Escape", "a")
        page.locator("#counts", has_text="2 reviewed").wait_for()
    assert first["state"] == "reviewed"
    assert [m["type"] for m in first["mentions"]] == [rare]


def test_hidden_suggestions_are_not_sent_before_a_decision(reviewing, open_page):
    with reviewing(hidden=0.5) as served:
        sentences = overview(served.url)["sentences"]
        hidden = [s for s in sentences if s["hidden"]]
        assert 5 < len(hidden) < 31
        assert all(s["state"] == "unseen" and s["mentions"] == [] for s in hidden)
        given = {"number": hidden[0]["number"], "version": 1, "state": "reviewed", "mentions": []}
        post(served.url, [given])
    assert '"suggestions hidden": {"sentences": 1, "mentions": 0, "f1": 0.0}' in served.after


def test_text_and_types_are_never_markup(reviewing, open_page, tmp_path):
    evil = "<img src=x onerror=alert(1)>"
    kind = "<img/src=x/onerror=alert(1)>"
    record = {"text": evil, "mentions": [{"start": 0, "end": 4, "type": kind}], "id": evil}
    (tmp_path / "evil.jsonl").write_text(json.dumps(record))
    with reviewing(given=tmp_path / "evil.jsonl") as served:
        page = begun(open_page(served.url))
        assert page.locator("#sentence").evaluate("each => each.textContent") == evil
        assert kind in page.inner_text("#mentions")
        assert "does not know" in page.inner_text("#status")


@pytest.mark.parametrize(
    ("status", "change", "detail"),
    [
        (422, {"number": 999}, "no sentence 999"),
        (422, {"state": "done"}, "should be"),
        (422, {"mentions": [{"start": 0, "end": 2, "type": "none"}]}, "no type"),
        (422, {"mentions": [{"start": 0, "end": 99, "type": "time"}]}, "offset 99"),
        (422, {"mentions": [{"start": 2, "end": 2, "type": "time"}]}, "not inside"),
        (
            422,
            {"mentions": [{"start": a, "end": 2, "type": "time"} for a in (0, 1)]},
            "overlaps",
        ),
    ],
)
def test_what_cannot_be_stored_is_refused(review_url, status, change, detail):
    given = {"number": 1, "version": 1, "state": "reviewed", "mentions": []}
    found, problem = post(review_url, [given | change])
    assert (found, problem["status"]) == (status, status)
    assert detail in problem["detail"]


@pytest.fixture(scope="module")
def review_url(serving, tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    (folder / "raw.txt").write_text("東京の天気\n", encoding="utf-8")
    with serving(
        "review",
        folder / "raw.txt",
        "--model",
        MODEL,
        "--out",
        folder / "o.jsonl",
        "--format",
        "text",
    ) as s:
        yield s.url


def test_of_a_long_batch_a_part_is_on_the_page(reviewing, open_page, tmp_path):
    lines = [json.dumps({"text": f"{n}番の{TEXTS[n % len(TEXTS)]}"}) for n in range(120)]
    (tmp_path / "many.jsonl").write_text("\n".join(lines))
    with reviewing(given=tmp_path / "many.jsonl") as served:
        page = begun(open_page(served.url))
        assert "120 shown" in page.inner_text("#shown")
        assert page.locator("#list li").count() == 40
        press(page, *["ArrowDown"] * 45)
        assert "Sentence 46 of 120" in page.inner_text("#place").capitalize()


def test_what_cannot_be_reviewed_is_refused_in_one_line(run, batch, tmp_path, reviewing):
    out = tmp_path / "reviewed.jsonl"

    def refused(*fragments, given=batch, model=MODEL, options=()):
        run("review", given, "--model", model, "--out", out, *options).refused(*fragments)

    refused("--host", "--token-file", options=("--host", "0.0.0.0"))
    refused("no such model", model=tmp_path / "gone")
    refused("no such file", given=tmp_path / "none.jsonl")
    long = tmp_path / "long.jsonl"
    long.write_text(json.dumps({"text": "あ" * 20_001}))
    refused("20,001 characters", "split it", given=long)
    with reviewing():
        refused("another process", options=("--port", 0))
    other = tmp_path / "other.jsonl"
    other.write_text(json.dumps({"text": "東京"}))
    refused("another batch", "--out", given=other)
    done = run("review", batch, "--model", MODEL, "--out", out, "--export")
    assert (done.returncode, done.stdout.strip()) == (0, str(out))
    assert '"predicted": 36' in done.stderr


def test_plain_text_needs_its_format(run, tmp_path):
    text = tmp_path / "raw.txt"
    text.write_text("\n".join(TEXTS), encoding="utf-8")
    options = ("--model", MODEL, "--out", tmp_path / "reviewed.jsonl", "--export")
    refused = run("review", text, *options)
    refused.refused(str(text), "add --format text")
    assert "--columns" not in refused.stderr
    done = run("review", text, *options, "--format", "text", "--hidden", 0)
    assert f'"predicted": {len(TEXTS)}' in done.stderr
