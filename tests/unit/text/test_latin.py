import pytest

from kakehashi.text.latin import latin, uroman
from kakehashi.text.views import view


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(
            ("Москва", "Moskva"),
            ("Щукин", "Shchukin"),
            ("США", "SSHA"),
            ("Я", "Ya"),
            ("замо\u0301к", "zamok"),
        ),
        *(
            ("Київ", "Kiyiv"),
            ("Ευρώπη", "Evropi"),
            ("ὁδός", "odos"),
            ("ΟΥΖΟ", "OUZO"),
            ("χαϊδεύω", "chaidevo"),
        ),
        *(("Երևան", "Erevan"), ("თბილისი", "tbilisi"), ("ירושלים", "yrushlim")),
        *(("محمد", "mhmd"), ("مُحَمَّد", "muhamad"), ("موسيقى", "musiqa"), ("يوم", "yum"), ("٣", "3")),
        *(
            ("दिल्ली", "dilli"),
            ("मुंबई", "mumbai"),
            ("कृष्ण", "krishn"),
            ("राम", "ram"),
            ("फ़िल्म", "film"),
        ),
        *(("सुबह", "subah"), ("ज़", "za"), ("২০", "20"), ("বাংলা", "banla")),
        *(
            ("ශ", "ශ"),
            ("ॐ", "ॐ"),
            ("नऽ", "naऽ"),
            ("சென்னை", "chennai"),
            ("ಕನ್ನಡ", "kannada"),
            ("తెలుగు", "telugu"),
        ),
        *(
            ("กรุงเทพ", "krungtheph"),
            ("จันทร์", "chanth"),
            ("น้ำ", "nam"),
            ("ไทย", "thaiy"),
            ("อาหาร", "ahar"),
        ),
        *(("አዲስ", "adis"), ("አበባ", "abeba"), ("ኢትዮጵያ", "itiyophiya")),
        *(
            ("café", "cafe"),
            ("Straße", "Strasse"),
            ("ẞ", "SS"),
            ("Łódź", "Lodz"),
            ("İzmir", "Izmir"),
        ),
        *(("東京タワー", "東京タワー"), ("한국", "한국"), ("ＡＢ", "AB"), ("☀", "☀"), ("", "")),
    ],
)
def test_letters(text, expected):
    assert latin(text) == expected


def test_accents_apart_from_their_letters_are_the_same():
    assert latin("e\u0301") == latin("é") == "e"
    assert latin("и\u0306") == latin("й") == "y"


@pytest.mark.slow
def test_uroman_never_reads_kanji_as_chinese():
    pytest.importorskip("uroman")
    assert uroman("東京タワー") == "東京tawaa"
    assert view("東京", "トウキョウ", "uroman") == "toukyou"
    assert view("Путешествие", "", "uroman") == "Puteshestvie"
    assert view("ー", "", "uroman") == "ー"  # nothing is left of it there
