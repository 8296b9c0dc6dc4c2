"""Rows 32, 33, 41 and 43 of the fault matrix: a config that must stop the run before any job."""

import pytest

from radfoundry.config import settings
from radfoundry.config.settings import ConfigurationError
from radfoundry.tables import SCHEMAS

NAMES = {
    "phantoms": ["chest_xray"],
    "segmenters": ["pbtseg", "threshold"],
    "generators": ["artasyn"],
}
NAMES |= {"experts": ["anatomy", "novelty", "realism"]}
NAMES |= {"tasks": {"anomaly": {"learning_rate": 0.002}}}
GOOD = """\
cohorts:
  site_a:
    phantom: {kind: chest_xray}
recipes:
  artasyn: {cohort: site_a, generator: artasyn}
"""

BOMB = "a0: &a0 [x, x]\n" + "".join(
    f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 12)
)


@pytest.fixture
def checked(tmp_path):
    """Return a function from the text of a config to its checked content."""

    def check(text):
        path = tmp_path / "config.yaml"
        path.write_text(text)
        return settings.checked(settings.strict_load(path), SCHEMAS / "config.schema.yaml", NAMES)

    return check


def faults(checked, text):
    """Return the faults of a config that must have some."""
    with pytest.raises(ConfigurationError) as error:
        checked(text)
    return error.value.faults


def test_the_config_without_a_fault_is_accepted(checked):
    assert checked(GOOD)["recipes"]["artasyn"]["seed"] == 0


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (
            "recipies: {}",
            "recipies: unknown key (value {}); allowed: cohorts, pseudolabel, recipes",
        ),
        ("recipies: {}", "did you mean 'recipes'?"),
        (
            "evaluate: {bootstrap: many}",
            "bootstrap: is 'many'; allowed: whole number, 10 to 100000",
        ),
        ("max_rejected: .nan", "max_rejected: is nan; allowed: number, 0 to 1"),
        ("evaluate: {anomaly: {learning_rate: .nan}}", "evaluate.anomaly.learning_rate: is nan"),
        ("evaluate: {anomaly: {learning_rate: -.inf}}", "learning_rate: is -inf; allowed: number"),
        ("evaluate: {anomaly: {steps: 0}}", "steps: is 0; allowed: whole number, at least 1"),
        ("evaluate: {anomaly: {stesp: 1}}", "did you mean 'steps'?"),
        ("publish: [1]", "publish: is [1]; allowed: keys"),
        ("evaluate: {labels: {by: case}}", "by: is 'case'; allowed: cohort, site"),
        (
            "pseudolabel: {7: {segmenter: pbtseg}}",
            "pseudolabel.7: a name is text; write it in quotes",
        ),
    ],
)
def test_row_32_a_wrong_value_is_named_with_key_value_and_what_is_allowed(checked, fault, words):
    assert words in "\n".join(faults(checked, GOOD + fault))


def test_row_32_all_faults_are_listed_at_once(checked):
    text = GOOD + "allow_cpu: 7\nmax_rejected: .inf\nevaluat: {}\nevaluate: {seeds: [a]}"
    assert len(faults(checked, text)) == 4


def test_row_32_a_number_in_scientific_notation_is_a_number(checked):
    text = GOOD + "max_rejected: 1e-4\nevaluate: {anomaly: {learning_rate: 1e-4}}"
    assert checked(text)["max_rejected"] == 1e-4
    assert checked(text)["evaluate"]["anomaly"]["learning_rate"] == 1e-4


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            GOOD + "allow_cpu: true\nallow_cpu: false\n",
            "line 7: duplicate key 'allow_cpu', first on line 6",
        ),
        ("cohorts: {a: {batch: 1, batch: 1}}", "line 1: duplicate key 'batch', first on line 1"),
        (GOOD + "allow_cpu: true\n'allow_cpu': false\n", "duplicate key 'allow_cpu'"),
    ],
)
def test_row_33_a_key_written_twice_is_refused(checked, text, words):
    assert words in "\n".join(faults(checked, text))


def test_row_33_every_key_written_twice_is_told(checked):
    assert len(faults(checked, "a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n")) == 3


@pytest.mark.parametrize("split", ["train", "tune"])
def test_row_41_a_recipe_without_cases_to_learn_from_is_refused(checked, split):
    parts = {"train": 0.5, "tune": 0.5, "test": 0.5} | {split: 0}
    text = GOOD.replace("xray}", f"xray}}\n    splits: {parts}")
    (fault,) = faults(checked, text)
    assert fault.startswith(f"cohorts.site_a.splits.{split}: is 0")


@pytest.mark.parametrize(
    "payload",
    [
        "!!python/object/apply:os.system ['touch {canary}']",
        "!!python/object/new:subprocess.Popen [['touch', '{canary}']]",
        "!!python/name:os.system",
        "!exec 'touch {canary}'",
        "!!binary aGVsbG8=",
    ],
)
def test_row_43_tags_are_refused_and_nothing_runs(checked, tmp_path, payload):
    canary = tmp_path / "canary"
    text = GOOD + "publish: " + payload.replace("{canary}", str(canary))
    assert "line 6: tag or type" in "\n".join(faults(checked, text))
    assert not canary.exists()


def test_row_43_a_template_that_runs_code_is_refused(checked, tmp_path):
    canary = tmp_path / "canary"
    text = GOOD + f"__use_yte__: true\n?open({str(canary)!r}, 'w'): 1\n"
    assert "templates run code" in "\n".join(faults(checked, text))
    assert not canary.exists()


def test_row_43_text_in_braces_stays_text(checked):
    text = GOOD + "publish: {title: '{{ 7 * 7 }}'}"
    assert checked(text)["publish"]["title"] == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "a: &a [*a]\n",
        "[" * 5000,
        "a: [1\n",
        "a:\n\t- 1\n",
        "- 1\n- 2\n",
        "just words",
        "a: 1\n---\nb: 2\n",
        "when: 2020-13-45\n",
        "{[1]: 2}",
    ],
)
def test_row_43_what_is_no_plain_config_is_refused_without_a_traceback(checked, text):
    assert faults(checked, text)


def radiomic(settings):
    return GOOD.replace("site_a:\n", f"site_a:\n    radiomics: {{settings: {settings}}}\n")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ("{resegmentRange: [400, -500]}", "is [400, -500]; allowed: the lower end first"),
        ("{resegmentRange: [0]}", "resegmentRange"),
        ("{minimumROISize: 9, maximumROISize: 8}", "is 9; allowed: at most maximumROISize"),
        ("{interpolator: sitkLinear}", "interpolator: allowed: with resampledPixelSpacing"),
        ("{resampledPixelSpacing: [2, 2, 0], rounding: 1}", "with resampling `centered`"),
        ("{resegment: [0, 1]}", "settings.resegment: unknown key"),
    ],
)
def test_radiomics_settings_that_contradict_each_other_are_refused(checked, settings, words):
    assert words in "\n".join(faults(checked, radiomic(settings)))


def test_radiomics_settings_that_agree_are_accepted(checked):
    text = "{resampledPixelSpacing: [2, 2, 0], resampling: centered, rounding: 1}"
    assert checked(radiomic(text))["cohorts"]["site_a"]["radiomics"]["settings"]["rounding"] == 1
