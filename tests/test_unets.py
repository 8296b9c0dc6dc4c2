"""Denoising networks: sizes, what conditions them, what they cost."""

import pytest
import torch

from radfoundry.diffusion.noise import Flow, Level
from radfoundry.generators.medsyn import options as medsyn_options
from radfoundry.generators.medsyn import training as medsyn_training
from radfoundry.generators.medsyn.sizes import LOW_RESOLUTION, SUPER_RESOLUTION
from radfoundry.networks.blocks import Attention, NullText, TimedBlock, TimeEmbedding
from radfoundry.networks.build import build, initial, named
from radfoundry.networks.costs import cost, parameters
from radfoundry.networks.shift_unet.blocks import folded, shifted, unfolded

WAVELET = LOW_RESOLUTION["gaussian_prior"] | {
    "haar": 2, "widths": (16, 32), "depth": 1, "places": 2, "tokens": 6,
}  # fmt: skip
SHIFT = LOW_RESOLUTION["phantom"] | {
    "widths": (14, 16), "blocks": (1, 2), "side": 8, "mixing": 8, "text_places": 3, "tokens": 6,
}  # fmt: skip
ATTENTIVE = WAVELET | {"widths": (32,), "blocks": (0,), "mixing": 0}
PSEUDO3D = LOW_RESOLUTION["paper"] | {
    "width": 8, "multipliers": (1, 2), "heads": 2, "side": 4, "bottleneck": 1, "tokens": 6,
}  # fmt: skip
DESIGNS = {
    "wavelet": WAVELET,
    "attentive": ATTENTIVE,
    "shift": SHIFT,
    "shift and attention": SHIFT | {"mixing": 0},
    "pseudo3d": PSEUDO3D,
}
WORDS = 5


@pytest.fixture(params=DESIGNS.values(), ids=DESIGNS)
def size(request):
    return request.param


def normal(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def network(size, seed=0, **options):
    """Return a network none of whose layers is silent."""
    generator = torch.Generator().manual_seed(seed)
    grid = {} if size["design"] == "pseudo3d" else {"space": (8, 8, 8)}
    made = initial(
        generator, size, **{"channels": 2, "text_width": WORDS, **grid, **options}
    ).eval()
    for parameter in made.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.1, generator=generator)
    return made


NOISY, TIMES, TEXT = normal(2, 2, 8, 8, 8), torch.tensor([0.2, 0.7]), normal(2, 6, WORDS, seed=1)
KEPT = torch.tensor([[1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0]]).bool()
FOUR = torch.tensor([[1, 1, 1, 1, 0, 0]]).bool().expand(2, 6)
SOME = KEPT & torch.tensor([[True], [False]])


@pytest.mark.parametrize(("sizes", "options", "published", "ours"), [
    (LOW_RESOLUTION, {"text_width": 768}, 716.2, 720.4),
    (SUPER_RESOLUTION, {"concat": 4}, 54.3, 54.3),
], ids=["low", "super"])  # fmt: skip
def test_the_paper_has_its_number_of_parameters(sizes, options, published, ours):
    with torch.device("meta"):
        millions = parameters(build(sizes["paper"], **options)) / 1e6
    assert millions == pytest.approx(published, rel=0.01)
    assert round(millions, 1) == ours


def test_the_pseudo3d_network_never_shrinks_the_depth():
    made, seen = network(PSEUDO3D | {"multipliers": (1, 2, 2)}), []
    made.before.register_forward_hook(lambda layer, given, out: seen.append(tuple(out.shape)))
    assert made(normal(1, 2, 5, 16, 8), TIMES[:1]).shape == (1, 2, 5, 16, 8)
    assert seen[0][2:] == (5, 4, 2)


def test_an_estimate_is_shaped_as_the_picture(size):
    made = network(size)(NOISY, TIMES, TEXT, KEPT)
    assert made.shape == NOISY.shape
    assert made.isfinite().all()


def test_only_the_tokens_that_are_kept_are_read(size):
    made, other = network(size), TEXT.clone()
    other[~KEPT] = 100.0
    assert torch.allclose(made(NOISY, TIMES, TEXT, KEPT), made(NOISY, TIMES, other, KEPT))
    other[0, 0] += 1
    assert not torch.allclose(made(NOISY, TIMES, TEXT, KEPT)[0], made(NOISY, TIMES, other, KEPT)[0])


def test_a_row_that_keeps_no_token_reads_the_null_as_without_text(size):
    made = network(size)
    conditional, plain = made(NOISY, TIMES, TEXT, SOME), made(NOISY, TIMES)
    assert torch.allclose(conditional[1], plain[1], atol=1e-6)
    assert not torch.allclose(conditional[0], plain[0], atol=1e-4)


