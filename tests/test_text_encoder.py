"""The text encoder learns reports, repeats itself bit for bit, and reads a local BERT."""

import json

import numpy as np
import pytest
import torch

from radfoundry import weights
from radfoundry.networks import torchvision_shim
from radfoundry.phantoms._bodies import findings
from radfoundry.text import composer
from radfoundry.text.encoder import local_model, model, pretraining, tokenizer
from radfoundry.training.loop import Callbacks, Settings, Stopped

TINY = {
    "width": 32,
    "layers": 1,
    "heads": 2,
    "inner": 64,
    "positions": 224,
    "tokens": 40,
    "batch": 8,
}
SHORT = Settings(steps=60, learning_rate=5e-3, warmup=5, ema=0.0)
WORDS = [*tokenizer.SPECIAL, "no", "pleural", "effusion", "large", "right", "##s"]


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def reports(n, seed=0):
    rng = np.random.default_rng(seed)
    chance = dict.fromkeys(findings.NAMES, 0.3)
    return [composer.compose(findings.choose(rng, chance, "CT"), rng) for _ in range(n)]


@pytest.fixture(scope="module")
def untrained():
    return model.untrained(reports(60), TINY, generator())


@pytest.fixture(scope="module")
def trained(untrained):
    return pretraining.fit(reports(60), untrained, SHORT, generator())


@pytest.fixture
def folder(tmp_path):
    """Return a local BERT as others publish it, which differs from ours in all it can."""
    torchvision_shim.ensure()
    from transformers import BertConfig, BertForMaskedLM

    (tmp_path / "vocab.txt").write_text("\n".join(WORDS) + "\n")
    config = BertConfig(
        vocab_size=len(WORDS), hidden_size=16, num_hidden_layers=1, num_attention_heads=2,
        intermediate_size=24, max_position_embeddings=12,
    )  # fmt: skip
    BertForMaskedLM(config).save_pretrained(tmp_path)
    return tmp_path


def changed(folder, **values):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, **values}))


def test_the_vocabulary_of_equal_texts_is_equal_and_covers_them():
    first, second = (tokenizer.learn(reports(30), 400) for _ in range(2))
    assert first == second
    assert tuple(first[:5]) == tokenizer.SPECIAL
    words = tokenizer.tokenizer(first)
    assert not any(words.token_to_id("[UNK]") in words.encode(r).ids for r in reports(30, 1))


def test_a_vocabulary_without_its_special_words_is_refused():
    with pytest.raises(ValueError, match=r"lacks \[CLS\]"):
        tokenizer.tokenizer(["a", "b"])


def test_a_long_report_is_shortened_in_its_longer_part():
    words = tokenizer.tokenizer(WORDS)
    ids, kinds = tokenizer.joined([5] * 30, [6] * 4, words, 16)
    assert (len(ids), ids.count(6), ids.count(5)) == (16, 4, 9)
    assert kinds == [0] * 11 + [1] * 5


def test_features_have_the_size_of_the_card_and_are_zero_behind_the_mask(trained):
    features, mask = model.prepare(trained)(["No pleural effusion.", ""])
    assert features.shape == (2, 40, 32)
    assert features.dtype == torch.float32
    assert int(mask[1].sum()) == 2  # the empty prompt: [CLS] and [SEP]
    assert torch.equal(features[~mask], torch.zeros_like(features[~mask]))
    assert (features[mask].abs().sum(-1) > 0).all()


def test_a_prompts_features_do_not_depend_on_its_company(trained):
    texts = reports(5, 3)
    together = model.prepare(trained)(texts)[0]
    alone = [model.prepare(trained)([text])[0][0] for text in reversed(texts)]
    assert torch.equal(together, torch.stack(alone[::-1]))


def test_a_text_of_one_section_is_read_as_findings_and_impression(trained):
    line = "Large left pleural effusion."
    whole = f"FINDINGS: {line} IMPRESSION: {line}"
    first, *others = (
        model.prepare(trained)([text])[0] for text in (whole, line, f"IMPRESSION: {line}")
    )
    assert all(torch.equal(first, other) for other in others)


def test_a_distinct_prompt_is_encoded_once(trained, monkeypatch):
    encoded = []
    original = model.ids_of
    monkeypatch.setattr(model, "ids_of", lambda t, w: encoded.append(t) or original(t, w))
    encode = model.prepare(trained)
    first, again = encode(["a", "b", "a"])[0], encode(["b", "", "a"])[0]
    assert encoded == ["a", "b", ""]
    assert torch.equal(first[0], again[2])


