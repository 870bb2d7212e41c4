import gzip
import tarfile
from pathlib import Path

import pytest

from kakehashi.config.sources import KnpSource
from kakehashi.corpora.archives import members
from kakehashi.corpora.knp import read
from kakehashi.errors import CorpusError
from kakehashi.sentence import Mention, Token

NOUN = "名詞 6 普通名詞 1 * 0 * 0"


def morphemes(*forms):
    """Write morpheme lines; a form may bring its entity along, after a slash."""
    lines = []
    for form in forms:
        form, _, entity = form.partition("/")
        tag = f"<NE:{entity}>" if entity else ""
        lines.append(f'{form} {form} {form} {NOUN} "代表表記:{form}" <漢字>{tag}')
    return "\n".join(lines)


def block(name, *lines):
    return "\n".join([f"# S-ID:{name} KNP:4.2", *lines, "EOS"]) + "\n"


FIRST = block(
    "doc1-1",
    "* 1D",
    '+ 1D <rel type="ノ" target="町"/>',
    morphemes("青い", "川"),
    "+ 2D <NE:LOCATION:青い川町>",
    morphemes("町"),
    "* -1D",
    "+ -1D <NE:DATE:昨日>",
    "雨 あめ 雨 名詞 6 普通名詞 1 * 0 * 0",
    "昨日 きのう 昨日 名詞 6 時相名詞 10 * 0 * 0 NIL",
)


def sentences(path, **settings):
    return list(read(KnpSource(path=str(path), **settings)))


def one(write, *lines, encoding="utf-8"):
    path = write("folder/doc1.knp", block("doc1-1", *lines), encoding)
    (sentence,) = sentences(Path(path).parent, encoding=encoding)
    return sentence


def test_morphemes_become_tokens_with_reading_and_part_of_speech(write):
    sentence = one(
        write,
        "* -1D",
        "雨 あめ 雨 名詞 6 普通名詞 1 * 0 * 0",
        "降り ふり 降る 動詞 2 * 0 子音動詞ラ行 10 基本連用形 8 NIL",
        encoding="euc-jp",
    )

    assert sentence.text == "雨降り"
    expected = (Token("雨", 0, 1, "あめ", "名詞"), Token("降り", 1, 3, "ふり", "動詞"))
    assert sentence.tokens == expected
    assert (sentence.id, sentence.group) == ("doc1-1", "doc1")


def test_an_entity_ends_in_its_phrase_and_may_begin_before(write):
    sentence = one(write, *FIRST.splitlines()[1:7])
    assert sentence.mentions == (Mention(0, 4, "LOCATION", "青い川町"),)
    assert not sentence.project().lost
    sentence = one(
        write, "+ 1D", morphemes("京", "は"), "+ -1D <NE:LOCATION:京>", morphemes("京", "と", "京")
    )
    assert sentence.mentions == (Mention(4, 5, "LOCATION", "京"),)
    sentence = one(
        write, "* 1D", morphemes("京", "都"), "* -1D <NE:LOCATION:都雨>", morphemes("雨", "京都")
    )
    assert sentence.mentions == (Mention(1, 3, "LOCATION", "都雨"),)
    sentence = one(write, "+ -1D <NE:OPTIONAL:英>", morphemes("英語"))
    assert sentence.mentions == (Mention(0, 1, "OPTIONAL", "英"),)
    assert sentence.project().lost == sentence.mentions


def test_entities_on_morpheme_lines(write):
    sentence = one(
        write,
        morphemes("東/LOCATION:head", "西/LOCATION:middle", "町/LOCATION:tail", "雪/DATE:single"),
    )
    assert sentence.mentions == (Mention(0, 3, "LOCATION", "東西町"), Mention(3, 4, "DATE", "雪"))
    sentence = one(
        write,
        "* 1D <NE:LOCATION:三条橋>",
        morphemes("三条", "橋/LOCATION:tail", "雪/ARTIFACT:single"),
        "* -1D <NE:LOCATION:北町>",
        morphemes("北/LOCATION:head", "町/LOCATION:tail"),
    )
    expected = [("三条橋", "LOCATION"), ("雪", "ARTIFACT"), ("北町", "LOCATION")]
    assert [(m.text, m.type) for m in sentence.mentions] == expected
    line = morphemes("町/LOCATION:single") + "<NE:LOCATION:tail>"
    assert one(write, morphemes("北/LOCATION:head"), line).mentions == (
        Mention(0, 2, "LOCATION", "北町"),
    )


