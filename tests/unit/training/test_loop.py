import json
import os
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open

from realesr.errors import (
    InvalidOptionError,
    TrainingError,
    UnreadableMediaError,
    UnsupportedCheckpointError,
)
from realesr.models.architectures.rrdbnet import RRDBNetConfig
from realesr.models.architectures.srvgg import SRVGGConfig
from realesr.models.loader import load_model
from realesr.training import state as state_module
from realesr.training.dataset import PatchDataset
from realesr.training.loop import Reporter, train
from realesr.training.recipe import (
    ConsistencyConfig,
    GeneratorConfig,
    InitConfig,
    LossesConfig,
    PerceptualConfig,
    PixelLossConfig,
    TeacherConfig,
)
from realesr.training.teaching import live_teacher
from realesr.weights import torch_checkpoint
from realesr.weights.torch_checkpoint import load_state_dict

from support.training import GAN, make_data, tiny_recipe

CPU = torch.device("cpu")
POOL = {"pair_pool": 4}
UNSHUFFLED = GeneratorConfig(
    architecture="rrdbnet", parameters={"num_feat": 4, "num_block": 1, "num_grow_ch": 4}
)
FEATURES = LossesConfig(efficientnet=PerceptualConfig(weight=1.0))
WIDE = replace(GAN["discriminator"], num_feat=8)


@pytest.fixture
def data_root(tmp_path):
    return make_data(tmp_path / "data")


@pytest.fixture
def run(data_root):
    """Trains into a folder, with no workers."""

    def run(recipe, folder, **options):
        options = {"device": CPU, "workers": 0, **options}
        return train(recipe, data_root=data_root, folder=folder, **options)

    return run


def log_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def weights_differ(first, second) -> bool:
    one, other = load_state_dict(first), load_state_dict(second)
    return any(not torch.equal(other[name], tensor) for name, tensor in one.items())


def checkpoints_equal(first, second) -> bool:
    one, other = (torch.load(path / "last.ckpt", weights_only=True) for path in (first, second))

    def equal(a, b):
        if isinstance(a, torch.Tensor):
            return torch.equal(a, b)
        if isinstance(a, dict):
            return a.keys() == b.keys() and all(equal(a[k], b[k]) for k in a)
        if isinstance(a, list):
            return len(a) == len(b) and all(map(equal, a, b))
        return a == b

    return equal(one, other)


def test_a_run_ends_with_loadable_weights_a_log_and_sheets(run, tmp_path):
    path = run(tiny_recipe(), tmp_path / "out")
    assert load_model(path).config == SRVGGConfig(num_feat=8, num_conv=1, scale=2)
    assert path.name == "tiny.safetensors"
    log = log_of(tmp_path / "out")
    assert [entry["step"] for entry in log if "losses" in entry] == [1, 2, 3, 4]
    assert [entry["step"] for entry in log if "validation" in entry] == [0, 2, 4]
    assert log[0]["bicubic"]["light"]["psnr"] > 10
    assert {"data", "forward", "losses", "backward"} <= log[2]["seconds"].keys()
    sheets = sorted(each.name for each in (tmp_path / "out/sheets").iterdir())
    assert sheets == ["0000000.jpg", "0000002.jpg", "0000004.jpg"]


class PowerCutError(Exception):
    """Stands for a power cut."""


@pytest.mark.parametrize(
    "changes",
    [{}, {**GAN, "data": POOL}, {"data": {**POOL, "damage_groups": 1}}],
    ids=["one network", "with discriminator, adaptive steps and pair pool", "damaged in groups"],
)
def test_resumed_equals_uninterrupted(run, tmp_path, monkeypatch, changes):
    recipe = tiny_recipe(schedule={"total_steps": 8}, **changes)
    run(recipe, tmp_path / "whole")

    save = state_module.TrainingState.save

    def cut_off(self, path):
        save(self, path)
        if self.step == 4:
            raise PowerCutError

    with monkeypatch.context() as patch, pytest.raises(PowerCutError):
        patch.setattr(state_module.TrainingState, "save", cut_off)
        run(recipe, tmp_path / "half")
    assert not checkpoints_equal(tmp_path / "whole", tmp_path / "half")
    run(recipe, tmp_path / "half")
    assert checkpoints_equal(tmp_path / "whole", tmp_path / "half")


