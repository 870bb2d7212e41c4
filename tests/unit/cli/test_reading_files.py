"""The verbs that read files: their options, what they print, what they refuse."""

import json
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from kakehashi.cli.main import app
from kakehashi.errors import ConfigError, CorpusError

CONLLEVAL = Path(__file__).parents[2] / "golden" / "conlleval" / "cases"
VERBS = (
    *(
        "corpus stats",
        "corpus convert",
        "corpus homophones",
        "corpus romanization",
        "corpus check",
        "corpus types",
        "corpus overlap",
    ),
    *("evaluate", "compare"),
)


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """Work in an empty folder."""
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def invoke(*arguments):
    return CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)


def report(*arguments):
    return json.loads(invoke(*arguments, "--json").stdout)


def write(name, content):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(content, encoding="utf-8")
    return name


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_that_reads_has_the_same_options(verb):
    command = typer.main.get_command(app)
    for name in verb.split():
        command = command.commands[name]
    options = {option for parameter in command.params for option in parameter.opts}
    assert options >= {
        "--format", "--columns", "--separator", "--encoding", "--no-spaces", "--types", "--set",
    }  # fmt: skip


JAPANESE = "米 B-LOC\nから O\n米国 B-LOC\nへ O\n"


def test_without_spaces_tokens_are_those_of_the_real_text():
    write("ja.conll", JAPANESE)
    options = ("ja.conll", "--segmenter", "unidic-lite")
    assert report("corpus", "stats", *options)["ja.conll"]["characters"] == 9
    assert report("corpus", "stats", *options, "--no-spaces")["ja.conll"]["characters"] == 6
    found = report("corpus", "homophones", *options, "--no-spaces")
    assert found["ja.conll"]["tokens"]["total"] == 4
    invoke("corpus", "convert", "ja.conll", "ja.jsonl", "--no-spaces")
    assert json.loads(Path("ja.jsonl").read_text())["text"] == "米から米国へ"
    assert report("evaluate", "ja.jsonl", "ja.conll", "--no-spaces")["f1"] == 100.0
    assert "LOC" in invoke("corpus", "types", "ja.conll", "--no-spaces").stdout
    found = report("compare", "ja.jsonl", "ja.conll", "ja.conll", "--no-spaces", "--trials", 9)
    assert found["first"]["f1"] == 100.0


def test_romanization_of_files_and_configs():
    write("ja.conll", JAPANESE)
    write("en.conll", "Lo B-PER\nami O\n")
    options = ("corpus", "romanization", "ja.conll", "--segmenter", "unidic-lite", "--no-spaces")
    found = report(*options, "--view", "romaji", "--source", "en.conll")["ja.conll"]
    # be ei, ka ar ra, be ei ik ko ok ku, e; of the source Lo, am mi
    assert found["leaking"] == {"total": 4, "touched": 0}
    assert found["shared"]["touched"] == 0
    shown = invoke(*options, "--view", "original").stdout
    assert "4 of 4 (100.0 %)" in shown
    with pytest.raises(ConfigError, match=r"--view: ja\.conll is no config"):
        invoke(*options)
    source = '{ format = "columns", path = "ja.conll", columns = ["token", "tag"], spaces = false }'
    settings = f'corpus = {{ train = [{source}], dev = [{source}] }}\nmodel.char_view = "romaji"'
    write("ja.toml", f'name = "ja"\n{settings}\ntext.segmenter = "unidic-lite"\n')
    found = report("corpus", "romanization", "ja.toml", "--source", "ja.toml")["ja"]
    assert found["view"] == "romaji"
    assert found["shared"]["touched"] == found["shared"]["total"] > 0


