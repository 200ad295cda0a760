import socket
import threading
from types import SimpleNamespace

import pytest

from realesr.errors import InvalidOptionError
from realesr.pipeline.executors import cluster_connection
from realesr.pipeline.executors.cluster_connection import connect
from realesr.progress import no_notice


@pytest.fixture
def port():
    """A port of this machine that nothing listens at."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield taken.getsockname()[1]


def ray_that(init):
    return SimpleNamespace(is_initialized=lambda: False, init=init)


@pytest.mark.parametrize("way", ["named", "environment"])
def test_a_place_where_nothing_listens_is_told_without_asking_ray(port, way, monkeypatch):
    address = f"127.0.0.1:{port}"
    if way == "environment":
        monkeypatch.setenv("RAY_ADDRESS", address)
    asked = []
    with pytest.raises(InvalidOptionError, match=rf"{address}: no Ray cluster answers"):
        ray = ray_that(lambda **options: asked.append(options))
        connect(ray, address if way == "named" else "auto", notify=no_notice)
    assert not asked


def test_a_number_that_is_no_port_is_told():
    ray = ray_that(lambda **options: None)
    with pytest.raises(InvalidOptionError, match="no Ray cluster answers"):
        connect(ray, "127.0.0.1:99999", notify=no_notice)


def test_a_cluster_that_does_not_answer_is_told_of(port, monkeypatch):
    monkeypatch.setattr(cluster_connection, "_SLOW_S", 0.01)
    told, told_once = [], threading.Event()

    def notify(notice):
        told.append(notice.code)
        told_once.set()

    with socket.create_server(("127.0.0.1", 0)) as other:
        address = f"127.0.0.1:{other.getsockname()[1]}"
        assert connect(ray_that(lambda **options: told_once.wait(10)), address, notify=notify)
    assert told == ["cluster-slow"]


def test_a_cluster_that_answers_is_not_told_of():
    told = []
    assert connect(ray_that(lambda **options: None), "local", notify=told.append)
    connected = SimpleNamespace(is_initialized=lambda: True)
    assert not connect(connected, "local", notify=told.append)
    assert not told
