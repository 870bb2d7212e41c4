import pytest

from kakehashi.errors import MissingExtraError
from kakehashi.extras import require
from kakehashi.progress import Progress


def test_progress_passes_items_on_and_says_nothing(capsys):
    progress = Progress()
    assert list(progress.track(iter("abc"), "letters", 3)) == ["a", "b", "c"]
    progress.say("news")
    assert capsys.readouterr() == ("", "")


def test_a_missing_library_names_the_command_and_one_that_is_there_is_given():
    with pytest.raises(MissingExtraError, match=r"pip install '.*\[ipadic\]'"):
        require("no_such_module_at_all", "ipadic")
    assert require("json", "none").loads("1") == 1
