import pytest

from kakehashi.errors import ConfigError
from kakehashi.training.initial import check_crf_memory


def test_a_crf_over_many_tags_says_what_it_costs(told):
    check_crf_memory(201, told)
    assert told.lines == []
    check_crf_memory(10_001, told)
    (line,) = told.lines
    cost = "a CRF over 10,001 tags scores 100,040,004 pairs of them: 6.4 GB"
    assert line.startswith(f"warning: {cost}")
    with pytest.raises(ConfigError, match=r"model.decoder: a CRF .* this machine has .*softmax"):
        check_crf_memory(10_000_001, told)
