"""Which inputs are one question in other clothes."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.common.proof.input_clusters import MAX_CLUSTERS, cluster_inputs
from services.common.task_types import open_task_types


@pytest.mark.parametrize(
    ("inputs", "clusters"),
    [
        pytest.param([], [], id="none"),
        pytest.param(["sort a list"], [[0]], id="one"),
        pytest.param(["sort a list", "reverse a string"], [[0], [1]], id="two-questions"),
        pytest.param(["Sort a list!", "please SORT the list"], [[0, 1]], id="other-clothes"),
        pytest.param([f"order {n} is late" for n in range(5)], [[0, 1, 2, 3, 4]], id="counted-up"),
        pytest.param(["a b", "x y", "b a"], [[0, 2], [1]], id="in-the-order-of-their-first"),
        pytest.param(
            ["이진 탐색 함수 작성해 주세요", "이진 탐색 함수 작성"], [[0, 1]], id="korean"
        ),
        pytest.param(["이진 탐색 함수", "문자열 뒤집기 함수"], [[0], [1]], id="korean-apart"),
        pytest.param(["", "!!!", "?"], [[0, 1, 2]], id="without-a-word"),
        pytest.param(["write a function", "write the code"], [[0], [1]], id="common-words-alone"),
    ],
)
def test_inputs_are_grouped_by_the_words_that_they_share(
    inputs: list[str], clusters: list[list[int]]
) -> None:
    assert cluster_inputs(inputs) == clusters


def test_what_users_ask_for_is_hardly_ever_one_question() -> None:
    golden = open_task_types(None).golden_inputs("code_generation")
    inputs = [*golden.choosing, *golden.verdict]
    assert len(cluster_inputs(inputs)) > 0.9 * min(MAX_CLUSTERS, len(inputs))


@given(st.lists(st.text(max_size=20), max_size=80))
def test_each_input_has_one_place_and_groups_are_few(inputs: list[str]) -> None:
    clusters = cluster_inputs(inputs)
    positions = [at for cluster in clusters for at in cluster]
    assert len(set(positions)) == len(positions)
    assert len(clusters) <= MAX_CLUSTERS
    assert [cluster[0] for cluster in clusters] == sorted(cluster[0] for cluster in clusters)
    if len(clusters) < MAX_CLUSTERS:
        assert sorted(positions) == list(range(len(inputs)))


def test_what_is_like_a_cluster_finds_it_however_many_there_are() -> None:
    inputs = ["sort a list", "reverse a string", "merge dictionaries", "please sort a list"]
    assert cluster_inputs(inputs, most_clusters=2) == [[0, 3], [1]]


def test_a_flood_of_long_inputs_is_grouped_in_time() -> None:
    flood = [f"{'word ' * 4_000}{number}" for number in range(300)]
    started = time.process_time()
    assert cluster_inputs(flood) == [list(range(300))]
    assert time.process_time() - started < 10


def test_what_was_asked_last_tells_long_conversations_apart() -> None:
    begun = " ".join(f"word{chr(97 + n % 26)}{chr(97 + n // 26)}" for n in range(400))
    asked = [
        " ".join(f"{name}{chr(97 + n // 26)}{chr(97 + n % 26)}" for n in range(100))
        for name in ("one", "two")
    ]
    assert len(cluster_inputs([f"{begun} {text}" for text in asked])) == 2
