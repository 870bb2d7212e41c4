"""What holds for all tests."""

import io
import os
import signal
import subprocess
import sys
import tempfile
import traceback
from contextlib import chdir, contextmanager

import pytest
from hypothesis import settings

from kakehashi.progress import Progress

# A busy machine is slow, not wrong; and CI draws the same examples every time.
settings.register_profile("kakehashi", deadline=None, derandomize=True)
settings.load_profile("kakehashi")

# Tests that a shell runs in the background ignore Ctrl-C, and so would all that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_make_parametrize_id(val, argname):
    """Name a test after a parameter's position where its value is bytes.

    Packed bytes hold the time of day, and workers that disagree about the names refuse to start.
    """
    return argname if isinstance(val, bytes) else None


class _Told(Progress):
    def __init__(self):
        self.lines = []

    def say(self, line):
        self.lines.append(line)


@pytest.fixture
def told():
    """Progress that keeps the lines it is told."""
    return _Told()


@contextmanager
def _standard_input(text):
    """Have a file with the text as standard input."""
    with tempfile.TemporaryFile() as file:
        file.write(text.encode())
        file.seek(0)
        before = os.dup(0)
        os.dup2(file.fileno(), 0)
        try:
            with open(0, encoding="utf-8", closefd=False) as stream:
                yield stream
        finally:
            os.dup2(before, 0)
            os.close(before)


def _main(arguments):
    """Call the program as its entry point does; give its exit status."""
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    sys.argv[:] = ["kakehashi", *map(str, arguments)]
    try:
        from kakehashi.__main__ import main

        main()
    except SystemExit as end:
        return end.code or 0
    except Exception:
        traceback.print_exc()
        return 1
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


class Done(subprocess.CompletedProcess):
    """How a call of the program ended."""

    def refused(self, *fragments):
        """Verify exit status 2, nothing on stdout, and one line on stderr with all fragments.

        Before it, only how files are read may stand there.
        """
        assert (self.returncode, self.stdout) == (2, ""), self.stderr
        (line,) = (line for line in self.stderr.splitlines() if not line.startswith("reading "))
        assert line.startswith("error: ")
        for fragment in fragments:
            assert fragment in line


@pytest.fixture(scope="session")
def run():
    """Run the program in this process; no data folder, 120 columns.

    A process of its own would load torch first, which takes longer than most of what it is asked.
    """

    def run(*arguments, stdin="", cwd="."):
        out, err = (io.TextIOWrapper(io.BytesIO()) for _ in range(2))
        with pytest.MonkeyPatch.context() as patch, chdir(cwd), _standard_input(stdin) as given:
            patch.setenv("COLUMNS", "120")
            patch.delenv("KAKEHASHI_DATA", raising=False)
            patch.setattr(sys, "argv", [])
            patch.setattr(sys, "unraisablehook", sys.unraisablehook)
            for name, stream in (("stdin", given), ("stdout", out), ("stderr", err)):
                patch.setattr(sys, name, stream)
            status = _main(arguments)
            texts = (stream.buffer.getvalue().decode() for stream in (out, err))
            return Done(arguments, status, *texts)

    return run


@pytest.fixture(scope="session")
def tiny_encoder(tmp_path_factory):
    """A folder with a BERT of random weights, 3 layers, width 24, that knows some characters."""
    transformers = pytest.importorskip(
        "transformers", reason="the extra 'teacher' is not installed"
    )
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers

    letters = (
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ.東京大阪神戸加藤佐葵小川伊はにへを"
    )
    specials = {"unk_token": "[UNK]", "pad_token": "[PAD]", "cls_token": "[CLS]"}
    specials |= {"sep_token": "[SEP]"}
    strings = [*specials.values(), *letters, *(f"##{letter}" for letter in letters)]
    words = models.WordPiece({piece: n for n, piece in enumerate(strings)}, unk_token="[UNK]")
    tokenizer = Tokenizer(words)
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    folder = tmp_path_factory.mktemp("encoder") / "tiny"
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, **specials)
    fast.save_pretrained(folder)
    sizes = {"hidden_size": 24, "intermediate_size": 32, "max_position_embeddings": 34}
    layers = {"num_hidden_layers": 3, "num_attention_heads": 2, "initializer_range": 0.3}
    torch.manual_seed(0)
    config = transformers.BertConfig(vocab_size=len(strings), **sizes, **layers)
    transformers.BertModel(config, add_pooling_layer=False).save_pretrained(folder)
    return folder