def test_the_prompt_asked_for_longest_ago_is_forgotten_first(trained, monkeypatch):
    encoded = []
    original = model.ids_of
    monkeypatch.setattr(model, "ids_of", lambda t, w: encoded.append(t) or original(t, w))
    encode = model.prepare(trained, kept=2)
    first = encode(["a", "b", "a", "c"])[0]  # "b" goes
    assert encoded == ["a", "b", "c"]
    again = encode(["a", "b"])[0]
    assert encoded == ["a", "b", "c", "b"]
    assert torch.equal(first[:2], again)


def test_what_is_handed_out_is_a_copy(trained):
    encode = model.prepare(trained)
    encode(["a"])[0].zero_()
    assert encode(["a"])[0].abs().sum() > 0


def test_presence_and_side_change_the_features(trained):
    texts = ["no pleural effusion", "large right pleural effusion", "large left pleural effusion"]
    none, right, left = model.prepare(trained)(texts)[0].sum(1)
    assert (none - right).norm() > 1
    assert (left - right).norm() > 0.5


def test_equal_generators_train_equal_weights_and_others_others(untrained, trained):
    settings = Settings(steps=4, ema=0.0)
    first, second, third = (
        pretraining.fit(reports(20), untrained, settings, generator(seed)) for seed in (0, 0, 1)
    )
    assert all(torch.equal(first.state[k], second.state[k]) for k in first.state)
    assert any(not torch.equal(first.state[k], third.state[k]) for k in first.state)


def test_training_guesses_more_words_than_before(untrained, trained):
    before, after = (
        pretraining.accuracy(w, reports(40, 1), generator(), 1) for w in (untrained, trained)
    )
    assert before["words"] < 0.05
    assert after["words"] > 0.12
    assert trained.card["trained"]
    assert not untrained.card["trained"]


def test_training_stopped_and_resumed_ends_as_training_in_one_go(untrained):
    settings, kept = Settings(steps=6, ema=0.0), []
    whole = pretraining.fit(reports(20), untrained, settings, generator())
    stop = Callbacks(checkpoint=kept.append, stop=iter([False, False, True]).__next__)
    with pytest.raises(Stopped):
        pretraining.fit(reports(20), untrained, settings, generator(), "cpu", stop)
    resumed = Callbacks(resume=kept[-1])
    rest = pretraining.fit(reports(20), untrained, settings, generator(7), "cpu", resumed)
    assert all(torch.equal(whole.state[k], rest.state[k]) for k in whole.state)


def test_weights_survive_the_disk(trained, tmp_path):
    weights.write(trained, tmp_path)
    again = weights.read(tmp_path)
    texts = reports(3, 5)
    assert torch.equal(model.prepare(again)(texts)[0], model.prepare(trained)(texts)[0])


@pytest.mark.parametrize("other", [{"layers": 2}, {"width": 64}])
def test_weights_of_another_size_are_refused(trained, other):
    size = trained.card["size"] | other
    with pytest.raises(ValueError, match="not of the card's size"):
        model.prepare(weights.Weights(trained.state, {**trained.card, "size": size}))


def test_fifteen_of_a_hundred_words_are_hidden_most_by_the_mask():
    words = tokenizer.tokenizer(tokenizer.learn(reports(60), 400))
    ids = torch.full((200, 200), words.token_to_id("effusion"))
    ids[:, 0] = words.token_to_id("[CLS]")
    seen, target = pretraining.hidden(ids, words, generator())
    chosen = target != pretraining.IGNORED
    assert not chosen[:, 0].any()
    assert float(chosen[:, 1:].float().mean()) == pytest.approx(0.15, abs=0.005)
    masked = (seen[chosen] == words.token_to_id("[MASK]")).float().mean()
    assert float(masked) == pytest.approx(0.8, abs=0.02)
    assert float((seen[chosen] == ids[chosen]).float().mean()) == pytest.approx(0.1, abs=0.02)
    assert torch.equal(seen[~chosen], ids[~chosen])


def test_half_of_the_pairs_are_swapped_for_another_impression(untrained):
    cohort = pretraining.Reports(reports(60), untrained.card)
    paired = torch.cat([cohort.draw(16, generator(i)).paired for i in range(40)])
    assert float((paired == 0).float().mean()) == pytest.approx(0.5, abs=0.06)
    assert set(paired.tolist()) == {0, 1}