def test_a_language_chooses_the_segmenter_and_the_view():
    write(
        "ru.jsonl",
        '{"text": "В Москве-реке", "mentions": [{"start": 2, "end": 8, "type": "LOC"}]}\n',
    )
    assert report("corpus", "stats", "ru.jsonl", "--language", "ru")["ru.jsonl"]["tokens"] == 2
    cut = report("corpus", "stats", "ru.jsonl", "--language", "ru", "--segmenter", "characters")
    assert cut["ru.jsonl"]["tokens"] == 2
    assert report("corpus", "romanization", "ru.jsonl", "--language", "ru")["ru.jsonl"]["seen"] == 2
    options = ("--language", "ru", "--view", "latin")
    columns = ("--to-columns", "token,reading,tag")
    done = invoke("corpus", "convert", "ru.jsonl", "b.conll", *options, *columns)
    assert "not Latin" not in done.stderr
    assert Path("b.conll").read_text().splitlines()[:2] == ["В V O", "Москве-реке Moskve-reke O"]
    options = ("--language", "ru", "--view", "romaji")
    done = invoke("corpus", "convert", "ru.jsonl", "c.jsonl", *options)
    assert "c.jsonl: 2 × token with letters that are not Latin in this view" in done.stderr


def test_inline_types_and_settings_of_a_format_are_named_on_the_command_line():
    write("a.xml", "<PER>Eva</PER> in <b>Bonn</b>\n")
    assert report("corpus", "stats", "a.xml")["a.xml"]["types"] == {"PER": 1, "b": 1}
    assert report("corpus", "stats", "a.xml", "--types", "PER,LOC")["a.xml"]["types"] == {"PER": 1}
    write("a.csv", "Word,Tag\nEva,PER\nin,-\n")
    options = ("--format", "columns", "--separator", ",", "--set", "header_lines=1")
    options += ("--set", "raw=true", "--set", "outside=-")
    assert report("corpus", "stats", "a.csv", *options)["a.csv"]["types"] == {"PER": 1}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("a.jsonl", "--columns", "token"), "columns: "),
        (("a.jsonl", "--set", "header_lines=1"), "header_lines: "),
        (("a.conll", "--set", "header_lines=x"), "header_lines: "),
        (("a.conll", "--set", "header_lines"), r"--set: expected e\.g\."),
        (("a.conll", "--set", "path=b"), "--set: expected"),
        (("a.xml", "--no-spaces"), "spaces: "),
    ],
)
def test_what_a_format_does_not_have_is_refused(arguments, problem):
    with pytest.raises(ConfigError, match=problem):
        invoke("corpus", "stats", *arguments)


def test_output_has_settings_of_its_own():
    tokens = '[{"text": "-DOCSTART-", "start": 0, "end": 10}]'
    write("a.jsonl", f'{{"text": "-DOCSTART-", "tokens": {tokens}}}')
    with pytest.raises(CorpusError, match="write it with --to-set docstart=keep"):
        invoke("corpus", "convert", "a.jsonl", "a.conll")
    options = ("--to-set", "docstart=keep", "--to-separator", "tab")
    invoke("corpus", "convert", "a.jsonl", "a.conll", *options)
    assert Path("a.conll").read_text() == "-DOCSTART-\tO\n\n"


def test_the_report_of_stats_is_on_standard_output():
    lines = ['{"text": "雨", "mentions": []}', '{"text": "訪米", "mentions": [%s]}']
    write("a.jsonl", "\n".join(lines) % '{"start": 1, "end": 2, "type": "LOC"}')
    done = invoke("corpus", "stats", "a.jsonl", "--segmenter", "unidic-lite")
    warning = "warning: a.jsonl: 1 of 1 mentions (100.0 %) begin or end inside a token"
    assert [line.partition(", and")[0] for line in done.stderr.splitlines()] == [warning]
    assert "a.jsonl: 1 mentions that no whole tokens equal" in " ".join(done.stdout.split())
    row = next(line for line in done.stdout.splitlines() if "訪米" in line)
    assert [cell.strip() for cell in row.split("│")[1:-1]] == ["2", "'訪米'", "米", "LOC", "訪米"]
    (lost,) = report("corpus", "stats", "a.jsonl", "--segmenter", "unidic-lite")["a.jsonl"]["lost"]
    assert (lost["number"], lost["sentence"], lost["text"]) == (2, "訪米", "米")
    done = invoke("corpus", "convert", "a.jsonl", "a.conll", "--segmenter", "unidic-lite")
    assert done.stdout == "a.conll: 2 sentences, 0 mentions\n"
    assert "訪米" in done.stderr