def test_a_sentence_may_be_long_or_one_mark(write):
    sentence = one(write, "* -1D <NE:A:終>", morphemes(*["雨/DATE:single"] * 9_000, "終/A:single"))
    assert len(sentence.mentions) == 9_001
    assert one(write, f"@ きごう @ {PLAIN}").text == "@"


def test_forms_that_look_like_something_else(write):
    sentence = one(
        write,
        "* -1D",
        f"EOSカメラ いおす EOSカメラ {NOUN}",
        f"* * * {NOUN}",
        f"+ + + {NOUN}",
        f"# # # {NOUN}",
        f"@ @ @ {NOUN}",
        f"\u3000 \u3000 \u3000 {NOUN}",
        f"5 ご 5 {NOUN}",
        f"（ ｀） （ ｀） （ ｀） {NOUN}",
        f"５０ ごじゅう  ５０ {NOUN}",
        "# a comment",
        f"@ 雨 あめ 雨 {NOUN}",
        "",
    )

    assert [token.text for token in sentence.tokens] == [
        "EOSカメラ", "*", "+", "#", "@", "\u3000", "5", "（ ｀）", "５０",
    ]  # fmt: skip
    assert sentence.tokens[-1].reading == "ごじゅう"


def test_one_sentence_a_file_makes_the_folder_the_article(archive):
    files = {
        f"corpus/art_{a}/art_{a}-1-{n}-01": block(f"art_{a}-1-{n}-01", morphemes("雨")).encode()
        for a in (1, 2)
        for n in (1, 2)
    }
    found = sentences(archive(files))
    assert [sentence.group for sentence in found] == ["art_1", "art_1", "art_2", "art_2"]


def corpus():
    other = block("doc2-1", morphemes("雪")) + block("doc2-2", morphemes("霧"))
    return {
        "README.md": b"# Corpus\n",
        "id/train.id": b"doc2\n\n",
        "id/all.id": b"doc1\r\ndoc2\r\n",
        "id/wrong.id": b"doc1\ndoc3\ndoc4\n",
        "info": b"# S-ID:doc1-1\n# S-ID:doc2-1\n",
        "knp/doc1.knp": FIRST.encode(),
        "knp/doc2.knp": b"# S-ID:doc2-0 failed\nEOS\n" + other.encode(),
    }


def test_archive_and_folder_are_read_alike(archive, write, tmp_path):
    path = archive(corpus())
    for name, content in corpus().items():
        write(f"folder/{name}", content)
    packed = sentences(path)
    assert packed == sentences(tmp_path / "folder")
    expected = [("doc1-1", "doc1"), ("doc2-1", "doc2"), ("doc2-2", "doc2")]
    assert [(s.id, s.group) for s in packed] == expected
    assert [m.text for m in packed[0].mentions] == ["青い川町", "昨日"]


