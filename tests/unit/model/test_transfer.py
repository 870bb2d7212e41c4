import itertools

import pytest
import torch

from kakehashi.errors import TransferError
from kakehashi.model.transfer import apply_transfer, plan_transfer

GROUPS = ("char", "word", "dense")
COMBINATIONS = [c for n in (1, 2, 3) for c in itertools.combinations(GROUPS, n)]


@pytest.fixture
def source(make_tagger):
    return make_tagger(["a", "b", "c"], ["ja", "az"], ["LOC", "PER"], seed=1)


@pytest.fixture
def target(make_tagger):
    return make_tagger(["c", "x", "a"], ["zu", "ja"], ["ORG", "LOC"], seed=2)


def state(tagger):
    return {name: value.clone() for name, value in tagger.named_parameters()}


def test_every_parameter_has_one_group(source):
    groups = {name.split(".")[0] for name, _ in source.named_parameters()}
    assert groups == set(GROUPS)


@pytest.mark.parametrize("groups", COMBINATIONS, ids="+".join)
def test_each_combination_changes_its_groups_and_nothing_else(source, target, groups):
    before = state(target)
    plan = plan_transfer(source, target, groups)
    assert all(torch.equal(value, before[name]) for name, value in state(target).items())
    apply_transfer(plan, source, target)
    for name, value in target.named_parameters():
        assert torch.equal(value, before[name]) == (name.split(".")[0] not in groups)
    actions = {p.parameter: p.action for p in plan.parameters}
    assert {name.split(".")[0] for name, act in actions.items() if act != "keep"} == set(groups)


def test_rows_go_by_string_and_tag(source, target):
    before = state(target)
    apply_transfer(plan_transfer(source, target, GROUPS), source, target)
    old, new = source.word.embedding.weight, target.word.embedding.weight
    assert torch.equal(new[1], old[3])  # c
    assert torch.equal(new[3], old[1])  # a
    assert torch.equal(new[2], before["word.embedding.weight"][2])  # x
    assert torch.equal(target.char.embedding.weight[2], source.char.embedding.weight[1])  # ja
    ours, theirs = target.tagset.tags, source.tagset.tags
    for tag in ("O", "B-LOC", "I-LOC"):
        row, other = ours.index(tag), theirs.index(tag)
        assert torch.equal(target.dense.weight[row], source.dense.weight[other])
        assert torch.equal(target.dense.bias[row], source.dense.bias[other])
    row = ours.index("B-ORG")
    assert torch.equal(target.dense.weight[row], before["dense.weight"][row])


def test_words_known_only_from_vectors_are_not_copied(make_tagger, target):
    source = make_tagger(["a", "c"], ["ja"], ["LOC"], n_seen=1)
    plan = plan_transfer(source, target, ["word"])
    (entry,) = [p for p in plan.parameters if p.parameter == "word.embedding.weight"]
    assert (entry.matched, entry.rows) == (2, 4)  # the unknown word, and a


@pytest.mark.parametrize(("theirs", "ours"), [(2, 0), (0, 2), (2, 2)])
def test_vectors_in_8_bits_stay_where_they_are(make_tagger, theirs, ours):
    """``v`` is seen in one training set only, ``w`` in none; both have vectors in both models."""
    words = ["a", "c", "v", "w"]
    source = make_tagger(words, ["ja"], ["LOC"], seed=1, n_seen=2, n_compact=theirs)
    words = ["v", "c", "a", "w"]
    target = make_tagger(words, ["ja"], ["LOC"], seed=2, n_seen=3, n_compact=min(ours, 1))
    for tagger in (source, target):
        if tagger.word.vectors is not None:
            tagger.word.vectors.scales.uniform_()
            tagger.word.vectors.codes.random_(-127, 128)
    before = {name: value.clone() for name, value in target.state_dict().items()}
    plan = plan_transfer(source, target, GROUPS)
    apply_transfer(plan, source, target)
    (entry,) = [p for p in plan.parameters if p.parameter == "word.embedding.weight"]
    assert (entry.matched, entry.rows) == (3, 5 - min(ours, 1))
    inputs, n = (torch.arange(5), torch.zeros(5, 6)), 6
    old, new = source.word.embed(*inputs)[:, :n], target.word.embed(*inputs)[:, :n]
    assert torch.equal(new[[0, 2, 3]], old[[0, 2, 1]])  # the unknown, c, a
    assert torch.equal(new[1], before["word.embedding.weight"][1])
    assert not torch.equal(new[4], old[4])
    for name, value in target.state_dict().items():
        if name.startswith("word.vectors"):
            assert torch.equal(value, before[name])
    assert torch.equal(target.dense.weight, source.dense.weight)
    assert torch.equal(target.char.embedding.weight, source.char.embedding.weight)


