"""A reader study is planned when readers are named, and what cannot be asked is refused at once."""

import pytest
import yaml

from radfoundry.config import reader_study, settings
from radfoundry.config.settings import ConfigurationError

COHORTS = {
    "films": {"phantom": {"kind": "chest_xray"}},
    "bodies": {"phantom": {"kind": "chest_ct"}, "modality": "CT", "pseudolabel": "threshold"},
}
RECIPES = {
    "edited": {"cohort": "films", "generator": "artasyn"},
    "drawn": {"cohort": "bodies", "generator": "medsyn"},
}


def checked(**study):
    methods = {name: {"segmenter": name} for name in ("pbtseg", "threshold")}
    config = {"cohorts": COHORTS, "recipes": RECIPES, "pseudolabel": methods}
    return settings.checked(config | {"evaluate": {"reader_study": study}})


def test_no_readers_make_nothing():
    assert reader_study.files(checked(origin=["edited"])) == []
    assert reader_study.recipes(checked(origin=["edited"])) == []


def test_pages_are_made_for_every_reader_and_figures_once_answers_are_named():
    whole = checked(readers=["a", "b"], origin=["edited", "drawn"], answers=["a.json", "b.json"])
    pages = ["results/reader_study/packs/a.html", "results/reader_study/packs/b.html"]
    assert reader_study.files(whole) == [*pages, "results/reader_study/readings.tsv"]
    assert reader_study.pages(whole)["modality"] == {"edited": "CXR", "drawn": "CT"}


def test_answers_that_came_back_make_no_page_again():
    before, after = (checked(readers=["a"], origin=["edited"], answers=x) for x in ([], ["a.json"]))
    assert reader_study.pages(before) == reader_study.pages(after)


@pytest.mark.parametrize(
    ("study", "fault"),
    [
        ({"readers": ["a"]}, "readers: allowed: with recipes"),
        ({"answers": ["a.json"]}, "answers: allowed: with the readers"),
        ({"readers": ["a"], "origin": ["edited"], "withdrawn": ["b"]}, "withdrawn: 'b' is none"),
        ({"ranking": ["edited"]}, "ranking: is ['edited']; allowed: none, or at least two"),
        ({"ranking": ["edited", "drawn"]}, "ranking: recipes draw CT and CXR"),
        ({"readers": ["../a"], "origin": ["edited"]}, "readers[0]: is '../a'"),
        ({"answers": ["{a}.json"], "readers": ["a"], "origin": ["edited"]}, "answers[0]: is '{a}"),
    ],
)
def test_what_cannot_be_asked_of_readers_is_refused(study, fault):
    with pytest.raises(ConfigurationError) as error:
        checked(**study)
    assert [found for found in error.value.faults if f"evaluate.reader_study.{fault}" in found]


def test_readers_see_real_cases_of_a_test_split_that_there_is():
    films = COHORTS["films"] | {"splits": {"train": 0.8, "tune": 0.2, "test": 0}}
    config = {"cohorts": {"films": films}, "recipes": {"edited": RECIPES["edited"]}}
    study = {"reader_study": {"readers": ["a"], "origin": ["edited"]}}
    with pytest.raises(ConfigurationError, match=r"cohorts.films.splits.test: is 0"):
        settings.checked(yaml.safe_load(yaml.safe_dump(config | {"evaluate": study})))