def test_a_shorter_text_reads_as_one_whose_other_tokens_are_not_kept(size):
    made, short = network(size), TEXT[:, :4]
    assert torch.allclose(made(NOISY, TIMES, short), made(NOISY, TIMES, TEXT, FOUR))
    drawn = made(NOISY, TIMES, short, SOME[:, :4])
    assert torch.allclose(drawn[1], made(NOISY, TIMES)[1], atol=1e-6)


def test_the_pseudo3d_network_of_half_precision_takes_pictures_and_text_of_full_precision():
    made = network(PSEUDO3D).to(torch.bfloat16)(NOISY, TIMES, TEXT, KEPT)
    assert made.dtype == torch.float32
    assert torch.allclose(made, network(PSEUDO3D)(NOISY, TIMES, TEXT, KEPT), atol=0.1)


def test_the_null_is_learned(size):
    made = network(size)
    made(NOISY, TIMES).square().sum().backward()
    assert made.null.null.grad.abs().sum() > 0


def test_the_time_is_seen(size):
    made = network(size)
    assert not torch.allclose(made(NOISY, TIMES), made(NOISY, TIMES.flip(0)), atol=1e-4)


def test_channels_beside_are_seen_and_not_drawn(size):
    made, concat = network(size, concat=3), normal(2, 3, 8, 8, 8, seed=2)
    drawn = made(NOISY, TIMES, concat=concat)
    assert drawn.shape == NOISY.shape
    assert not torch.allclose(drawn, made(NOISY, TIMES, concat=-concat), atol=1e-4)


def test_channels_beside_that_are_not_given_are_seen_as_zeros():
    made = network(PSEUDO3D, concat=3)
    assert torch.equal(made(NOISY, TIMES), made(NOISY, TIMES, concat=torch.zeros(2, 3, 8, 8, 8)))


def test_every_parameter_is_taught_something(size):
    made = network(size)
    made(NOISY, TIMES, TEXT, SOME).square().sum().backward()
    assert [n for n, p in made.named_parameters() if p.grad is None or not p.grad.any()] == []


def test_saving_memory_changes_no_gradient(size):
    gradients = []
    for saving in (False, True):
        made = network(size | {"checkpoint": saving})
        made(NOISY, TIMES, TEXT, SOME).square().sum().backward()
        gradients.append([parameter.grad for parameter in made.parameters()])
    assert all(torch.allclose(a, b, rtol=1e-4, atol=1e-5) for a, b in zip(*gradients, strict=True))


def test_the_batch_changes_nothing(size):
    made = network(size)
    alone = torch.cat([made(NOISY[[row]], TIMES[[row]], TEXT[[row]]) for row in (0, 1)])
    assert torch.allclose(made(NOISY, TIMES, TEXT), alone, atol=1e-5)


@pytest.mark.parametrize("mixing", [0, 8])
@pytest.mark.parametrize("dims", [2, 3])
def test_the_wavelet_network_takes_pictures_of_two_and_three_dimensions_and_other_sizes(
    dims, mixing
):
    for side in (16, 32):
        made = network(WAVELET | {"mixing": mixing}, space=[side] * dims)
        picture = normal(2, 2, *[side] * dims)
        assert made(picture, TIMES, TEXT).shape == picture.shape


@pytest.mark.parametrize("dims", [2, 3])
def test_a_network_of_shifts_takes_pictures_of_two_and_three_dimensions(dims):
    picture = normal(2, 2, *[8] * dims)
    assert network(SHIFT, space=[8] * dims)(picture, TIMES, TEXT).shape == picture.shape


def test_places_folded_to_half_the_grid_are_unfolded_to_what_they_were():
    places = normal(2, 4, 6, 8, 3)
    assert folded(places).shape == (2, 2, 3, 4, 24)
    assert torch.equal(unfolded(folded(places), (2, 3, 4)), places)


def test_each_channel_of_a_shift_comes_from_one_neighbor():
    places = torch.zeros(1, 5, 5, 5, 7)
    places[0, 2, 2, 2] = 1
    found = shifted(places)[0].nonzero().tolist()
    moved = [[x - 2, y - 2, z - 2] for x, y, z, _ in sorted(found, key=lambda at: at[3])]
    assert moved == [[1, 0, 0], [-1, 0, 0], [0, 1, 0], [0, -1, 0], [0, 0, 1], [0, 0, -1], [0, 0, 0]]


def test_an_untrained_network_of_shifts_knows_no_body_and_reads_no_text():
    made = initial(
        torch.Generator().manual_seed(0), SHIFT, channels=2, text_width=WORDS, space=[8] * 3
    )
    made.measure(normal(9, 2, 8, 8, 8) + torch.linspace(-3, 3, 8))
    drawn = made(NOISY, torch.ones(2), TEXT)
    assert torch.equal(drawn, made(NOISY, torch.ones(2)))
    assert torch.allclose(drawn, drawn.roll(2, 4), atol=1e-5)


