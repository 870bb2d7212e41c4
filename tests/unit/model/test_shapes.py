"""What a tagger's weights are shaped like, without a tagger."""

import pytest

from kakehashi.model.tagger import weight_shapes


@pytest.mark.parametrize("decoder", ["softmax", "crf"])
@pytest.mark.parametrize("word_width", [7, None])
@pytest.mark.parametrize("lstm", ["fused", "torch"])
def test_shapes_are_those_of_a_tagger(make_tagger, decoder, word_width, lstm):
    tagger = make_tagger(
        ["a", "b"], ["a"], ["LOC", "PER"], decoder=decoder, word_width=word_width, lstm=lstm
    )
    expected = {name: tuple(weights.shape) for name, weights in tagger.state_dict().items()}
    assert weight_shapes(tagger.settings, 3, 2, len(tagger.tagset)) == expected
