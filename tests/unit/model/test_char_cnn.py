"""The character CNN against torch's convolution of one padded form at a time."""

import numpy as np
import pytest
import torch

from kakehashi.config.segmenting import TextSettings
from kakehashi.model.char_cnn import CharCnn
from kakehashi.model.folder import Model, load_model, save_model
from kakehashi.model.transfer import TransferError, apply_transfer, plan_transfer


@pytest.mark.parametrize("lengths", [[1], [2, 1, 5], [7, 7, 1, 2]], ids=str)
def test_forms_and_gradients_are_those_of_torch(lengths):
    torch.manual_seed(0)
    cnn, items = CharCnn(4, 6, 3), torch.randn(5, 4, requires_grad=True)
    rows = torch.randint(5, (sum(lengths),))
    ours = cnn(items, rows, np.array(lengths))
    forms = [items[part].T[None] for part in rows.split(lengths)]
    padded = [torch.nn.functional.pad(form, (1, 1)) for form in forms]
    theirs = torch.cat([torch.nn.Conv1d.forward(cnn, form).amax(2).tanh() for form in padded])
    torch.testing.assert_close(ours, theirs)
    weights = (items, cnn.weight, cnn.bias)
    for mine, its in zip(
        *(torch.autograd.grad(each.sum(), weights) for each in (ours, theirs)), strict=True
    ):
        torch.testing.assert_close(mine, its)


def test_it_is_saved_and_loaded(tmp_path, make_tagger):
    tagger = make_tagger(["a"], ["ba"], ("LOC",), char_encoder="cnn", char_filters=3)
    save_model(tmp_path / "model", Model("test", tagger, TextSettings()))
    again = load_model(tmp_path / "model").tagger
    assert again.settings == tagger.settings
    for name, value in tagger.state_dict().items():
        assert torch.equal(again.state_dict()[name], value)


def test_it_is_transferred_with_its_group_and_only_to_its_like(make_tagger):
    settings = {"char_encoder": "cnn", "char_filters": 3}
    source = make_tagger(["a"], ["ba", "ja"], ("LOC",), seed=1, **settings)
    target = make_tagger(["b"], ["ja", "ko"], ("LOC",), seed=2, **settings)
    apply_transfer(plan_transfer(source, target, ["char"]), source, target)
    assert torch.equal(target.char.cnn.weight, source.char.cnn.weight)
    assert torch.equal(target.char.embedding.weight[1], source.char.embedding.weight[2])
    other = make_tagger(["b"], ["ja"], ("LOC",))
    with pytest.raises(TransferError, match="by a cnn, the target by a bilstm; set model"):
        plan_transfer(source, other, ["char"])
