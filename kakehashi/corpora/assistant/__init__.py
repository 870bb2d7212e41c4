"""Voice-assistant utterances from built-in grammars: English, Japanese, German.

All grammars and lists are our own. `generate` draws from them; utterance k of a partition hangs on
language, partition, seed and k alone.

The grammars lie in ``data/``. ``schema.toml`` names the entity types and the intents, the most
frequent intent first; every language must cover all of them. Intents are drawn by Zipf's law, so
that the rarest entity types come some ten times in a hundred thousand utterances: the long tail of
the paper's figure 2. A language is a folder of TOML files that count as one: a file per domain, and
``names``, ``values`` and ``rules`` for what several domains share. They have three tables of lists;
in every list the first member is the most frequent:

``[intents.DOMAIN]``
    ``intent = [phrases]``. The domain becomes the ``group`` of the sentence.
``[values]``
    Open lists: names, titles, goods. One member in six is kept for dev alone, one in six for test
    alone, and so are phrases: what is learnt by heart from train does not help there.
``[rules]``
    Closed lists and patterns: numbers, times, politeness. The same in all partitions; a member that
    stands there twice is more frequent.

A member of a list is a template:

=================  =================================================================
``play``           itself
``(a|b|c)``        one of them, equally often; an empty one is allowed
``[a|b]``          one of them or, half the time, nothing
``<rule>``         a member of that list
``{type}``         a mention of that entity type, a member of the list of that name
``{type:list}``    the same, from another list: ``am {date:weekday}``
=================  =================================================================

Spaces count: write ``[please ]play``, not ``[please] play``. The rule ``frame`` is the whole
utterance; ``<phrase>`` in it is a phrase of the intent drawn. A list used inside a mention cannot
hold mentions. To add an intent, name it in ``schema.toml`` and give each language at least six
phrases, else none can be kept for dev and test.

Utterances look as speech recognition writes them, without punctuation. English is lower case but
for names, titles, weekdays, months and ``I``; German has its usual capitals, but none for the first
word as such; Japanese has no spaces, numbers in kanji or digits, and foreign names in katakana with
``・`` between their parts.
"""

from kakehashi.corpora.assistant.sampler import generate

__all__ = ["generate"]