def test_articles_and_files_are_chosen_by_lists_and_patterns(archive):
    path = archive(corpus())
    assert [s.id for s in sentences(path, ids="id/train.id")] == ["doc2-1", "doc2-2"]
    assert len(sentences(path, ids="id/all.id")) == 3
    with pytest.raises(CorpusError, match="2 of the 3 articles in 'id/wrong"):
        sentences(path, ids="id/wrong.id")
    with pytest.raises(CorpusError, match="no file inside matches 'id/none"):
        sentences(path, ids="id/none.id")
    assert [s.id for s in sentences(path, files="knp/*2.knp")] == ["doc2-1", "doc2-2"]
    with pytest.raises(CorpusError, match=r"!id/train\.id:1: the sentence .* here has no EOS"):
        sentences(path, files="*.id")


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        (["* -1D", "雨 あめ 雨"], r":3: expected a line of KNP's, got '雨 あめ 雨'"),
        (["雨 あめ 雨 名詞 x 普通名詞 1"], r":2: expected a line of KNP's"),
        ([f" {NOUN}"], r":2: expected a line of KNP's"),
        (["+ -1D <NE:DATE:昨日>", morphemes("雨")], r":2: the entity '昨日' does not end in this"),
        (["+ 1D", morphemes("雨"), "+ -1D <NE:DATE:雨>", morphemes("雪")], r":4: the entity '雨'"),
        (["+ 1D <NE:DATE:雨雪>", morphemes("雨"), "+ -1D", morphemes("雪")], r":2: .*'雨雪'"),
        (["+ -1D <NE:A:雨雪><NE:B:雪>", morphemes("雨", "雪")], r":1: .*'雪' at \[1, 2\) overlaps"),
        ([morphemes("雨/DATE:begin")], r":2: expected head, middle, tail or single in <NE:DATE:…>"),
        (["* -1D"], r":1: .*expected a text"),
    ],
)
def test_bad_files_are_refused_with_file_and_line(archive, lines, problem):
    path = archive({"knp/doc1.knp": block("doc1-1", *lines).encode()})
    with pytest.raises(CorpusError, match=rf"corpus\.tar\.gz!knp/doc1\.knp{problem}") as caught:
        sentences(path)
    assert "\n" not in str(caught.value)


def test_a_sentence_without_end_is_refused(archive):
    path = archive({"a.knp": (FIRST + f"# S-ID:doc1-2\n{morphemes('雨')}\n").encode()})
    with pytest.raises(CorpusError, match=r"a\.knp:13: the sentence that begins here has no EOS"):
        sentences(path)


PLAIN = "未定義語 15 その他 1 * 0 * 0"


@pytest.mark.parametrize("mark", ["@", "#"])
def test_marks_of_the_text_are_morphemes_whatever_their_reading(write, mark):
    sentence = one(
        write,
        f"+ -1D <NE:ARTIFACT:{mark}雪>",
        f"{mark} きごう {mark} {PLAIN}",
        f"雪 ゆき 雪 {NOUN}",
        f"@ 雪 せつ 雪 {NOUN}",
        f"@ 雪  雪 {NOUN}",
        "# 1 2 3 4 5 6",
    )
    assert sentence.text == f"{mark}雪"
    assert sentence.tokens[0] == Token(mark, 0, 1, "きごう", "未定義語")
    assert sentence.mentions == (Mention(0, 2, "ARTIFACT", f"{mark}雪"),)


def test_forms_that_jumanpp_escapes(write):
    symbol = "特殊 1 記号 5 * 0 * 0"
    sentence = one(
        write,
        r"\  \  \  特殊 1 空白 6 * 0 * 0",
        rf"\* \* \* {symbol}",
        rf"\# \# \# {symbol}",
        rf"\ \ \ {symbol}",
        rf"\n \n \n {symbol}",
    )
    assert [token.text for token in sentence.tokens] == [" ", "*", "#", "\\", r"\n"]
    assert sentence.tokens[1].reading == "*"


@pytest.mark.parametrize("line", ["\n", "# x\n", f"雨 あめ 雨 {NOUN}\n"], ids=["blank", "#", "雨"])
def test_a_sentence_that_never_ends_is_refused(archive, line):
    path = archive({"a.knp": f"# S-ID:a\n{line * 10_001}EOS\n".encode()})
    with pytest.raises(CorpusError, match=r"a\.knp:1: .*10,000 lines.*expected EOS"):
        sentences(path)


def names(path, pattern="*"):
    paths = [(member.path, member.content) for member in members(path, pattern)]
    return [(path.parent.name, path.stem, content) for path, content in paths]


FILES = {"./top/a/one.knp": b"1", "./top/b/two.knp": b"2", "./README.md": b"r"}