def test_a_text_may_tell_one_place_what_it_tells_no_other():
    made = initial(
        torch.Generator().manual_seed(0), SHIFT, channels=2, text_width=WORDS, space=[8] * 3
    )
    torch.nn.init.normal_(made.leave.weight)
    made.bottom[0].text = None  # whose tokens are read by all places
    with torch.no_grad():
        made.text_places[:, 0, 0, 0] = 1.0
    change = (made(NOISY, TIMES, TEXT) - made(NOISY, TIMES, 2 * TEXT)).abs().amax((0, 1))
    assert change[:4, :4, :4].max() > 10 * change[5:, 5:, 5:].max()


def test_an_untrained_wavelet_network_is_the_best_linear_estimate():
    size = WAVELET | {"value_levels": 0, "rank": 1}
    made = initial(torch.Generator().manual_seed(0), size, channels=2, space=(16, 16, 16))
    body, shape = normal(1, 2, 16, 16, 16, seed=2), (100, 2, 16, 16, 16)
    pictures = body + 0.2 * normal(*shape, seed=3)
    made.measure(pictures)
    times = torch.full((100,), 0.6)
    level = Level.at(Flow(), times, pictures)
    noisy = level.noisy(pictures, normal(*shape, seed=4))
    share = 0.4 * 0.2**2 / ((0.4 * 0.2) ** 2 + 0.6**2)
    wanted = body + share * (noisy - 0.4 * body)
    assert float((made(noisy, times).detach() - wanted).square().mean().sqrt()) < 0.04


def test_an_untrained_network_of_crops_knows_no_places():
    size = SUPER_RESOLUTION["phantom"] | {"widths": (8, 16)}
    made = initial(torch.Generator().manual_seed(0), size, channels=2, concat=2).eval()
    made.measure(normal(3, 2, 16, 16, 16).cumsum(2))
    noisy, concat = normal(1, 2, 16, 16, 16), normal(1, 2, 16, 16, 16, seed=1)
    moved = made(noisy.roll(4, 3), TIMES[:1], concat=concat)
    assert torch.allclose(moved, made(noisy, TIMES[:1], concat=concat).roll(4, 3), atol=1e-5)
    assert made.bottleneck is None


def test_weights_and_the_bands_measured_come_with_the_state():
    made = network(WAVELET)
    made.measure(normal(4, 2, 8, 8, 8))
    other = network(WAVELET, seed=1)
    other.load_state_dict(made.state_dict())
    assert torch.equal(other(NOISY, TIMES), made(NOISY, TIMES))


def test_too_long_a_text_is_refused():
    with pytest.raises(ValueError, match="7, 5"):
        NullText(6, WORDS)(2, normal(2, 7, WORDS), None)


def test_a_size_is_named_changed_or_refused():
    assert named(LOW_RESOLUTION, {"size": "paper", "width": 8})["width"] == 8
    assert named(LOW_RESOLUTION, "paper") == LOW_RESOLUTION["paper"]
    with pytest.raises(ValueError, match="phantom, gaussian_prior, narrow, latent"):
        named(LOW_RESOLUTION, "huge")
    with pytest.raises(ValueError, match="has no depth"):
        named(LOW_RESOLUTION, {"size": "paper", "depth": 3})


@pytest.mark.parametrize("name", ["phantom", "workstation", "paper"])
def test_both_tables_have_every_size_of_the_house(name):
    with torch.device("meta"):
        low, fine = (build(sizes[name]) for sizes in (LOW_RESOLUTION, SUPER_RESOLUTION))
    assert parameters(low) > parameters(fine)


