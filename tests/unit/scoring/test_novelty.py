from kakehashi.scoring.compare import score_by_novelty
from kakehashi.scoring.comparison import score_sentences
from kakehashi.scoring.score import Count
from kakehashi.sentence import Mention, Sentence


def city(name, type="LOC"):
    return Sentence(f"to {name}", (Mention(3, 3 + len(name), type, name),))


TRAIN = [city("Oslo"), city("Bern", "TEAM")]
GOLD = [city("Oslo"), city("Lima"), city("Bern"), Sentence("to Rome")]
FOUND = [city("Oslo"), city("Lima", "ORG"), city("Bern", "TEAM"), city("Rome")]


def test_a_value_is_a_type_and_a_text():
    found = score_by_novelty(GOLD, FOUND, TRAIN)
    assert found.seen == Count(gold=1, predicted=2, correct=1)  # Bern is known as a team only
    assert found.unseen == Count(gold=2, predicted=2, correct=0)


def test_the_parts_add_up_to_the_score_of_all():
    for train in ([], TRAIN, GOLD):
        seen, unseen = score_by_novelty(GOLD, FOUND, train)
        total = Count(*(map(sum, zip(seen, unseen, strict=True))))
        assert total == score_sentences(GOLD, FOUND).counts.total


def test_right_and_wrong_inside_each_part():
    found = score_by_novelty(GOLD, [GOLD[0], GOLD[1], Sentence("to Bern"), GOLD[3]], TRAIN)
    assert found.seen.recall == 100.0
    assert found.unseen.recall == 50.0
    assert found.to_dict()["unseen"]["gold"] == 2
