"""Which node this is: the variables of Azure ML, whatever else is set, and nothing guessed."""

import os
from pathlib import Path

import pytest

from trainer.cluster.nodes import END, is_one_of_several, is_over, read_node, told_the_end
from trainer.errors import NodesUnclearError

AZURE = {
    "MASTER_ADDR": "10.0.0.4",
    "MASTER_PORT": "6105",
    "WORLD_SIZE": "3",
    "NODE_RANK": "1",
    "RANK": "1",
    "LOCAL_RANK": "0",
    "AZUREML_NODE_COUNT": "3",
}


def test_azure_ml_s_variables_are_read() -> None:
    node = read_node(AZURE)
    assert (node.rank, node.nodes, node.head) == (1, 3, "10.0.0.4")


@pytest.mark.parametrize("left_out", ["NODE_RANK", "AZUREML_NODE_COUNT", "RANK", "MASTER_PORT"])
def test_one_of_two_names_is_enough(left_out: str) -> None:
    assert read_node({k: v for k, v in AZURE.items() if k != left_out}) == read_node(AZURE)


def test_node_0_may_have_a_name_or_an_ipv6_address() -> None:
    assert read_node(AZURE | {"MASTER_ADDR": "node-0"}).head == "node-0"
    assert read_node(AZURE | {"MASTER_ADDR": "fd00::4"}).head == "[fd00::4]"


@pytest.mark.parametrize(
    "wrong",
    [
        {"MASTER_ADDR": ""},
        {"MASTER_ADDR": "10.0.0.4:22/x"},
        {"MASTER_ADDR": "a b"},
        {"MASTER_ADDR": "-x"},
        {"NODE_RANK": "one"},
        {"NODE_RANK": "-1"},
        {"NODE_RANK": "3"},
        {"AZUREML_NODE_COUNT": "99999999"},
        {"AZUREML_NODE_COUNT": "0"},
    ],
)
def test_other_values_are_refused_and_never_repeated(wrong: dict[str, str]) -> None:
    with pytest.raises(NodesUnclearError) as failure:
        read_node(AZURE | wrong)
    assert "NODE_RANK" in failure.value.what


def test_what_is_missing_is_named_beside_what_is_there() -> None:
    with pytest.raises(NodesUnclearError, match=r"MASTER_ADDR;.*AZ_BATCH_NODE_LIST, NODE_RANK"):
        read_node({"NODE_RANK": "0", "WORLD_SIZE": "2", "AZ_BATCH_NODE_LIST": "a;b", "HOME": "/"})


@pytest.mark.parametrize(
    ("sizes", "nodes"), [({}, 1), ({"WORLD_SIZE": "1"}, 1), (AZURE, 3), ({"WORLD_SIZE": "x"}, 2)]
)
def test_a_job_of_several_nodes_says_so(sizes: dict[str, str], nodes: int) -> None:
    assert is_one_of_several(sizes) is (nodes > 1)


def test_the_end_is_told_also_after_a_failure(tmp_path: Path) -> None:
    (tmp_path / END).touch()

    def fail() -> None:
        with told_the_end(tmp_path, "run"):
            assert not (tmp_path / END).exists()
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert is_over(tmp_path, "run")


def test_a_pipe_in_place_of_the_end_is_not_written_into(tmp_path: Path) -> None:
    with told_the_end(tmp_path, "run"):
        os.mkfifo(tmp_path / END)
        assert not is_over(tmp_path, "run")
    assert is_over(tmp_path, "run")


def test_another_run_s_end_in_the_same_output_ends_nothing(tmp_path: Path) -> None:
    with told_the_end(tmp_path, "first"):
        pass
    assert not is_over(tmp_path, "second")
    assert is_over(tmp_path, "")  # a node that has no id for the run takes any
    assert not is_over(tmp_path / "none", "")
