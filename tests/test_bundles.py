"""Bundles: networks handed on without a patient draw what the workflow drew."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import test_wgan
from bundled import files, origin
from test_medsyn import chests, prepared, request

from radfoundry import bundles, volume, weights
from radfoundry.bundles import Bundle, BundleError, making, model_card, privacy
from radfoundry.generators import medsyn, wgan
from radfoundry.release import identifiers
from radfoundry.training import sealed

PROMPT = json.loads(request()["parameters"])["prompt"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return the folder of a bundle; its zip lies beside it."""
    written = tmp_path_factory.mktemp("bundles") / "chests"
    sealed.write(files(), written)
    return written


@pytest.fixture(scope="module")
def bundle(folder):
    return bundles.load(folder)


def same(one, other):
    images = np.array_equal(one.image.voxels, other.image.voxels)
    grids = np.array_equal(one.image.affine, other.image.affine)
    return images and grids and np.array_equal(one.anatomy, other.anatomy)


def test_a_bundle_draws_what_the_generator_draws_for_the_same_request(bundle):
    lender = chests()[0]
    drawn = bundle.draw(PROMPT, seed=5, like=lender.image)
    assert same(drawn, medsyn.draw(request(5), lender, prepared()))


def test_what_is_asked_for_is_written_as_the_workflow_writes_it(bundle):
    asked, planned = (json.loads(r["parameters"]) for r in (bundle.request(PROMPT, 5), request(5)))
    own = {"method": "dpm", "timestep_spacing": "log_snr", "spacing": [11.0, 11.0, 10.0]}
    assert asked == planned | own


def test_given_lobes_are_kept_and_lend_their_grid(bundle):
    lender = chests()[1]
    drawn = bundle.draw(PROMPT, 5, lobes=lender.image.holding(lender.anatomy))
    wanted = medsyn.draw(request(5, given=["lobes"]), lender, prepared())
    assert same(drawn, wanted)


def test_a_zip_draws_what_its_folder_draws(bundle, folder):
    packed = bundles.load(folder.with_name("chests.zip"))
    assert packed.sha256 == bundle.sha256
    assert same(packed.draw("", 7), bundle.draw("", 7))
    assert not same(packed.draw("", 7), bundle.draw("", 8))


def test_without_a_lender_a_sample_lies_on_the_bundles_own_grid(bundle):
    drawn = bundle.draw(seed=1)
    assert drawn.image.voxels.shape == bundle.shape
    assert np.array_equal(drawn.image.affine, bundle.affine)
    assert drawn.facts["patient"] == ""


@pytest.mark.parametrize("kind", [list, tuple, np.array])
def test_a_sample_of_a_bundle_has_the_voxel_size_that_is_asked_for(bundle, kind):
    drawn = bundle.draw(seed=1, spacing=kind([11.5, 11.5, 9.5]))
    assert drawn.image.spacing_mm == pytest.approx([11.5, 11.5, 9.5])
    middle = np.array([15.5, 15.5, 15.5, 1])
    np.testing.assert_allclose(drawn.image.affine @ middle, bundle.affine @ middle)
    with pytest.raises(ValueError, match=r"spacing 4 x 4 x 4 mm: .*allowed along X, Y, Z: 10\.3"):
        bundle.draw(seed=1, spacing=[4, 4, 4])


def test_a_bundle_whose_recipe_states_a_voxel_size_draws_that():
    stated = {"generator": "medsyn", "sample": {"count": 4, "spacing": [11.0, 11.0, 9.0]}}
    card = making.described(origin(settings=stated))
    asked = json.loads(Bundle(card, origin().networks).request()["parameters"])
    assert asked["spacing"] == [11.0, 11.0, 9.0]


@pytest.mark.parametrize(
    ("told", "ends", "words"),
    [
        (True, (1, 2), "`a` take the size as a condition"),
        (False, (1, 2), "do not know the size: a volume in ml is as uncertain"),
        (False, (2, 2), "voxels of 2 x 2 x 2 mm. ##"),
    ],
)
def test_the_model_card_says_what_volumes_in_ml_are_worth(told, ends, words):
    card = making.described(origin())
    sizes = {end: [side] * 3 for end, side in zip(("low", "high"), ends, strict=True)}
    card["networks"] = {"a": {"what": "", "values": 1, "geometry": told, "spacing_mm": sizes}}
    assert words in " ".join(model_card.text(card, None).split())