def test_a_stopped_run_saves_its_last_step_and_goes_on(run, tmp_path):
    recipe = tiny_recipe(schedule={"total_steps": 5})
    run(recipe, tmp_path / "whole")
    steps = iter([False, False, True])
    stopped = run(recipe, tmp_path / "half", reporter=Reporter(stop=lambda: next(steps)))
    assert stopped is None
    assert torch.load(tmp_path / "half/last.ckpt", weights_only=True)["step"] == 3
    run(recipe, tmp_path / "half")
    assert checkpoints_equal(tmp_path / "whole", tmp_path / "half")


@pytest.mark.parametrize("stopped_at", [2, 4])
def test_a_validation_that_a_stop_has_skipped_is_made_by_the_next_run(run, tmp_path, stopped_at):
    recipe = tiny_recipe()
    steps = iter([step == stopped_at for step in range(1, 5)])
    run(recipe, tmp_path / "out", reporter=Reporter(stop=lambda: next(steps)))
    with (tmp_path / "out/log.jsonl").open("a") as file:
        file.write('{"step": 2, "validation": {"li\n')  # a power cut's
    for _ in range(2):
        run(recipe, tmp_path / "out")
    lines = (tmp_path / "out/log.jsonl").read_text().splitlines()
    found = [json.loads(line)["step"] for line in lines if '"validation": {"light"' in line]
    assert found == [0, 2, 4]
    assert (tmp_path / f"out/sheets/000000{stopped_at}.jpg").exists()


def test_a_vanished_image_saves_what_was_learned(run, tmp_path, data_root, monkeypatch):
    item = PatchDataset.__getitem__

    def vanishes(self, index):
        if index == 2 * 3:  # the first patch of the fourth step
            raise UnreadableMediaError("b.png: No such file or directory")
        return item(self, index)

    monkeypatch.setattr(PatchDataset, "__getitem__", vanishes)
    with pytest.raises(UnreadableMediaError, match=r"b\.png"):
        run(tiny_recipe(save_every=100), tmp_path / "out")
    assert torch.load(tmp_path / "out/last.ckpt", weights_only=True)["step"] == 3


@pytest.mark.parametrize("workers", [0, 1])
def test_an_error_of_a_worker_has_its_own_words_and_its_traceback_as_a_note(
    run, tmp_path, monkeypatch, workers
):
    def fails(self, index):
        raise ValueError("no such kernel")

    monkeypatch.setattr(PatchDataset, "__getitem__", fails)
    with pytest.raises(RuntimeError, match="no such kernel") as caught:
        run(tiny_recipe(), tmp_path / "out", workers=workers)
    assert str(caught.value) == "patch 0: ValueError: no such kernel"
    assert "in fails" in caught.value.__notes__[0]


def test_a_worker_that_dies_is_told_and_what_was_learned_is_saved(run, tmp_path, monkeypatch):
    item = PatchDataset.__getitem__

    def dies(self, index):
        if index == 2 * 20:  # the first patch of the 21st step
            os.kill(os.getpid(), signal.SIGKILL)
        return item(self, index)

    monkeypatch.setattr(PatchDataset, "__getitem__", dies)
    recipe = tiny_recipe(schedule={"total_steps": 100}, save_every=100, validation=None)
    message = r"patches has died, of a lack of memory .*: set `workers` or data\.cache_mib lower"
    with pytest.raises(TrainingError, match=message):
        run(recipe, tmp_path / "out", workers=1)
    step = torch.load(tmp_path / "out/last.ckpt", weights_only=True)["step"]
    assert 0 < step <= 20  # the last batches die with the worker
    assert step == len(log_of(tmp_path / "out"))


