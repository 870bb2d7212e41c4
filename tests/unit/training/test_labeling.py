import pytest

from kakehashi.config.reading import settings_from_tree
from kakehashi.corpora.jsonl import read_jsonl, write_jsonl
from kakehashi.errors import ConfigError, CorpusError
from kakehashi.progress import Progress
from kakehashi.sentence import Mention, Sentence
from kakehashi.training.findings import Findings, agreed
from kakehashi.training.labeling import write_lessons
from kakehashi.training.teachers import load_teacher, teacher_fingerprint


def sentence(text, *mentions):
    found = (Mention(*each[:3], text[each[0] : each[1]], *each[3:]) for each in mentions)
    return Sentence(text, tuple(found))


@pytest.fixture
def file(tmp_path):
    """Write a file of sentences."""

    def write(name, *sentences):
        write_jsonl(tmp_path / name, sentences)
        return str(tmp_path / name)

    return write


@pytest.fixture
def run(file, tmp_path):
    """Label by files the text that they label; other settings of teach may be given."""
    parts = {
        "train": [sentence("to Oslo", (3, 7, "LOC"))],
        "dev": [sentence("by Mia", (3, 6, "PER"))],
        "test": [sentence("to Ｒｏｍｅ", (3, 7, "LOC"))],
    }

    def run(*teachers, progress=None, segmenter="words", joint=None, **teach):
        corpus = {
            part: [{"format": "jsonl", "path": file(f"{part}.jsonl", *sentences)}]
            for part, sentences in parts.items()
        }
        tree = {"name": "a", "corpus": corpus, "text": {"segmenter": segmenter}}
        teach = {"teachers": teachers, **teach} if teachers else None
        settings = settings_from_tree(tree | {"teach": teach, "joint": joint})
        out = tmp_path / "labeled.jsonl"
        counts = write_lessons(settings, out, tmp_path / "cache", progress or Progress())
        return counts, list(read_jsonl(out))

    return run


def test_mentions_stay_that_most_find_and_of_those_that_overlap_the_most_probable():
    new = Mention(3, 6, "LOC", "New", 0.9)
    long, other = Mention(3, 11, "LOC", "New York", 0.8), Mention(0, 2, "PER", "in", 0.6)
    assert agreed([[long], [long], [new]], 0.5) == (long._replace(probability=1.6 / 3),)
    assert agreed([[long, other], [new]], 0.3) == (
        other._replace(probability=0.3),
        new._replace(probability=0.45),
    )
    assert agreed([[other._replace(probability=None)], []], 0.5)[0].probability == 0.5
    assert agreed([[], []], 0) == ()


def test_texts_of_the_corpus_are_left_out_whatever_their_width_and_blanks(run, file):
    texts = [sentence("to Bonn", (3, 7, "LOC")), sentence("to  Oslo"), sentence("to Rome")]
    counts, labeled = run(file("silver.jsonl", *texts, sentence("by Ｍia")))
    assert [each.text for each in labeled] == ["to Bonn"]
    assert (counts.sentences, counts.mentions, counts.in_test, counts.in_train) == (1, 1, 2, 1)


def test_types_that_gold_lacks_are_left_out_and_counted(run, file, told):
    texts = [sentence("to Bonn at 3", (3, 7, "LOC"), (11, 12, "TIME"))]
    counts, labeled = run(file("silver.jsonl", *texts), progress=told)
    assert [mention.type for mention in labeled[0].mentions] == ["LOC"]
    assert counts.to_dict()["other_types"] == {"TIME": 1}
    found = "labeled: 1 mentions in 1 sentences; left out: 0 sentences of test or dev"
    assert told.lines == [f"{found}, 0 of train, 1 mentions of types that gold lacks"]


def test_another_corpus_comes_after_what_teachers_label(run, file, told, tmp_path):
    other = [sentence("à Lyon", (2, 6, "GPE")), sentence("to Oslo"), sentence("à 3", (2, 3, "NUM"))]
    mapping = tmp_path / "other.toml"
    mapping.write_text('[types]\nGPE = "LOC"\nNUM = "NUM"\n')
    joint = {"train": [{"format": "jsonl", "path": file("other.jsonl", *other)}]}
    with pytest.raises(
        ConfigError, match=r"joint\.train: has GPE, NUM, and gold has LOC, PER; map"
    ):
        run(joint=joint)
    joint["mapping"] = str(mapping)
    counts, labeled = run(joint=joint)
    assert [[m.type for m in each.mentions] for each in labeled] == [["LOC"], []]
    assert (counts.teachers, counts.sentences, counts.joint, counts.in_train) == (0, 0, 2, 1)
    assert counts.to_dict()["other_types"] == {"NUM": 1}
    silver = file("silver.jsonl", sentence("to Bonn", (3, 7, "LOC")))
    counts, labeled = run(silver, joint=joint | {"size": 1}, progress=told)
    assert labeled[0].text == "to Bonn"
    assert (counts.sentences, counts.joint) == (1, len(labeled) - 1)
    with pytest.raises(ConfigError, match=r"joint\.size: 4 is more than the 3 sentences there are"):
        run(joint=joint | {"size": 4})


