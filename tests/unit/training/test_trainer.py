import json
from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from realesr.degradation.pipeline import DegradationConfig
from realesr.models.architecture import SRVGGSizes
from realesr.models.checkpoint import load_state_dict
from realesr.models.loader import load_model
from realesr.training.config import DataConfig, NetworkConfig, ScheduleConfig, TrainConfig
from realesr.training.dataset import PatchDataset
from realesr.training.ema import ExponentialMovingAverage
from realesr.training.trainer import learning_rate, train

from support.archives import make_tar

SCHEDULE = ScheduleConfig(
    total_steps=4, warmup_steps=2, decay_steps=2, batch_size=2, lr_size=8, margin=1
)


@pytest.fixture
def data_root(tmp_path):
    root = tmp_path / "data"
    clean = root / "clean"
    clean.mkdir(parents=True)
    rng = np.random.default_rng(0)
    members = {}
    for index in range(2):
        coarse = rng.integers(0, 256, (9, 11, 3), np.uint8)
        encoded = cv2.imencode(".png", np.kron(coarse, np.ones((8, 8, 1), np.uint8)))[1].tobytes()
        members[f"{index}.png"] = encoded
        (clean / f"{index}.png").write_bytes(encoded)
    make_tar(root / "a.tar", members)
    return root


def recipe(**schedule) -> TrainConfig:
    return TrainConfig(
        name="tiny",
        data=DataConfig(pictures=("a.tar",), validation="clean"),
        schedule=replace(SCHEDULE, **schedule),
        network=NetworkConfig(num_feat=8, num_conv=1),
        degradation=DegradationConfig(scale=2),
        log_every=1,
        save_every=2,
    )


def test_a_run_ends_with_loadable_weights_and_a_log(data_root, tmp_path):
    path = train(recipe(), data_root=data_root, out_dir=tmp_path / "out", workers=0)
    network = load_model(path)
    assert network.sizes == SRVGGSizes(num_feat=8, num_conv=1, scale=2)
    assert path.name == "tiny.safetensors"
    log = [json.loads(line) for line in (tmp_path / "out/log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "loss" in entry] == [1, 2, 3, 4]
    assert [entry["step"] for entry in log if "psnr" in entry] == [2, 4]


class PowerCutError(Exception):
    """Stands for a power cut."""


def test_resumed_equals_uninterrupted(data_root, tmp_path, monkeypatch):
    whole = train(recipe(), data_root=data_root, out_dir=tmp_path / "whole", workers=0)
    half = tmp_path / "half"
    item = PatchDataset.__getitem__

    def cut_off(self, index):
        if index == 3 * SCHEDULE.batch_size:  # the fourth step; the last checkpoint is of step 2
            raise PowerCutError
        return item(self, index)

    with monkeypatch.context() as patch, pytest.raises(PowerCutError):
        patch.setattr(PatchDataset, "__getitem__", cut_off)
        train(recipe(), data_root=data_root, out_dir=half, workers=0)
    assert not (half / "tiny.safetensors").exists()
    resumed = train(recipe(), data_root=data_root, out_dir=half, workers=0)
    expected, actual = load_state_dict(whole), load_state_dict(resumed)
    for name, tensor in expected.items():
        assert torch.equal(actual[name], tensor), name


def test_training_brings_unseen_pictures_closer(data_root, tmp_path):
    out = tmp_path / "out"
    long = recipe(
        total_steps=150, warmup_steps=5, decay_steps=50, learning_rate=2e-3, ema_decay=0.9
    )
    train(long, data_root=data_root, out_dir=out, workers=0)
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    psnr = [entry["psnr"] for entry in log if "psnr" in entry]
    assert psnr[-1] > psnr[0] + 0.2  # 0.38 dB when this was written


def test_a_run_can_start_from_weights(data_root, tmp_path):
    first = train(recipe(), data_root=data_root, out_dir=tmp_path / "first", workers=0)
    still = recipe(total_steps=1, learning_rate=0.0)
    options = {"data_root": data_root, "workers": 0}
    second = train(still, out_dir=tmp_path / "second", initial_weights=first, **options)
    other = train(still, out_dir=tmp_path / "other", **options)
    expected, actual = load_state_dict(first), load_state_dict(second)
    assert all(torch.equal(actual[name], tensor) for name, tensor in expected.items())
    assert not torch.equal(load_state_dict(other)["body.0.weight"], expected["body.0.weight"])


def test_learning_rate_rises_stays_and_falls():
    schedule = ScheduleConfig(total_steps=100, warmup_steps=10, decay_steps=40, learning_rate=1.0)
    assert learning_rate(0, schedule) == pytest.approx(0.1)
    assert learning_rate(9, schedule) == learning_rate(60, schedule) == 1
    assert learning_rate(80, schedule) == pytest.approx(0.5)
    assert 0 < learning_rate(99, schedule) < 0.01


def test_the_moving_average_follows_slowly():
    network = torch.nn.Linear(1, 1)
    torch.nn.init.zeros_(network.weight)
    average = ExponentialMovingAverage(network, 0.9)
    torch.nn.init.ones_(network.weight)
    average.update(network)
    average.update(network)
    assert average.network.weight.item() == pytest.approx(1 - 0.9**2)
    assert network.weight.item() == 1
    assert not average.network.weight.requires_grad