def test_archive_and_folder_give_the_same(archive, write, tmp_path):
    path = archive({name: FILES[name] for name in sorted(FILES)})
    for name, content in FILES.items():
        write(f"folder/{name}", content)
    packed, unpacked = names(path), names(str(tmp_path / "folder"))
    assert packed == unpacked
    assert packed == [("", "README", b"r"), ("a", "one", b"1"), ("b", "two", b"2")]


def test_a_pattern_chooses_files_across_folders_and_names_them(archive, tmp_path):
    path = archive(FILES)
    assert names(path, "*.knp") == [("a", "one", b"1"), ("b", "two", b"2")]
    assert names(path, "top/b/*") == [("b", "two", b"2")]
    assert next(members(path, "*.md")).where == f"{path}!README.md"
    with pytest.raises(CorpusError, match=r"no file inside matches '\*\.txt'"):
        names(archive(FILES), "*.txt")
    with pytest.raises(CorpusError, match="no file inside matches"):
        names(str(tmp_path), "*.txt")


def entry(name, type=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = type, link
    return info


@pytest.mark.parametrize(
    "unsafe",
    [
        entry("/etc/passwd"),
        entry("../outside"),
        entry("a/../../outside"),
        entry("link", tarfile.SYMTYPE, "/etc/passwd"),
        entry("hard", tarfile.LNKTYPE, "other"),
        entry("pipe", tarfile.FIFOTYPE),
        entry("device", tarfile.CHRTYPE),
        entry("a\nb"),
    ],
    ids=lambda info: ascii(info.name),
)
def test_members_that_lead_out_are_refused(archive, unsafe, tmp_path):
    path = archive({"x": unsafe})
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(CorpusError, match="holds the unsafe member") as caught:
        names(path)
    assert "\n" not in str(caught.value)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_sparse_member_is_refused(write):
    # 1 GiB of nothing in an old GNU sparse entry of 1.5 KiB.
    info = tarfile.TarInfo("sparse")
    info.type = tarfile.GNUTYPE_SPARSE
    block = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    block[483:495] = b"%011o\0" % (1 << 30)
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    path = write("sparse.tar.gz", gzip.compress(bytes(block) + bytes(1024)))
    with pytest.raises(CorpusError, match="unsafe member 'sparse'"):
        names(path)


def test_an_archive_that_unpacks_to_a_gigabyte_is_refused(write):
    info = tarfile.TarInfo("big")
    info.size = 1 << 30
    mebibyte = gzip.compress(bytes(1 << 20))
    path = write("bomb.tar.gz", gzip.compress(info.tobuf()) + mebibyte * 1024)
    with pytest.raises(CorpusError, match=r"bomb\.tar\.gz!big: is larger than 64 MiB"):
        names(path)
    with pytest.raises(CorpusError, match="unpacks to more than 100 times"):
        names(path, "other")


def test_damage_anywhere_is_an_error(archive, write):
    whole = gzip.decompress(Path(archive(FILES)).read_bytes())
    ends = whole.rstrip(b"\0")
    damaged = bytearray(whole)
    damaged[1024 + 3] ^= 1  # the name of the second member, so its checksum is wrong
    for number, content in enumerate([whole[: len(ends)], bytes(damaged), b"", b"no archive" * 99]):
        with pytest.raises(CorpusError, match="damaged archive"):
            names(write(f"{number}.tar", content))
    packed = bytearray(Path(archive(FILES)).read_bytes())
    packed[-5] ^= 1
    with pytest.raises(CorpusError, match="damaged gzip"):
        names(write("a.tar.gz", bytes(packed)))


def test_bytes_flipped_anywhere_never_raise_anything_else(archive, write):
    whole = gzip.decompress(Path(archive(FILES)).read_bytes())[:4096]
    for place in range(0, 1536, 3):
        flipped = bytearray(whole)
        flipped[place] ^= 0x80 if place % 2 else 0x01
        try:
            found = names(write("a.tar", bytes(flipped)))
        except CorpusError:
            continue
        assert len(found) == len(FILES)  # nothing is missing without a word
