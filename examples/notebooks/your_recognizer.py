# A notebook in percent format: open it in VS Code, PyCharm or Spyder as it is, or make an .ipynb of it
# with `jupytext --to ipynb your_recognizer.py`. Needs `pip install '.[train,fast,spacy]'`; a minute or two.

# %% [markdown]
# # Bring the recognizer you have
#
# kakehashi transfers from a source that it has trained itself. If you own the English corpus, train on that. If
# all you own is a recognizer, let it tag English text, and train the source on what it finds. Here a
# pipeline of spaCy's stands for yours; a file that it has tagged, in any format we read, does as well.

# %%
import spacy

from kakehashi import Mention, Recognizer, Sentence, generate, train

yours = spacy.blank("en")
ruler = yours.add_pipe("entity_ruler")
english = list(generate("en", 3000))
values = {(mention.type, mention.text) for each in english[:1500] for mention in each.mentions}
ruler.add_patterns([{"label": kind, "pattern": text} for kind, text in sorted(values)])

# %% [markdown]
# ## Let it tag English text


# %%
def tagged(text: str) -> Sentence:
    """Return a text with what your recognizer finds in it."""
    found = [Mention(e.start_char, e.end_char, e.label_, e.text) for e in yours(text).ents]
    return Sentence(text, tuple(found))


silver = [tagged(each.text) for each in english]
silver[0]

# %% [markdown]
# ## Train the source on it, and Japanese from the source
#
# Only the Japanese labels are gold. Types must have the same names in both languages for the dense layer to be
# of use; a mapping (`corpus.mapping`) renames them.

# %%
training = {"epochs": 10, "learning_rate": 0.005, "batch_tokens": 256}
small = {"word_lstm_width": 80}
source = train(
    {"name": "silver", "preset": "internal", "model": small, "training": training},
    "runs/silver",
    train=silver[200:],
    dev=silver[:200],
)
japanese = train(
    {
        "name": "japanese",
        "preset": "internal",
        "text": {"segmenter": "unidic-lite"},
        "model": small | {"char_view": "romaji"},
        "training": training,
        "transfer": {"source": str(source)},
    },
    "runs/japanese",
    train=list(generate("ja", 200)),
    dev=list(generate("ja", 100, partition="dev")),
)
Recognizer.load(japanese)("明日の朝七時に東京の天気を教えて")