def test_reports_without_impression_train_words_alone(untrained):
    cohort = pretraining.Reports(["No effusion.", "Large nodule."], untrained.card)
    batch = cohort.draw(4, generator())
    assert set(batch.paired.tolist()) == {pretraining.IGNORED}
    terms = pretraining.losses(model.restored(untrained), batch, generator())
    assert float(terms["paired"].detach()) == 0


def test_texts_without_words_are_refused(untrained):
    with pytest.raises(ValueError, match="none of 2 texts"):
        pretraining.fit(["", "IMPRESSION: "], untrained, SHORT, generator())


@pytest.mark.parametrize(
    ("size", "message"), [("huge", "choose from phantom"), ({"wide": 3}, "no")]
)
def test_an_unknown_size_is_refused(size, message):
    with pytest.raises(ValueError, match=message):
        model.sized(size)


def test_the_paper_size_is_bert_base_with_extended_positions():
    with torch.device("meta"):
        network = model.build(model.sized("paper"))
    body = sum(p.numel() for p in network.bert.parameters())
    assert body == 109_482_240 + (2048 - 512) * 768  # BERT-base uncased, Devlin et al., 2019


def test_a_local_bert_gives_the_features_it_gives_elsewhere(folder):
    from transformers import BertModel

    ours = model.prepare(local_model.adopted(folder, generator(), positions=30, tokens=30))
    section = ["no", "effusion", "##s", "[SEP]"]
    ids = torch.tensor([[WORDS.index(word) for word in ["[CLS]", *section, *section]]])
    kinds = torch.tensor([[0] * 5 + [1] * 4])
    with torch.no_grad():
        theirs = BertModel.from_pretrained(folder).eval()(ids, token_type_ids=kinds)[0][0]
    features, mask = ours(["No effusions"])
    torch.testing.assert_close(features[0][mask[0]], theirs)


def test_the_positions_of_a_local_bert_are_tiled_and_it_can_be_trained_on(folder):
    start = local_model.adopted(folder, generator(), positions=30, batch=4)
    table = start.state[local_model.POSITIONS]
    assert table.shape == (30, 16)
    assert torch.equal(table[12:24], table[:12])
    after = pretraining.fit(reports(8), start, Settings(steps=2, ema=0.0), generator())
    assert after.card["trained"]
    assert after.card["vocabulary"] == WORDS


def test_a_network_that_knows_more_words_than_its_list_is_adopted_whole(folder):
    (folder / "vocab.txt").write_text("\n".join(WORDS[:-1]) + "\n")
    adopted = local_model.adopted(folder, generator(), positions=30, tokens=30)
    assert adopted.card["vocabulary"] == WORDS[:-1]
    assert model.prepare(adopted)(["no effusion"])[1].sum() == 7


def test_more_words_than_the_network_knows_are_refused(folder):
    (folder / "vocab.txt").write_text("\n".join([*WORDS, "nodule"]) + "\n")
    with pytest.raises(weights.WeightsError, match="too many"):
        local_model.adopted(folder, generator())


def test_equal_generators_adopt_equal_weights(folder):
    first, second = (local_model.adopted(folder, generator()) for _ in range(2))
    assert all(torch.equal(first.state[k], second.state[k]) for k in first.state)


@pytest.mark.parametrize("code", ["modeling_cxrbert.Model", "somewhere/else--modeling.Model"])
def test_a_kin_of_bert_needs_none_of_its_code(folder, code):
    plain = local_model.adopted(folder, generator())
    changed(folder, model_type="cxr-bert", auto_map={"AutoModel": code})
    (folder / "modeling_cxrbert.py").write_text("raise RuntimeError('this code ran')\n")
    kin = local_model.adopted(folder, generator())
    assert all(torch.equal(plain.state[k], kin.state[k]) for k in plain.state)


@pytest.mark.parametrize("lost", ["config.json", "model.safetensors", "vocab.txt"])
def test_a_file_missing_from_a_local_folder_is_named(folder, lost):
    (folder / lost).unlink()
    with pytest.raises(weights.WeightsError, match=lost):
        local_model.adopted(folder, generator())


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(weights.WeightsError, match="does not exist"):
        local_model.adopted(tmp_path / "nowhere", generator())


def test_a_local_bert_that_lacks_layers_is_refused(folder):
    changed(folder, num_hidden_layers=3)
    with pytest.raises(weights.WeightsError, match="no BERT's tensors"):
        local_model.adopted(folder, generator())
