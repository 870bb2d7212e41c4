"""Our recognizer in a pipeline of spaCy's, found by its entry point."""

import subprocess
import sys
from pathlib import Path

import pytest

from kakehashi import Recognizer
from kakehashi.errors import ModelError

spacy = pytest.importorskip("spacy", reason="the extra 'spacy' is not installed")

# Of SudachiPy, about spaCy's use of it.
pytestmark = pytest.mark.filterwarnings("ignore:Dictionary.create")

MODELS = Path(__file__).parents[1] / "golden/models"
TEXTS = {
    "en": ["wake me up at seven am tomorrow", "play some jazz in the kitchen", ""],
    "ja": ["明日の朝七時に東京の天気を教えて", "😀東京の天気", ""],
}
TEXTS["de"] = TEXTS["en"]


def pipeline(language, **config):
    nlp = spacy.blank(language)
    model = MODELS / ("ja" if language == "ja" else "en")
    nlp.add_pipe("kakehashi", config={"model": str(model), **config})
    return nlp, Recognizer.load(model)


def found(docs):
    return [[(e.start_char, e.end_char, e.label_) for e in doc.ents] for doc in docs]


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.filterwarnings("ignore:.*inside spaCy's tokens")
def test_documents_have_what_the_recognizer_finds(language):
    nlp, recognizer = pipeline(language)
    docs = list(nlp.pipe(TEXTS[language]))
    assert any(found(docs))
    for doc, text in zip(docs, TEXTS[language], strict=True):
        mentions = recognizer(text)
        assert doc.user_data["kakehashi"]["mentions"] == [m.to_dict() for m in mentions]
        group = doc.spans["kakehashi"]
        own = [(span.start_char, span.end_char, span.label_) for span in group]
        assert own == found([doc])[0]
        assert set(own) <= {mention[:3] for mention in mentions}
        assert len(own) + doc.user_data["kakehashi"]["lost"] == len(mentions)
        probability = {mention[:3]: mention.probability for mention in mentions}
        assert group.attrs["probabilities"] == [probability[each] for each in own]


def test_a_pipeline_carries_its_model(tmp_path):
    nlp, _ = pipeline("en", min_probability=0.1)
    expected = found(nlp.pipe(TEXTS["en"]))
    nlp.config["components"]["kakehashi"]["model"] = "gone"
    nlp.to_disk(tmp_path / "pipeline")
    assert found(spacy.load(tmp_path / "pipeline").pipe(TEXTS["en"])) == expected
    where_it_is_from = spacy.load(tmp_path / "pipeline")
    where_it_is_from.to_disk(tmp_path / "pipeline")
    assert found(spacy.load(tmp_path / "pipeline").pipe(TEXTS["en"])) == expected
    again = spacy.blank("en")
    again.add_pipe("kakehashi", config={"min_probability": 0.1})
    again.from_bytes(nlp.to_bytes())
    assert found(again.pipe(TEXTS["en"])) == expected
    again.to_disk(tmp_path / "again")
    (tmp_path / "again/kakehashi/words.json").write_text("[]")
    with pytest.raises(ModelError, match=r"words\.json"):
        spacy.load(tmp_path / "again")(TEXTS["en"][0])


def test_processes_share_the_work():
    nlp, _ = pipeline("en")
    texts = TEXTS["en"] * 8
    assert found(nlp.pipe(texts, n_process=2, batch_size=4)) == found(nlp.pipe(texts))


def test_a_package_of_spacy_is_complete(tmp_path):
    nlp, _ = pipeline("en")
    nlp.meta |= {"name": "demo", "version": "0.0.1"}
    nlp.to_disk(tmp_path / "pipeline")
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "spacy", "package", "pipeline", "out", "--build", "none"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    package = tmp_path / "out/en_demo-0.0.1"
    assert "kakehashi[spacy]>=" in (package / "meta.json").read_text()
    text = TEXTS["en"][0]
    data = spacy.load(package / "en_demo/en_demo-0.0.1")
    assert found([data(text)]) == found([nlp(text)])


def test_what_spacys_tokens_cut_is_kept_and_warned_of_once():
    nlp, recognizer = pipeline("en")
    text = TEXTS["en"][0]
    (first, *_) = recognizer(text)
    whole = spacy.tokens.Doc(nlp.vocab, [text.replace(" ", "_")])
    assert whole.text != text
    doc = spacy.tokens.Doc(
        nlp.vocab, [text[: first.start + 1], text[first.start + 1 :]], [False] * 2
    )
    assert doc.text == text
    component = nlp.get_pipe("kakehashi")
    with pytest.warns(UserWarning, match="inside spaCy's tokens"):
        component(doc)
    kept = doc.user_data["kakehashi"]
    assert kept["lost"] == len(kept["mentions"]) == len(recognizer(text))
    assert doc.ents == ()
    wide, _ = pipeline("en", alignment="expand", min_probability=0.5)
    doc = wide.get_pipe("kakehashi")(spacy.tokens.Doc(nlp.vocab, [text]))
    assert [(e.start_char, e.end_char) for e in doc.ents] == [(0, len(text))]


def test_entities_of_others_can_stay_and_sentences_are_tagged_alone():
    nlp, recognizer = pipeline("en", overwrite=False)
    ruler = nlp.add_pipe("entity_ruler", before="kakehashi")
    text = TEXTS["en"][0]
    mentions = recognizer(text)
    ruler.add_patterns([{"label": "OWN", "pattern": mentions[0].text}])
    assert [e.label_ for e in nlp(text).ents] == ["OWN", *(m.type for m in mentions[1:])]
    both, _ = pipeline("en")
    both.add_pipe("sentencizer", first=True)
    doc = both(f"Stop! {text}")
    assert len(list(doc.sents)) == 2
    assert [e.text for e in doc.ents][-len(mentions) :] == [m.text for m in mentions]


def test_without_a_model_it_says_what_is_needed():
    nlp = spacy.blank("en")
    nlp.add_pipe("kakehashi")
    with pytest.raises(ModelError, match='add_pipe\\("kakehashi", config='):
        nlp("Tokyo")
