import pytest

from kakehashi.text.words import WHITESPACE, WORDS, words_of


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("""Hello, Tokyo's mayor said "no".""", 'Hello , Tokyo \'s mayor said " no " .'),
        ("(John's) JOHN'S and John’s", "( John 's ) JOHN 'S and John ’s"),
        ("well-known o'clock don't", "well-known o'clock don't"),
        ("James' 'quoted'", "James ' ' quoted '"),
        ("at 10:30, 3.5% of $1,000.50.", "at 10:30 , 3.5 % of $ 1,000.50 ."),
        ("on 24.12.2020 or 12/24/2020:", "on 24.12.2020 or 12/24/2020 :"),
        ("the U.S. and U.S., e.g. here.", "the U.S. and U.S. , e.g. here ."),
        ("Mr. George W. Bush of Acme Inc. left.", "Mr. George W. Bush of Acme Inc. left ."),
        ("Plan B. and me@home.org, AT&T", "Plan B . and me@home.org , AT&T"),
        ("what?! no... -- yes!!", "what ? ! no ... -- yes !!"),
        ("„Die Ärzte“, z.B. heute; geht's?", "„ Die Ärzte “ , z.B. heute ; geht 's ?"),
        ("Cafe\u0301s", "Cafe\u0301s"),
        ("We saw Lima.Later it rained.", "We saw Lima . Later it rained ."),
        ("am 3.Mai, 12.März", "am 3 . Mai , 12 . März"),
        ("300 v.Chr., z.Zt. im e.V. und a.b", "300 v.Chr . , z.Zt . im e.V. und a.b"),
        ("kakehashi.org U.S.A. 1.5 v1.2b", "kakehashi.org U.S.A. 1.5 v1.2b"),
        ("_Lima_ __init__ snake_case _U.S._", "_ Lima _ __ init __ snake_case _ U.S. _"),
        ("हिन्दी में", "हिन्दी में"),
        ("soft\u00adly", "soft\u00adly"),
        ("Ｌ\u0301ima e\u0301.X", "Ｌ\u0301ima e\u0301.X"),
    ],
)
def test_words(text, expected):
    assert [token.text for token in WORDS.segment(text)] == expected.split(" ")


def test_hyphens_are_cut_if_asked_and_whitespace_leaves_punctuation():
    tokens = words_of(None, cut_hyphens=True).segment(
        "the Lima-based ZDF-Chef, 10-12, U.S.-made -- o'clock a.b"
    )
    expected = "the Lima - based ZDF - Chef , 10 - 12 , U.S. - made -- o'clock a.b"
    assert [token.text for token in tokens] == expected.split(" ")
    tokens = WHITESPACE.segment(" a\u3000b.\u200b c\r\n")
    assert [token[:3] for token in tokens] == [("a", 1, 2), ("b.", 3, 5), ("c", 7, 8)]


def test_words_have_all_that_their_tokens_depend_on():
    words = WORDS.words("Plan B. or George W. Bush, B. too")
    assert words == ["Plan", "B.", "or", "George", "W. Aa", "Bush,", "B.", "too"]
    tokens = [[token[:3] for token in WORDS.tokens_of(word)] for word in words]
    assert tokens[1] == [("B", 0, 1), (".", 1, 2)]
    assert tokens[4] == [("W.", 0, 2)]
    assert tokens[5] == [("Bush", 0, 4), (",", 4, 5)]


@pytest.mark.parametrize(
    ("language", "text", "words"),
    [
        ("fr", "L'hôtel d’Italie aujourd'hui", "L' hôtel d’ Italie aujourd'hui"),
        ("fr", "qu'il s'en aille, jusqu'à l’école", "qu' il s' en aille , jusqu' à l’ école"),
        ("fr", "quelqu'un donne-moi", "quelqu'un donne-moi"),
        ("it", "l'acqua dell'Etna un po' c'è", "l' acqua dell' Etna un po ' c' è"),
        ("he", 'צה"ל ש״ס "שלום"', 'צה"ל ש״ס " שלום "'),
        ("hy", "Ինչո՞ւ եկար։", "Ինչո՞ւ եկար ։"),
        ("hi", "दिल्ली में क़लम।", "दिल्ली में क़लम ।"),
        ("am", "ሰላም፡ለዓለም።", "ሰላም ፡ ለዓለም ።"),
        ("en", "l'hôtel", "l'hôtel"),
    ],
)
def test_words_of_a_language(language, text, words):
    tokens = words_of(language).segment(text)
    assert [token.text for token in tokens] == words.split()
    assert all(token.text == text[token.start : token.end] for token in tokens)