@pytest.mark.parametrize(
    ("name", "advice"),
    [("a.conll", "--encoding"), ("a.xml", "--encoding"), ("a.jsonl", "convert the file to UTF-8$")],
)
def test_another_encoding_is_advised_where_the_verb_takes_one(name, advice):
    Path(name).write_bytes("東京 O\n".encode("euc-jp"))
    with pytest.raises(CorpusError, match=advice):
        invoke("corpus", "stats", name)


@pytest.mark.parametrize("case", json.loads((CONLLEVAL / "MANIFEST.json").read_text()))
def test_evaluate_of_one_file_takes_the_options_of_conlleval(case):
    manifest = json.loads((CONLLEVAL / "MANIFEST.json").read_text())[case]
    arguments = ("evaluate", CONLLEVAL / f"{case}.txt", *manifest["args"])
    if manifest["rc"]:
        with pytest.raises(CorpusError, match=f"{case}.txt:"):
            invoke(*arguments)
    else:
        expected = (CONLLEVAL / f"{case}.out").read_bytes()
        assert invoke(*arguments).stdout.encode() == expected


@pytest.mark.parametrize("delimiter", ["tab", r"\t", "\t"])
def test_tabs_may_be_named(delimiter):
    write("a.txt", "Eva\tNN\tB-PER\tB-PER\nran\tVB\tO\tO\n")
    assert report("evaluate", "a.txt", "-d", delimiter)["f1"] == 100.0


def test_evaluate_reads_another_encoding_and_scheme():
    Path("a.txt").write_bytes("東京 B-地名 S-地名\n".encode("euc-jp"))
    found = report("evaluate", "a.txt", "--encoding", "euc-jp")
    assert (found["types"]["地名"]["gold"], found["f1"]) == (1, 100.0)
    with pytest.raises(CorpusError, match="name another with --encoding"):
        invoke("evaluate", "a.txt")
    write("b.txt", "a S-X S-X\n")
    strict = ("evaluate", "b.txt", "--variant", "strict")
    assert report(*strict, "--scheme", "iobes")["f1"] == 100.0
    with pytest.raises(CorpusError, match=r"none of the scheme bio; is it iobes \(--scheme\)"):
        invoke(*strict)


@pytest.mark.parametrize(
    ("arguments", "option"),
    [
        (("a.txt", "--train", "a.txt"), "--train"),
        (("a.txt", "--columns", "token,tag"), "--columns"),
        (("a.txt", "--no-spaces"), "--no-spaces"),
        (("a.txt", "--scheme", "iobes"), "--scheme"),
        (("a.txt", "b.txt", "-d", "tab"), "-d"),
        (("a.txt", "b.txt", "-r"), "-r"),
        (("a.txt", "b.txt", "-o", "N"), "-o"),
        (("a.txt", "b.txt", "--variant", "strict"), "--variant"),
    ],
)
def test_options_that_would_say_nothing_are_refused(arguments, option):
    with pytest.raises(ConfigError, match=option):
        invoke("evaluate", *arguments)


def test_annotations_and_runs_are_scored_as_files_are():
    line = '{"text": "Bonn", "mentions": [{"start": 0, "end": 4, "type": "LOC"}]}\n'
    write("gold.jsonl", line * 3)
    write("run/predictions.jsonl", line * 2 + '{"text": "Bonn"}\n')
    write("out/annotation.json", "{}")
    write("out/part-000000.jsonl", line * 2)
    write("out/part-000001.jsonl", line)
    with pytest.raises(CorpusError, match="not complete"):
        invoke("evaluate", "gold.jsonl", "out")
    write("out/result.json", '{"sentences": 3, "parts": 2}')
    found = report("evaluate", "gold.jsonl", "out", "--train", "gold.jsonl")
    assert found["values"]["seen"]["f1"] == 100
    assert report("evaluate", "gold.jsonl", "run")["recall"] == pytest.approx(200 / 3)
    write("gold.x", line * 3)
    assert report("evaluate", "gold.x", "out", "--format", "jsonl")["f1"] == 100.0
    write("gold.y", "Bonn B-LOC\n\n" * 3)
    assert report("evaluate", "gold.y", "out", "--format", "columns")["f1"] == 100.0
    found = report("compare", "gold.jsonl", "run", "out", "--trials", 9)
    assert (found["first"]["f1"], found["second"]["f1"]) == (80.0, 100.0)