def test_a_full_disk_leaves_the_last_checkpoint(run, tmp_path, monkeypatch):
    recipe = tiny_recipe(save_every=2)
    folder = tmp_path / "out"
    write = torch.save

    def full(content, path):
        if content["step"] == 4:
            path.write(b"half")
            raise OSError(28, "No space left on device")
        write(content, path)

    monkeypatch.setattr(state_module.torch, "save", full)
    with pytest.raises(
        TrainingError, match=r"step 4 cannot be written, the last.* is intact: .*: make room there"
    ):
        run(recipe, folder)
    assert torch.load(folder / "last.ckpt", weights_only=True)["step"] == 2
    assert not [path for path in folder.iterdir() if path.suffix == ".part"]


def test_a_full_disk_is_told_where_weights_do_not_fit(run, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch_checkpoint, "write_whole", full)
    with pytest.raises(TrainingError, match=r"tiny\.safetensors: No space .*: make room there"):
        run(tiny_recipe(validation=None), tmp_path / "out")
    assert torch.load(tmp_path / "out/last.ckpt", weights_only=True)["step"] == 4


def test_a_loss_that_is_no_number_ends_the_run_and_is_not_saved(run, tmp_path, monkeypatch):
    recipe = tiny_recipe(schedule={"total_steps": 4, "learning_rate": 1e30}, log_every=100)
    with pytest.raises(TrainingError, match=r"'l1' is no longer a number at step [34]"):
        run(replace(recipe, save_every=3), tmp_path / "out")
    assert not (tmp_path / "out/last.ckpt").exists()


@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        (
            {},
            {"generator": GeneratorConfig(parameters={"num_feat": 4, "num_conv": 1})},
            "body.0.weight of the generator is 4x3x3x3 in the recipe, 8x3x3x3 in the checkpoint",
        ),
        (
            {},
            {"generator": GeneratorConfig(parameters={"num_feat": 8, "num_conv": 2})},
            "body.4.weight of the generator is 8x8x3x3 in the recipe, 12x8x3x3 in the checkpoint",
        ),
        ({}, GAN, "the recipe has a discriminator, the checkpoint has none"),
        (GAN, {}, "the checkpoint has a discriminator, the recipe has none"),
        (GAN, {**GAN, "discriminator": WIDE}, "of the discriminator is"),
    ],
)
def test_a_checkpoint_of_other_networks_is_refused_and_kept(
    run, tmp_path, first, second, difference
):
    once = {"schedule": {"total_steps": 1}, "validation": None}
    run(tiny_recipe(**once, **first), tmp_path / "out")
    kept = (tmp_path / "out/last.ckpt").read_bytes()
    with pytest.raises(TrainingError, match=rf"last\.ckpt belongs .*{difference}.*`out`"):
        run(tiny_recipe(**once, **second), tmp_path / "out")
    assert (tmp_path / "out/last.ckpt").read_bytes() == kept


def cut(path):
    path.write_bytes(path.read_bytes()[:-1000])


def lose(path):
    content = torch.load(path, weights_only=True)
    content["optimizer"]["state"] = 5
    torch.save(content, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut, "is damaged or cut short: put a copy of it back"),
        (lambda path: path.write_bytes(b""), "is damaged or cut short"),
        (lose, "is damaged or cut short"),
        (lambda path: torch.save({"step": 1}, path), "is no checkpoint of a training"),
        (lambda path: torch.save([1], path), "is no checkpoint of a training"),
        (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    ],
)
def test_a_damaged_checkpoint_is_told_from_one_of_another_recipe(run, tmp_path, damage, message):
    recipe = tiny_recipe(schedule={"total_steps": 1}, validation=None)
    run(recipe, tmp_path / "out")
    damage(tmp_path / "out/last.ckpt")
    with pytest.raises(TrainingError, match=rf"last\.ckpt:? {message}"):
        run(recipe, tmp_path / "out")


