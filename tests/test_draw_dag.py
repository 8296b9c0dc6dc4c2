"""The graph of rules is drawn the same way every time."""

import importlib.util
from pathlib import Path

import pytest

FILE = Path(__file__).resolve().parents[1] / "docs/draw_dag.py"
DOT = """digraph snakemake_dag {
    graph[bgcolor=white, margin=0];
    %s
}"""
NODES = [
    f'{i}[label = "{rule}", color = "0.1 0.6 0.85", style="rounded"];'
    for i, rule in enumerate(["all", "publish_it", "draw", "train_it"])
]
ARROWS = ["1 -> 0", "2 -> 1", "3 -> 2", "3 -> 1"]
STAGES = {"train_it": "4_train", "draw": "5_sample", "publish_it": "8_publish"}


@pytest.fixture(scope="module")
def draw_dag():
    spec = importlib.util.spec_from_file_location("draw_dag", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_arrow_of_the_rule_graph_is_read(draw_dag):
    edges = draw_dag.edges_of(DOT % "\n".join(NODES + ARROWS))
    assert edges == {
        ("publish_it", "all"),
        ("draw", "publish_it"),
        ("train_it", "draw"),
        ("train_it", "publish_it"),
    }


def test_the_order_of_snakemake_changes_nothing(draw_dag):
    first = draw_dag.edges_of(DOT % "\n".join(NODES + ARROWS))
    second = draw_dag.edges_of(DOT % "\n".join(ARROWS[::-1] + NODES[::-1]))
    assert draw_dag.mermaid(first, STAGES) == draw_dag.mermaid(second, STAGES)


def test_an_arrow_that_a_path_replaces_is_left_out(draw_dag):
    edges = draw_dag.edges_of(DOT % "\n".join(NODES + ARROWS))
    assert ("train_it", "publish_it") not in draw_dag.without_shortcuts(edges)


def test_stages_are_boxes_in_their_order(draw_dag):
    drawn = draw_dag.mermaid(draw_dag.edges_of(DOT % "\n".join(NODES + ARROWS)), STAGES)
    boxes = [line.strip() for line in drawn.splitlines() if "subgraph" in line]
    assert boxes == [
        'subgraph stage4["4 train"]',
        'subgraph stage5["5 sample"]',
        'subgraph stage8["8 publish"]',
    ]


def test_the_target_of_everything_is_no_node(draw_dag):
    edges = draw_dag.edges_of(DOT % "\n".join(NODES + ARROWS))
    assert "all" not in draw_dag.mermaid(edges, STAGES).split()