def test_the_cost_of_layers_that_can_be_counted_by_hand():
    class Chain(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.ModuleList(torch.nn.Linear(100, 100, bias=False) for _ in "abc")

        def forward(self, noisy, times):
            for layer in self.layers:
                noisy = layer(noisy)
            return noisy

    with torch.device("meta"):
        drawn, taught = (
            cost(Chain(), torch.zeros(1000, 100), {}, training) for training in (False, True)
        )
    assert drawn.parameters == pytest.approx(0.03)
    # The input in 32 bits, two of the others in 16.
    assert drawn.activations_gb * 1e9 == pytest.approx((4 + 2 + 2) * 1000 * 100)
    assert taught.activations_gb >= drawn.activations_gb * 1.5
    assert drawn.tflop * 1e12 == pytest.approx(3 * 2 * 1000 * 100 * 100)
    assert taught.tflop * 1e12 == pytest.approx((3 + 2 * 3 - 1) * 2 * 1000 * 100 * 100)
    assert drawn.weights_gb * 1e9 == pytest.approx(6 * 30000)
    assert taught.weights_gb * 1e9 == pytest.approx(22 * 30000)


def test_what_a_gpu_normalizes_in_mixed_precision_is_counted_in_full():
    class Normal(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = torch.nn.Sequential(torch.nn.Linear(100, 100), torch.nn.LayerNorm(100))

        def forward(self, noisy, times):
            return self.layers(noisy)

    with torch.device("meta"):
        found = cost(Normal(), torch.zeros(1000, 100), {}, training=False)
    # The input; its copy in 16 bits has gone when the output of 16 bits is copied to 32 and mapped
    # to as many, with a mean and a deviation per row.
    drawn, copied, mapped, rows = 2 + 4, 4, 4, 2 * 4 / 100
    per_value = drawn + copied + mapped + rows
    assert found.activations_gb * 1e9 == pytest.approx(1e5 * per_value, rel=0.01)


def test_counting_leaves_the_network_in_full_precision():
    with torch.device("meta"):
        made = build(WAVELET, channels=2, space=(8, 8, 8))
        before = {name: tensor.dtype for name, tensor in made.state_dict().items()}
        cost(made, torch.zeros(1, 2, 8, 8, 8), {}, training=False)
    assert {name: tensor.dtype for name, tensor in made.state_dict().items()} == before
    assert {parameter.dtype for parameter in made.parameters()} == {torch.float32}


def test_a_network_counts_its_values_where_it_is_built_while_a_library_hides_linspace(monkeypatch):
    plain = torch.linspace
    # As transformers does while it loads a model; torch may keep it in mind for good.
    monkeypatch.setattr(torch, "linspace", lambda *a, **k: plain(*a, **{"device": "cpu", **k}))
    with torch.device("meta"):
        made = build(WAVELET, channels=2, space=(8, 8, 8))
    assert {buffer.device.type for buffer in made.buffers()} == {"meta"}


def shipped(size, name, space, batch, training):
    """Return what a step of the options that ship costs, on a grid of that shape."""
    chosen = {"network": name, "text_width": 0, **medsyn_options.TRAINING[size][name]}
    chosen |= {"channels": 4, "text_width": 768 if name == "low_resolution" else 0}
    wiring = medsyn_training.wiring(chosen)
    with torch.device("meta"):
        made = build(medsyn_options.TABLES[name][chosen["size"]], **wiring)
        condition = {"concat": torch.zeros(batch, wiring["concat"], *space)}
        if wiring["text_width"]:
            condition["text"] = torch.zeros(batch, 192, 768)
        return cost(made, torch.zeros(batch, 4, *space), condition, training)


@pytest.mark.parametrize(("size", "most"), [("paper", 48), ("workstation", 24)])
@pytest.mark.parametrize("name", medsyn_options.TABLES)
def test_a_step_of_the_options_that_ship_fits_its_graphics_memory(size, most, name):
    chosen = medsyn_options.TRAINING[size][name]
    space = chosen.get("crop", [64, 64, 64])[::-1]
    assert shipped(size, name, space, chosen["batch"], training=True).total_gb < most
    assert chosen["batch"] * chosen["accumulate"] in (32, 64)


@pytest.mark.parametrize("size", ["paper", "workstation"])
def test_a_draw_of_256_cubed_fits_24_gb_in_the_tiles_that_ship(size):
    tile = medsyn_options.TRAINING[size]["super_resolution"]["tile"][::-1]
    call = shipped(size, "super_resolution", tile, 1, training=False)
    whole = 4 * 4 * 256**3 / 1e9  # four channels in 32 bits
    # Whole volumes beside a call: noisy, what is beside it, both in one, estimate, the sampler's.
    assert call.total_gb + 10 * whole < 24


def test_attention_weighs_tokens_by_their_likeness_and_nothing_else():
    tokens = normal(1, 7, 8)
    layer = Attention(8, heads=2, side=4)
    order = torch.randperm(7, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(layer(tokens)[:, order], layer(tokens[:, order]), atol=1e-6)


def test_a_block_is_scaled_by_the_time():
    block, features = TimedBlock(2, (4, 8), timed=6), normal(1, 4, 8, 8)
    assert not torch.allclose(block(features, normal(1, 6)), block(features, normal(1, 6, seed=1)))


def test_times_near_each_other_are_embedded_near_each_other():
    waves = TimeEmbedding(32, 16)
    near, other, far = waves(torch.tensor([0.5, 0.5005, 0.9]))
    assert (near - other).norm() < 0.5 * (near - far).norm()