def test_a_resumed_run_takes_rates_and_patches_of_its_recipe(run, tmp_path):
    """Also where the pool of the checkpoint holds patches of another size."""
    first = tiny_recipe(schedule={"total_steps": 2}, data=POOL, **GAN, validation=None)
    run(first, tmp_path / "out")
    schedule = {"total_steps": 4, "learning_rate": 3e-3, "betas": (0.5, 0.6), "decay_steps": 0}
    data = {**POOL, "lr_size": 12}
    run(tiny_recipe(schedule=schedule, data=data, **GAN, validation=None), tmp_path / "out")
    content = torch.load(tmp_path / "out/last.ckpt", weights_only=True)
    (group,) = content["optimizer"]["param_groups"]
    assert (group["lr"], tuple(group["betas"])) == (3e-3, (0.5, 0.6))
    assert log_of(tmp_path / "out")[-1]["learning_rate"] == 3e-3
    assert content["pool"]["kept"][0].shape == (4, 3, 12, 12)


@pytest.mark.parametrize("pool", [0, 4])
def test_a_pool_and_adaptive_steps_may_come_and_go(run, tmp_path, pool):
    parts = [{"pair_pool": pool}, {"pair_pool": 4 - pool}]
    for steps, data in enumerate(parts, 1):
        discriminator = replace(GAN["discriminator"], adaptive=data["pair_pool"] > 0)
        gan = {**GAN, "discriminator": discriminator, "validation": None}
        run(tiny_recipe(schedule={"total_steps": 2 * steps}, data=data, **gan), tmp_path / "out")
    content = torch.load(tmp_path / "out/last.ckpt", weights_only=True)
    assert (content["step"], "pool" in content, "adaptive" in content) == (4, not pool, not pool)


def test_training_brings_unseen_images_closer(run, tmp_path):
    schedule = {
        "total_steps": 150,
        "warmup_steps": 5,
        "decay_steps": 50,
        "learning_rate": 2e-3,
        "ema_decay": 0.9,
    }
    run(tiny_recipe(schedule=schedule), tmp_path / "out")
    log = log_of(tmp_path / "out")
    psnr = [entry["validation"]["light"]["psnr"] for entry in log if "validation" in entry]
    assert psnr[-1] > psnr[0] + 0.2


def test_a_run_can_start_from_weights_and_from_a_mixture(run, tmp_path):
    options = {"schedule": {"total_steps": 1, "learning_rate": 0.0}, "validation": None}
    first = run(tiny_recipe(), tmp_path / "first")
    other = run(tiny_recipe(seed=5), tmp_path / "other")
    sizes = tiny_recipe().generator.parameters
    from_first = GeneratorConfig(parameters=sizes, init=str(first))
    second = run(tiny_recipe(generator=from_first, **options), tmp_path / "second")
    assert not weights_differ(first, second)
    mixture = InitConfig(weights=str(first), mix=str(other), share=0.25)
    mixed = run(
        tiny_recipe(generator=GeneratorConfig(parameters=sizes, init=mixture), **options),
        tmp_path / "mixed",
    )
    one, two, found = (load_state_dict(path)["body.0.weight"] for path in (first, other, mixed))
    assert torch.allclose(found, 0.25 * one + 0.75 * two, atol=1e-3)
    wrong = GeneratorConfig(parameters={"num_feat": 4, "num_conv": 1}, init=str(first))
    with pytest.raises(UnsupportedCheckpointError, match="does not fit the network"):
        run(tiny_recipe(generator=wrong), tmp_path / "wrong")


def test_the_generator_waits_while_the_discriminator_warms_up(run, tmp_path):
    discriminator = replace(
        GAN["discriminator"], warmup_steps=60, adaptive=False, learning_rate=5e-3
    )
    schedule = {"total_steps": 60}
    recipe = tiny_recipe(**{**GAN, "discriminator": discriminator}, schedule=schedule)
    run(recipe, tmp_path / "out")
    content = torch.load(tmp_path / "out/last.ckpt", weights_only=True)
    generator, average = content["generator"], content["ema"]
    assert all(torch.equal(generator[name], average[name]) for name in generator)
    log = [entry["losses"] for entry in log_of(tmp_path / "out") if "losses" in entry]
    assert log[-1]["discriminator"] < log[0]["discriminator"]