def test_types_are_mapped(run, file, tmp_path):
    mapping = tmp_path / "spacy.toml"
    mapping.write_text('drop = ["TIME"]\n[types]\nGPE = "LOC"\n')
    silver = file("silver.jsonl", sentence("to Bonn at 3", (3, 7, "GPE"), (11, 12, "TIME")))
    with pytest.raises(
        ConfigError, match=r"teach\.teachers: find GPE, TIME, and gold has LOC, PER"
    ):
        run(silver)
    assert run(silver, mapping=str(mapping))[1][0].mentions[0].type == "LOC"


def test_several_files_label_the_text_of_the_first(run, file):
    first = file("a.jsonl", sentence("to Bonn", (3, 7, "LOC", 0.9)), sentence("no one"))
    second = file("b.jsonl", sentence("no one", (0, 2, "PER")), sentence("to Bonn"))
    least = [[m.type for m in each.mentions] for each in run(first, second)[1]]
    assert least == [[], ["PER"]]
    found = [
        [m.type for m in each.mentions] for each in run(first, second, min_probability=0.45)[1]
    ]
    assert found == [["LOC"], ["PER"]]
    with pytest.raises(CorpusError, match=r"c\.jsonl: has no labels of the sentence 'no one'"):
        run(first, file("c.jsonl", sentence("to Bonn")))


def test_teachers_that_find_nothing_are_refused(run, file):
    silver = file("silver.jsonl", sentence("to Bonn", (3, 7, "LOC", 0.4)))
    with pytest.raises(ConfigError, match=r"find nothing in 1 sentences; lower teach\.min_prob"):
        run(silver)


@pytest.mark.parametrize(
    ("texts", "segmenter", "problem"),
    [
        (["to Oslo"], "words", r"teach\.unlabeled: no text is left that is not in train"),
        (["to Bonn"], "unidic-lite", r"1 of 1 texts are of a script that .*unidic-lite"),
        (["東京へ"], "words", r"1 of 1 texts are of a script that .*words"),
    ],
)
def test_text_that_does_not_fit_is_refused(run, file, texts, segmenter, problem):
    with pytest.raises(ConfigError, match=problem):
        run(file("silver.jsonl", *map(Sentence, texts)), segmenter=segmenter)


def test_what_a_teacher_finds_is_kept_part_by_part(file, tmp_path):
    texts = [sentence(f"to Bonn {n}", (3, 7, "LOC")) for n in range(4500)]
    silver = file("silver.jsonl", *texts)
    whole = list(Findings([silver], texts, tmp_path / "cache").agreed(0.5))
    assert [each.mentions[0].type for each in whole] == ["LOC"] * 4500
    parts = sorted((tmp_path / "cache").glob("found-*/part-*"))
    assert len(parts) == 3
    parts[1].unlink()
    parts[2].write_text("".join(f'{{"text": "{each.text}"}}\n' for each in texts[4000:]))
    again = list(Findings([silver], texts, tmp_path / "cache").agreed(0.5))
    assert again == whole[:4000] + [Sentence(each.text) for each in texts[4000:]]
    parts[0].unlink()
    other = file("other.jsonl", *map(Sentence, (each.text for each in texts)))
    both = list(Findings([silver, other], texts, tmp_path / "cache").agreed(0))
    assert [len(each.mentions) for each in both] == [1] * 4000 + [0] * 500
    assert {m.probability for each in both for m in each.mentions} == {0.5}


def test_a_spacy_pipeline_may_teach(run, file, tmp_path):
    spacy = pytest.importorskip("spacy", reason="needs the extra 'spacy'")
    nlp, folder = spacy.blank("en"), tmp_path / "pipeline"
    nlp.add_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "New York"}])
    nlp.to_disk(folder)
    texts = file("texts.jsonl", sentence("to New York!"), sentence("no one"))
    labeled = run(str(folder), unlabeled=[{"format": "jsonl", "path": texts}])[1]
    assert [[m.text for m in each.mentions] for each in labeled] == [["New York"], []]
    before = teacher_fingerprint(str(folder))
    nlp.get_pipe("entity_ruler").add_patterns([{"label": "LOC", "pattern": "one"}])
    nlp.to_disk(folder)
    assert teacher_fingerprint(str(folder)) != before


def test_a_teacher_that_is_nothing_is_refused():
    with pytest.raises(ConfigError, match="'nothing' is no run, no file, and no spaCy pipeline"):
        load_teacher("nothing")