def test_equal_networks_make_equal_bytes():
    assert sealed.zipped(making.made(origin())) == sealed.zipped(files())


def test_a_zip_that_a_desktop_packed_in_a_folder_is_read(tmp_path, bundle):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files().items():
            archive.writestr(f"my chests/{name}", content)
        archive.writestr("__MACOSX/my chests/._manifest.json", b"")
    (tmp_path / "b.zip").write_bytes(buffer.getvalue())
    assert bundles.load(tmp_path / "b.zip").sha256 == bundle.sha256


def test_no_image_and_no_id_leaves_with_a_bundle():
    kinds = {name.rsplit(".", 1)[-1] for name in files()}
    assert kinds == {"json", "md", "safetensors"}
    assert identifiers.ids_found(files(), origin().ids) == []
    text = b"".join(c for name, c in files().items() if not name.endswith(".safetensors"))
    assert not [own for own in origin().ids if own.encode() in text]


def test_the_atlas_that_all_were_brought_to_leaves_with_a_bundle():
    assert making.made(origin(atlas=b"\x1f\x8b"))["atlas.nii.gz"] == b"\x1f\x8b"
    assert "atlas.nii.gz" not in making.made(origin())


def test_no_tensor_of_a_bundle_has_the_size_of_a_training_image(bundle):
    """A coarse mean and components are weights, and said to be; whole images are nowhere."""
    sizes = {t.numel() for own in bundle.weights.values() for t in own.state.values()}
    assert chests()[0].image.voxels.size not in sizes


@pytest.mark.parametrize("place", ["cohort", "losses"])
def test_an_id_that_would_leave_is_refused_with_its_file(place):
    (first, *_) = origin().cases["case"]
    own = origin().networks
    low = weights.Weights(own["low_resolution"].state, {**own["low_resolution"].card, place: first})
    with pytest.raises(BundleError, match=rf"networks/low_resolution/card.json: {first}"):
        making.made(origin(networks={**own, "low_resolution": low}))


def test_ids_that_any_text_holds_by_chance_are_not_looked_for():
    texts = {"a.json": b'{"size": "gaussian_prior", "12": "2024"}', "README.md": b"12 of case-0012"}
    assert identifiers.ids_found(texts, ["12", "2024"]) == []
    assert identifiers.ids_found(texts, ["case-0012"]) == ["README.md: case-0012"]


def test_words_of_one_patients_reports_are_counted():
    told = [("a", "Effusion. Mr Miller."), ("a", "Miller again."), ("b", "effusion")]
    words = ["effusion", "miller", "again", "##sion", "mr"]
    assert privacy.rare_words(words, told) == ["again", "miller"]


def test_few_patients_with_a_finding_are_not_counted_out_in_public():
    told = making.training(origin(phantoms=False))["patients_by_finding"]
    assert told == {"emphysema": None, "nodule": None, "none": None}
    assert making.training(origin())["patients_by_finding"]["nodule"] == 2


def test_the_model_card_says_what_it_learned_from_and_shows_the_scorecard():
    row = {"recipe": "chests", "metric": "fid", "arm": "-", "value": 0.125, "low": 0.1}
    row |= {"high": 0.2, "n": 8, "unit": "1", "note": ""}
    others = [row | {"recipe": "another", "value": 7.5}]
    text = making.made(origin(scorecard=pd.DataFrame([row, *others])))["README.md"].decode()
    assert "4 images of 4 patients" in text
    assert "0.125 (0.100 to 0.200)" in text
    assert "7.5" not in text.split("## Measured")[1].split("## Networks")[0]
    assert "Licence" in text
    assert "PHANTOMS" in text


def test_a_generator_that_draws_on_a_patients_image_makes_no_bundle():
    settings = {"generator": "artasyn", "sample": {}}
    with pytest.raises(BundleError, match="artasyn draws on a patient's image.*medsyn, wgan"):
        making.made(origin(settings=settings, networks={}))


def test_a_network_that_is_not_trained_is_named():
    own = {name: w for name, w in origin().networks.items() if name != "text"}
    with pytest.raises(BundleError, match="text is not trained"):
        making.made(origin(networks=own))


