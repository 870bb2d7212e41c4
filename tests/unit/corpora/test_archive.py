import gzip
import tarfile
from pathlib import Path

import pytest

from kakehashi.corpora.knp import members
from kakehashi.errors import CorpusError


def names(path, pattern="*"):
    return [(member.folder, member.stem, member.content) for member in members(path, pattern)]


FILES = {"./top/a/one.knp": b"1", "./top/b/two.knp": b"2", "./README.md": b"r"}


def test_archive_and_folder_give_the_same(archive, write, tmp_path):
    path = archive({name: FILES[name] for name in sorted(FILES)})
    for name, content in FILES.items():
        write(f"folder/{name}", content)

    packed, unpacked = names(path), names(str(tmp_path / "folder"))
    assert packed == unpacked
    assert packed == [("", "README", b"r"), ("a", "one", b"1"), ("b", "two", b"2")]


def test_a_pattern_chooses_files_across_folders(archive):
    path = archive(FILES)

    assert names(path, "*.knp") == [("a", "one", b"1"), ("b", "two", b"2")]
    assert names(path, "top/b/*") == [("b", "two", b"2")]


def test_a_pattern_that_matches_nothing_is_an_error(archive, tmp_path):
    with pytest.raises(CorpusError, match=r"no file inside matches '\*\.txt'"):
        names(archive(FILES), "*.txt")
    with pytest.raises(CorpusError, match="no file inside matches"):
        names(str(tmp_path), "*.txt")


def test_members_are_named_in_messages(archive):
    path = archive(FILES)

    assert next(members(path, "*.md")).where == f"{path}!README.md"


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


def test_a_wrong_checksum_of_gzip_is_an_error(archive, write):
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