SCRIPT = """
import sys
from pathlib import Path
import torch
from safetensors import safe_open
from support.training import tiny_recipe, GAN
from realesr.training.loop import train
torch.set_num_threads(1)
root, out, batch = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
kind = GAN["discriminator"].__class__
adaptive = sys.argv[4] == "adaptive"
gan = {**GAN, "discriminator": kind(kind="patch", num_feat=4, adaptive=adaptive)}
recipe = tiny_recipe(data={"batch_size": batch}, **gan)
train(recipe, data_root=root, folder=out, device=torch.device("cpu"), workers=0)
"""


@pytest.mark.parametrize("steps", ["all", "adaptive"])
def test_two_processes_equal_one_with_the_doubled_batch(data_root, tmp_path, steps):
    """Two gloo processes, with a discriminator, as torchrun starts them."""
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}

    def start(*command):
        subprocess.run([sys.executable, *command], check=True, env=environment, timeout=300)

    start(str(script), str(data_root), str(tmp_path / "one"), "4", steps)
    launcher = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2")
    start(*launcher, str(script), str(data_root), str(tmp_path / "two"), "2", steps)
    one, two = (load_state_dict(tmp_path / each / "tiny.safetensors") for each in ("one", "two"))
    for name in one:
        assert torch.allclose(one[name], two[name], atol=2e-4), name
    kept = [torch.load(tmp_path / each / "last.ckpt", weights_only=True) for each in ("one", "two")]
    assert ("adaptive" in kept[0]) == (steps == "adaptive")
    if steps == "adaptive":
        assert kept[0]["adaptive"]["skipped"] == kept[1]["adaptive"]["skipped"]


def test_a_teacher_is_computed_once_and_is_the_target(run, tmp_path):
    """From the teacher's own weights, there is hardly anything to learn from it."""
    schedule = {"total_steps": 40, "warmup_steps": 1, "decay_steps": 1, "learning_rate": 2e-3}
    teacher_file = run(tiny_recipe(schedule=schedule, validation=None), tmp_path / "teacher")
    taught = {
        "teacher": TeacherConfig(model=str(teacher_file), share=1.0, patches=6, color_lock=False),
        "losses": LossesConfig(l1=PixelLossConfig(weight=1.0, target="mix")),
        "validation": None,
    }
    same = GeneratorConfig(parameters=tiny_recipe().generator.parameters, init=str(teacher_file))
    told = []
    reporter = Reporter(message=told.append)
    recipe = tiny_recipe(generator=same, **taught)
    run(recipe, tmp_path / "student", reporter=reporter)
    assert "teacher: 6 of 6 patches" in told
    to_teacher = log_of(tmp_path / "student")[0]["losses"]["l1"]
    plain = tiny_recipe(generator=same, validation=None)
    run(plain, tmp_path / "plain")
    to_clean = log_of(tmp_path / "plain")[0]["losses"]["l1"]
    assert to_teacher < 0.25 * to_clean  # not 0: patches are turned, and outputs rounded
    told.clear()
    run(
        replace(recipe, schedule=replace(recipe.schedule, total_steps=6)),
        tmp_path / "student",
        reporter=reporter,
    )
    assert not any("teacher" in each for each in told)


def test_a_live_teacher_gives_what_the_kept_one_does(run, tmp_path):
    file = run(tiny_recipe(validation=None), tmp_path / "teacher")
    teach = live_teacher(tiny_recipe(), file, CPU, torch.float32)
    lr = torch.rand(2, 3, 16, 16)
    with torch.no_grad():
        assert torch.allclose(teach(lr), load_model(file)(lr).clamp(0, 1), atol=1e-6)