def test_the_report_counts_rows_and_a_line_says_so(source, target):
    report = plan_transfer(source, target, ["char", "dense"], name="runs/en").to_dict()
    rows = {row["parameter"]: row for row in report["parameters"]}
    assert report["source"] == "runs/en"
    assert rows["char.embedding.weight"]["matched"] == 2
    copied = {"group": "dense", "action": "copy rows", "matched": 3, "rows": 5}
    assert rows["dense.bias"] == {"parameter": "dense.bias", "reason": "tag in both", **copied}
    assert rows["word.embedding.weight"]["action"] == "keep"
    line = str(plan_transfer(source, target, ["char", "dense"], name="runs/en"))
    assert line.startswith(
        "transfer of char+dense from runs/en; rows copied: char.embedding.weight"
    )
    assert "dense.weight 3/5" in line


def test_transitions_go_by_pair_of_tags(make_tagger):
    source = make_tagger(["a"], ["ja"], ["LOC", "PER"], decoder="crf")
    target = make_tagger(["a"], ["ja"], ["ORG", "LOC"], decoder="crf")
    with torch.no_grad():
        source.crf.transitions.copy_(torch.arange(36.0).reshape(6, 6))
        target.crf.transitions.fill_(-1)
    apply_transfer(plan_transfer(source, target, ["crf"]), source, target)
    ours = [*target.tagset.tags, "edge"]
    theirs = [*source.tagset.tags, "edge"]
    for (i, a), (j, b) in itertools.product(enumerate(ours), enumerate(ours)):
        known = a in theirs and b in theirs
        expected = 6.0 * theirs.index(a) + theirs.index(b) if known else -1
        assert target.crf.transitions[i, j] == expected


@pytest.mark.parametrize(
    ("groups", "changes", "message"),
    [
        (["chars"], {}, "unknown layer group 'chars'; known: char, word, dense, crf"),
        (["crf"], {}, "the source has no 'crf' layer"),
        (["char"], {"char_lstm_width": 4}, "widths differ in char.lstm"),
        (["word"], {"word_width": 7}, "widths differ in word.embedding.weight"),
        (["dense"], {"word_lstm_width": 6}, "widths differ in dense.weight"),
        (["char"], {"ngram": 3}, "the source reads character 2-grams, the target 3-grams"),
    ],
)
def test_what_cannot_be_transferred_is_an_error(make_tagger, source, groups, changes, message):
    target = make_tagger(["a"], ["ja"], ["LOC"], **changes)
    with pytest.raises(TransferError, match=message):
        plan_transfer(source, target, groups)


@pytest.mark.parametrize(("group", "decoder"), [("dense", "softmax"), ("crf", "crf")])
def test_a_group_that_would_copy_nothing_is_an_error(make_tagger, group, decoder):
    source = make_tagger(["a"], ["ja"], ["LOC"], decoder=decoder)
    target = make_tagger(["a"], ["ja"], ["ORG"], decoder=decoder)
    with pytest.raises(TransferError, match=f"group '{group}' has nothing to copy"):
        plan_transfer(source, target, [group])


@pytest.mark.parametrize("group", ["char", "word"])
def test_scripts_with_no_string_in_common_share_the_lstm(make_tagger, source, group):
    target = make_tagger(["ジ"], ["ジャ"], ["LOC"], seed=2)
    before = state(target)
    plan = plan_transfer(source, target, [group])
    assert f"{group}.embedding.weight 1/" in str(plan)
    assert "no string in both" in str(plan)
    apply_transfer(plan, source, target)
    rows = target.get_parameter(f"{group}.embedding.weight")
    assert torch.equal(rows[0], source.get_parameter(f"{group}.embedding.weight")[0])
    assert torch.equal(rows[1:], before[f"{group}.embedding.weight"][1:])
    lstm = [name for name, _ in target.named_parameters() if name.startswith(f"{group}.lstm")]
    assert lstm
    for name in lstm:
        assert torch.equal(target.get_parameter(name), source.get_parameter(name))


def test_other_widths_do_not_matter_to_groups_that_stay(make_tagger, source):
    target = make_tagger(["a"], ["ja"], ["LOC"], word_width=9)
    assert plan_transfer(source, target, ["char", "dense"]).groups == ("char", "dense")
