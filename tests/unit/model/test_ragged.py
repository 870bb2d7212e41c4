"""Where the items of ragged sequences go, checked against the definition, one item at a time."""

import numpy as np
import pytest
import torch

from kakehashi.model.ragged import RaggedOrder

LENGTHS = [2, 4, 1, 4, 3]


def test_steps_order_has_the_items_of_each_step_longest_sequence_first():
    ragged = RaggedOrder(LENGTHS)
    starts = np.cumsum(LENGTHS) - LENGTHS
    ranked = [1, 3, 4, 0, 2]
    forward, backward = [], []
    for step in range(4):
        running = [s for s in ranked if LENGTHS[s] > step]
        forward += [starts[s] + step for s in running]
        backward += [starts[s] + LENGTHS[s] - 1 - step for s in running]
    assert ragged.order.tolist() == [forward, backward]
    assert ragged.sizes == [5, 4, 3, 2]
    assert (ragged.n_items, ragged.n_sequences) == (14, 5)


def test_items_and_final_states_follow_the_order_of_both_directions():
    ragged = RaggedOrder(LENGTHS)
    flat = torch.stack([ragged.order[0] * 2, ragged.order[1] * 2 + 1]).view(-1)
    assert flat[ragged.items].tolist() == list(range(28))
    flat = ragged.order.view(-1)
    pairs = flat[ragged.final].view(-1, 2)
    assert pairs[:, 0].tolist() == ragged.last.tolist() == [1, 5, 6, 10, 13]
    assert pairs[:, 1].tolist() == ragged.first.tolist() == [0, 2, 6, 7, 11]
    for direction, way in ((0, 1), (1, -1)):
        order = ragged.order[direction]
        assert (order[5:] - order[ragged.previous]).tolist() == [way] * 9


@pytest.mark.parametrize(
    ("lengths", "came"), [([], "no sequence"), ([2, 0, 1], "length 0"), ([-1], "length -1")]
)
def test_empty_sequences_are_refused(lengths, came):
    with pytest.raises(ValueError, match=f"at least one item, got {came}; leave"):
        RaggedOrder(lengths)