def test_a_teacher_of_another_scale_is_refused_on_every_device(run, tmp_path):
    file = run(tiny_recipe(validation=None), tmp_path / "teacher")
    recipe = tiny_recipe(
        scale=3,
        teacher=TeacherConfig(model=str(file), patches=2),
        losses=LossesConfig(l1=PixelLossConfig(weight=1.0, target="mix")),
    )
    message = r"teacher\.model: .*tiny\.safetensors has a scale of 2, the recipe one of 3"
    with pytest.raises(InvalidOptionError, match=message):
        run(recipe, tmp_path / "out")
    assert not (tmp_path / "out").exists()
    with pytest.raises(InvalidOptionError, match=message):
        live_teacher(recipe, file, CPU, torch.float32)


def test_a_live_teacher_must_take_the_patches(tmp_path):
    network = RRDBNetConfig(num_feat=4, num_block=1, num_grow_ch=4, scale=2).build()
    torch_checkpoint.save_weights(network.state_dict(), tmp_path / "t.safetensors")
    recipe = tiny_recipe(data={"lr_size": 15})
    with pytest.raises(InvalidOptionError, match=r"lr_size = 15: .* of 2 for the teacher"):
        live_teacher(recipe, tmp_path / "t.safetensors", CPU, torch.float32)


@pytest.mark.parametrize(
    ("data", "changes", "message"),
    [
        ({"lr_size": 15}, {"generator": UNSHUFFLED}, "lr_size = 15: must be a multiple of 2"),
        ({"lr_size": 15}, {"losses": FEATURES}, r"losses\.efficientnet needs .* 32 px; .* 16 or"),
    ],
)
def test_patches_that_do_not_fit_are_refused(run, tmp_path, data, changes, message):
    with pytest.raises(InvalidOptionError, match=message):
        run(tiny_recipe(data=data, **changes), tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_the_smallest_patches_pass_all_shifts(run, tmp_path):
    colors = {"consistency": ConsistencyConfig(weight=1.0)}
    losses = replace(FEATURES, averaged_l1=PixelLossConfig(weight=1.0), **colors)
    assert run(
        tiny_recipe(schedule={"total_steps": 16}, losses=losses, validation=None), tmp_path / "out"
    )


def test_the_average_is_there_as_weights_after_every_validation(run, tmp_path):
    steps = iter([False, False, True])
    recipe = tiny_recipe(schedule={"total_steps": 100})
    assert run(recipe, tmp_path / "out", reporter=Reporter(stop=lambda: next(steps))) is None
    with safe_open(tmp_path / "out/tiny.safetensors", "pt") as file:
        assert file.metadata()["step"] == "2"
        assert json.loads(file.metadata()["recipe"])["name"] == "tiny"


NORMS = GeneratorConfig(
    architecture="srresnet", parameters={"num_feat": 8, "num_block": 1}, initialization="identity"
)


def with_norms(freeze_norms, total_steps=4):
    schedule = {"freeze_norms": freeze_norms, "total_steps": total_steps}
    return tiny_recipe(generator=NORMS, schedule=schedule)


def statistics_of(folder):
    content = torch.load(folder / "last.ckpt", weights_only=True)
    learned, average = (content[part]["norm_body.running_var"] for part in ("generator", "ema"))
    return learned, average


def test_statistics_stay_from_a_step_on(run, tmp_path):
    for steps in (2, 4):
        run(with_norms(2, steps), tmp_path / f"{steps}")
    before, after = (statistics_of(tmp_path / f"{steps}")[0] for steps in (2, 4))
    assert not torch.equal(before, torch.ones(8))
    assert torch.equal(before, after)
    assert torch.equal(*statistics_of(tmp_path / "4"))  # the average has the same
    run(with_norms(None), tmp_path / "never")
    learned, average = statistics_of(tmp_path / "never")
    assert not torch.equal(learned, before)
    assert not torch.equal(learned, average)


def test_a_resumed_run_keeps_its_statistics(run, tmp_path):
    run(with_norms(1, 6), tmp_path / "whole")
    steps = iter([False, False, True])
    run(with_norms(1, 6), tmp_path / "parts", reporter=Reporter(stop=lambda: next(steps)))
    run(with_norms(1, 6), tmp_path / "parts")
    assert checkpoints_equal(tmp_path / "whole", tmp_path / "parts")
