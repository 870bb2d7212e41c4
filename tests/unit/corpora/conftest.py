"""Small files, written by us, in every format."""

import gzip
import io
import tarfile
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Write = Callable[..., str]


@pytest.fixture(autouse=True)
def no_data_folder(monkeypatch):
    """Take relative paths from the working directory, whatever is set outside."""
    monkeypatch.delenv("KAKEHASHI_DATA", raising=False)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file and give its path."""

    def write(name: str, content: str | bytes, encoding: str = "utf-8") -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode(encoding) if isinstance(content, str) else content)
        return str(path)

    return write


@pytest.fixture
def archive(write: Write) -> Callable[[Mapping[str, bytes | tarfile.TarInfo]], str]:
    """Write a tar.gz of files, or of entries as they are, and give its path."""

    def archive(files: Mapping[str, bytes | tarfile.TarInfo], name: str = "corpus.tar.gz") -> str:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w") as tar:
            for path, content in files.items():
                entry = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(path)
                data = b"" if isinstance(content, tarfile.TarInfo) else content
                entry.size = len(data)
                tar.addfile(entry, io.BytesIO(data))
        return write(name, gzip.compress(packed.getvalue()))

    return archive
