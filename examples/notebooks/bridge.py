# A notebook in percent format: open it in VS Code, PyCharm or Spyder as it is, or make an .ipynb of it
# with `jupytext --to ipynb bridge.py`. Needs `pip install '.[train,fast]'`; a minute or two in all.

# %% [markdown]
# # A bridge from English to Japanese
#
# Two small corpora of one world, utterances to a voice assistant: many in English, few in Japanese. We
# look at what the two languages share, train on each, and see what the English layers give.

# %%
from kakehashi import Recognizer, Score, generate, load_segmenter, romanize, score_mentions, train

english = list(generate("en", 3000))
english_dev = list(generate("en", 200, partition="dev"))
japanese = list(generate("ja", 200))
japanese_dev = list(generate("ja", 100, partition="dev"))
japanese_test = list(generate("ja", 300, partition="test"))
japanese[0]

# %% [markdown]
# ## What the character layer sees
#
# English and Japanese have no character in common. So the word layer sees ジャズ, and the character layer
# its reading in Latin letters, of which it has seen the bigrams in English.

# %%
segmenter = load_segmenter("unidic-lite")
for token in segmenter.segment(japanese[0].text):
    print(token.text, token.reading, romanize(token.reading or token.text), sep="\t")

# %% [markdown]
# ## Train English, then Japanese twice
#
# Settings are what a config file has, as tables. The second training in Japanese begins with the character
# and the dense layers of the English model; words, which have other strings, begin anew.


# %%
def settings(name: str, **tables: dict[str, object]) -> dict[str, object]:
    """Return small settings, so that the notebook is done soon; the presets have the paper's."""
    training = {"epochs": 10, "learning_rate": 0.005, "batch_tokens": 256}
    model = {"word_lstm_width": 80, **tables.pop("model", {})}
    return {"name": name, "preset": "internal", "model": model, "training": training, **tables}


IN_JAPANESE = {"text": {"segmenter": "unidic-lite"}, "model": {"char_view": "romaji"}}
source = train(settings("english"), "runs/english", train=english, dev=english_dev)
target = {"train": japanese, "dev": japanese_dev}
alone = train(settings("alone", **IN_JAPANESE), "runs/alone", **target)
bridged = train(
    settings("bridged", transfer={"source": str(source)}, **IN_JAPANESE),
    "runs/bridged",
    **target,
)

# %% [markdown]
# ## What it gives
#
# F1 as conlleval counts it, on text that none has seen. One seed, one small world: `kakehashi experiment`
# asks such questions with several seeds and two significance tests.


# %%
def f1(run: object) -> Score:
    """Score a run on the test sentences."""
    found = Recognizer.load(run).annotate(japanese_test)
    gold, predicted = ([each.mentions for each in side] for side in (japanese_test, found))
    return score_mentions(gold, predicted)


scores = {name: f1(run) for name, run in [("alone", alone), ("bridged", bridged)]}
print({name: round(score.f1, 1) for name, score in scores.items()})
scores["bridged"]

# %% [markdown]
# ## Use it
#
# Offsets are those of your text.

# %%
recognizer = Recognizer.load(bridged)
for mention in recognizer("明日の朝七時に東京の天気を教えて"):
    print(mention.to_dict())