def lobes(shape=(32, 32, 32), value=0):
    return volume.Volume(np.full(shape, value, np.float32), np.eye(4))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"seed": -1}, "seed -1: allowed: a whole number from 0"),
        ({"guidance": 99.0}, "guidance 99.0: allowed: 0 to 20"),
        ({"guidance": float("nan")}, "guidance nan: allowed: 0 to 20"),
        ({"steps": 0}, "steps 0: allowed: a whole number above 0"),
        ({"cfg": 3}, "option 'cfg': this bundle takes: guidance, steps"),
        ({"lobes": lobes((8, 8, 8))}, "8 x 8 x 8 voxels; this bundle draws 32 x 32 x 32"),
        ({"lobes": lobes(value=0.5)}, "lobes: values from 0.5 to 0.5; allowed: whole ids"),
        ({"lobes": lobes()}, "the label map has no lung_upper_lobe_right"),
        ({"like": lobes((8, 8, 8))}, "like: 8 x 8 x 8 voxels"),
        ({"spacing": [1, 1]}, "spacing .1.0, 1.0.: allowed: three numbers above 0"),
        ({"spacing": [10, 10, 0]}, "spacing .10.0, 10.0, 0.0.: allowed: three numbers above 0"),
        ({"spacing": [9] * 3, "lobes": lobes()}, "spacing .9, 9, 9.: allowed: without lobes"),
        ({"spacing": np.ones(3), "lobes": lobes()}, "spacing .1.0, 1.0, 1.0.: allowed: without"),
        ({"spacing": np.ones(2)}, "spacing .1.0, 1.0.: allowed: three numbers above 0"),
        ({"spacing": 9.0}, "spacing 9.0: allowed: three numbers above 0"),
    ],
)
def test_what_a_bundle_cannot_do_is_refused_with_what_it_can(bundle, asked, message):
    with pytest.raises(BundleError, match=message):
        bundle.draw("Nodule.", **asked)


def test_networks_that_read_no_prompts_say_so(bundle):
    deaf = Bundle({**bundle.card, "reads_prompts": False}, bundle.weights)
    with pytest.raises(BundleError, match="'Nodule.': this bundle's networks read no prompts"):
        deaf.draw("Nodule.")


def changed(**parts):
    return {**files(), **{name.replace("__", "/"): content for name, content in parts.items()}}


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda: changed(**{"labels.json": b"{}"}), "labels.json is not the file of the manifest"),
        (
            lambda: {k: v for k, v in files().items() if k != "labels.json"},
            "labels.json is missing",
        ),
        (lambda: {"README.md": b"hello"}, "manifest.json is missing; allowed: a folder or .zip"),
        (lambda: {"manifest.json": b"[]"}, "manifest.json is none of a bundle"),
        (lambda: sealed.sealed({"README.md": b""}), "names no bundle.json"),
        (lambda: sealed.sealed({"../x": b""}), "'../x', which could leave the folder"),
    ],
)
def test_what_is_no_whole_bundle_is_refused(tmp_path, broken, message):
    (tmp_path / "b.zip").write_bytes(sealed.zipped(broken()))
    with pytest.raises(BundleError, match=message):
        bundles.load(tmp_path / "b.zip")


def test_a_truncated_zip_and_a_missing_file_are_named(tmp_path, put):
    path = put(sealed.zipped(files())[:5000], "cut.zip")
    with pytest.raises(BundleError, match="cut.zip: no whole .zip"):
        bundles.load(path)
    with pytest.raises(BundleError, match="there is no such file or folder"):
        bundles.load(tmp_path / "nothing")


def test_a_generator_without_words_makes_a_bundle_too():
    stated = {"settings": {"generator": "wgan", "sample": {"count": 3}}}
    stated |= {"networks": {"gan": test_wgan.fitted()}}
    made = making.made(origin(grid=making.Grid((16, 16, 16), test_wgan.AFFINE), **stated))
    one = Bundle(json.loads(made["bundle.json"]), sealed.networks(made, "here"))
    networks = wgan.prepare(stated["networks"], "cpu")
    wanted = wgan.draw({"request": "a", "seed": 4}, test_wgan.cases()[0], networks)
    assert same(one.draw(seed=4), wanted)
    with pytest.raises(BundleError, match="read no prompts"):
        one.draw("Nodule.")
    with pytest.raises(BundleError, match="keep no given lobes"):
        one.draw(lobes=lobes((16, 16, 16)))
