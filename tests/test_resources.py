"""What jobs ask for follows from cohort and grid."""

import pytest

from radfoundry.config import resources


def settings(count, grid, table=None, modality="CT"):
    """Return as much of a checked config as decides what a job asks for."""
    source = {"table": str(table)} if table else {"phantom": {"patients": count, "exams": [1, 1]}}
    ready = {"grid": [grid] * 3} if grid else {}
    return {
        "cohorts": {"c": {**source, "preprocess": ready, "modality": modality}},
        "recipes": {"r": {"cohort": "c"}},
    }


def asked(count, grid):
    stated = settings(count, grid)
    training = resources.training_mb(stated, "r"), resources.training_threads(stated, "r")
    return *training, resources.encoding_mb(stated, "c"), resources.reading_mb(stated, "c")


def test_the_demo_asks_for_what_two_cores_have():
    training_mb, threads, *others = asked(38, 64)
    assert (threads, 4500 < training_mb < 5000) == (1, True)
    assert max(others) < 1600


def test_nine_thousand_volumes_ask_for_workers_and_not_for_the_cohort():
    training_mb, threads, encoding_mb, reading_mb = asked(9000, 256)
    assert threads == 9
    assert 12_000 < training_mb < 18_000  # 450 GB lie on disk
    assert 2000 < encoding_mb < 3000
    assert 2000 < reading_mb < 3000


def test_judging_counts_the_thumbnails_of_all_training_images():
    few, many = (resources.judging_mb(settings(count, 64), "r") for count in (38, 9000))
    assert few < 1600
    assert 1500 < many - few < 3000


@pytest.mark.parametrize(("first", "second"), [((38, 64), (9000, 64)), ((38, 64), (38, 512))])
def test_more_cases_or_voxels_never_ask_for_less(first, second):
    few, many = asked(*first), asked(*second)
    assert all(one <= other for one, other in zip(few, many, strict=True))
    assert few != many


def test_the_cases_of_a_table_are_at_most_its_lines(tmp_path):
    table = tmp_path / "cases.tsv"
    table.write_text("case\timage\n" + "a\tb\n" * 5)
    assert 5 <= resources.cases(settings(0, 64, table), "c") <= 6


def test_a_grid_that_nobody_states_counts_as_a_whole_chest():
    unknown = resources.encoding_mb(settings(5, None), "c")
    assert unknown > asked(5, 256)[2]


def test_a_phantoms_own_sizes_count_where_no_grid_is_stated():
    stated = settings(5, None)
    stated["cohorts"]["c"]["phantom"]["size"] = [64, 64, 32]
    assert resources.encoding_mb(stated, "c") < asked(5, 64)[2]


def test_a_radiograph_asks_for_next_to_nothing():
    stated = settings(5, None, modality="CXR")
    assert resources.encoding_mb(stated, "c") < 1700


def drawing(grid, size="phantom", generator="medsyn", together=0):
    """Return how many are drawn at once, and the memory that their job asks for."""
    stated = settings(38, grid)
    own = {"generator": generator, "size": size, "batch": 32, "together": together}
    stated["recipes"]["r"] |= own
    return resources.drawn_together(stated, "r"), resources.drawing_mb(stated, "r")


def test_as_many_samples_are_drawn_at_once_as_a_gpu_holds():
    small, large = drawing(64), drawing(256, "workstation")
    assert small[0] == resources.MOST_TOGETHER
    assert 1 < large[0] < small[0]
    assert drawing(512, "paper")[0] == 1
    assert large[1] < 9000


def test_what_a_recipe_states_counts_and_no_batch_is_exceeded():
    assert [drawing(512, together=n)[0] for n in (1, 5, 99)] == [1, 5, 32]


def test_an_expert_asks_for_a_gpu_where_the_config_says_so():
    experts = {"anatomy": {"device": "gpu"}, "novelty": {"device": "cpu"}}
    stated = {"recipes": {"r": {"filter": experts}}}
    assert [resources.expert_gpus(stated, "r", name) for name in experts] == [1, 0]


def test_a_generator_that_does_not_say_what_a_sample_takes_draws_one_at_a_time():
    assert drawing(64, generator="artasyn")[0] == 1


def arm_mb(count, task="few_shot", size="workstation", samples=100, unseen=(), slices=False):
    """Return the memory of an arm of a cohort of volumes of 64 voxels along each side."""
    stated = settings(count, 64)
    stated["cohorts"]["c"]["preprocess"]["slices"] = slices
    stated["recipes"]["r"]["sample"] = {"count": samples}
    own = {"size": size, "unseen": list(unseen), "findings": ["nodule"], "sides": []}
    stated["evaluate"] = {task: own | {"severities": []}}
    return resources.arm_mb(stated, "r", task)


def test_an_arm_asks_for_what_it_keeps_of_cases_and_samples():
    base = resources.BASE_MB + resources.NETWORK_MB + 48 * 64**3 / 1e6
    kept = 12 * 96**3 * 2 / 1e6  # a picture and the map of one target, in float32, three times
    assert arm_mb(50, samples=10) == pytest.approx(base + (50 + 20) * kept, abs=1)
    assert arm_mb(50, samples=10, unseen=["c"]) == pytest.approx(base + 120 * kept, abs=1)
    assert arm_mb(50, size="phantom") < arm_mb(50) < arm_mb(50, size="paper") < arm_mb(9000)


def test_a_cohort_of_slices_asks_for_planes_and_the_map_of_an_organ_counts():
    base = resources.BASE_MB + resources.NETWORK_MB + 48 * 64**3 / 1e6
    kept = 12 * 128**2 * 3 / 1e6  # a picture, a lesion and the organ
    asked = arm_mb(50, "few_shot_lesions", samples=10, slices=True)
    assert asked == pytest.approx(base + 70 * kept, abs=1)
    whole = arm_mb(50, "few_shot_lesions", samples=10)
    assert whole == pytest.approx(base + 70 * 128 * kept, abs=1)


def test_the_pathology_expert_asks_for_the_shrunk_cases_that_it_learns_from():
    stated = settings(50, 64)
    plain = resources.judging_mb(stated, "r")
    stated["recipes"]["r"]["filter"] = {"pathology": {}}
    kept = 50 * 12 * 3 * 48**3 / 1e6
    more = resources.NETWORK_MB + kept
    assert resources.judging_mb(stated, "r") == pytest.approx(plain + more, abs=2)


def test_a_task_that_keeps_cases_whole_asks_for_their_voxels():
    base = resources.BASE_MB + resources.NETWORK_MB
    held = (2 + 50 + 20) * 24 * 64**3 / 1e6
    assert arm_mb(50, "anomaly", samples=10) == pytest.approx(base + held, abs=1)