@pytest.mark.parametrize("verb", [("corpus", "stats", "--as"), ("corpora", "--format")])
def test_tables_are_written_as_asked(verb):
    *verb, option = verb
    done = invoke(*verb, "demo-en", option, "csv")
    assert done.stdout.splitlines()[0].count(",") > 3


def test_types_reads_one_format_and_writes_another():
    write("a.x", "Eva B-PER\n\n")
    done = invoke("corpus", "types", "a.x", "--format", "columns", "--as", "markdown")
    assert any(line.startswith("| ") and "PER" in line for line in done.stdout.splitlines())


def test_overlap_of_two_files_and_of_configs():
    mentions = [{"start": 3, "end": 7, "type": "LOC"}]
    lines = [json.dumps({"text": f"to {city}", "mentions": mentions}) for city in ("Oslo", "Rome")]
    write("train.jsonl", lines[0] + "\n")
    write("test.jsonl", "\n".join(lines) + "\n")
    found = report("corpus", "overlap", "train.jsonl", "test.jsonl")["test.jsonl"]
    assert (found["seen_sentences"], found["unseen_values"], found["slope"]) == (50.0, 50.0, None)
    assert "50.0 %" in invoke("corpus", "overlap", "train.jsonl", "test.jsonl").stdout
    assert report("corpus", "overlap", "demo-ja")["demo-ja"]["test_sentences"] == 1000
    with pytest.raises(ConfigError, match="two files: training and test set"):
        invoke("corpus", "overlap", "train.jsonl")


def test_convert_says_what_was_left_out_and_what_the_new_file_is_without():
    spans = '[[0, 3, "PER"], [0, 8, "PER"]]'
    write("a.jsonl", f'{{"id": 7, "text": "Ada Berg", "label": {spans}, "relations": [1]}}\n')
    done = invoke("corpus", "convert", "a.jsonl", "a.xml")
    assert done.stdout == "a.xml: 1 sentences, 1 mentions\n"
    lines = done.stderr.replace("\n", " ")
    assert "left out or changed: 1 × mention that overlaps another, 1 × relation" in lines
    assert "a.xml: is without 1 × id" in lines
    found = report("corpus", "convert", "a.jsonl", "b.xml")
    assert found["notes"] == {"mention that overlaps another": 1, "relation": 1}
    assert found["left_out"] == {"id": 1}
    invoke("corpus", "convert", "a.jsonl", "folder", "--to", "brat")
    assert report("corpus", "stats", "folder")["folder"]["types"] == {"PER": 1}


def test_the_name_of_the_output_decides_and_not_what_it_replaces():
    write("a.jsonl", '{"text": "Ada ran", "mentions": [{"start": 0, "end": 3, "type": "PER"}]}\n')
    write("b.jsonl", '{"text": "a", "label": []}\n')
    write("b.conll", "1\tx\tO\t-\tann\n")
    options = ("--force", "--segmenter", "words")
    for name in ("b.jsonl", "b.conll", "b.json", "b.parquet", "b.conllu", "b.iob2"):
        invoke("corpus", "convert", "a.jsonl", name, *options)
        assert report("corpus", "stats", name)[name]["types"] == {"PER": 1}
    assert '"mentions": [{' in Path("b.jsonl").read_text()
    assert Path("b.conll").read_text() == "Ada B-PER\nran O\n\n"
    assert Path("b.json").read_text().startswith('[\n{"data": ')
    assert Path("b.conllu").read_text().splitlines()[1].count("\t") == 9
    assert Path("b.iob2").read_text().startswith("# text = Ada ran\n1\tAda\tB-PER\t_\t_\n")
