import gzip
import hashlib
import socket
import threading
import time
from dataclasses import replace

import numpy as np
import pytest

from realesr.errors import ChecksumMismatchError, DownloadError, UsageError
from realesr.weights.catalog import MIRROR_VARIABLE, ORIGINS, RELEASES, WeightFile
from realesr.weights.fetch import WAITS_S, fetch, sha256_of

from support.server import Server

DATA = np.random.default_rng(0).bytes(3_000_000)
PATH = "/v1/net.pth"
FILE = WeightFile(
    name="net.pth",
    size_bytes=len(DATA),
    sha256=hashlib.sha256(DATA).hexdigest(),
    url=RELEASES + PATH,
)


@pytest.fixture
def server(monkeypatch):
    with Server(content={PATH: DATA}).running() as running:
        monkeypatch.setenv(MIRROR_VARIABLE, running.url)
        yield running


def names(folder):
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_a_file_comes_whole_and_verified(server, tmp_path):
    progress = []
    path = fetch(FILE, tmp_path / "deep/cache", on_progress=lambda *at: progress.append(at))
    assert path.read_bytes() == DATA
    assert sha256_of(path) == FILE.sha256
    assert progress[-1] == (len(DATA), len(DATA))
    assert names(path.parent) == ["net.pth"]


def test_a_cut_connection_is_taken_up_where_it_broke(server, tmp_path):
    server.cuts = [1_000_000, 500_000]
    waits = []
    assert fetch(FILE, tmp_path, sleep=waits.append).read_bytes() == DATA
    assert waits == list(WAITS_S[:2])
    starts = [int(wanted[6:-1]) if wanted else 0 for _, wanted in server.requests]
    assert starts == sorted(starts)
    assert 0 < starts[1] <= 1_000_000


def test_an_interrupted_download_is_taken_up_by_the_next(server, tmp_path):
    def stop(done, total):
        if done > 1_000_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch(FILE, tmp_path, on_progress=stop)
    assert names(tmp_path) == ["net.pth.part"]
    server.requests.clear()
    assert fetch(FILE, tmp_path).read_bytes() == DATA
    ((_, wanted),) = server.requests
    assert wanted.startswith("bytes=")
    assert names(tmp_path) == ["net.pth"]


def test_a_server_that_cannot_resume_sends_all_again(server, tmp_path):
    server.ranges = False
    (tmp_path / "net.pth.part").write_bytes(DATA[:1000])
    assert fetch(FILE, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("leftover", [b"of another file", DATA[::-1], DATA + b"more"])
def test_a_leftover_that_does_not_belong_there_does_no_harm(server, tmp_path, leftover):
    (tmp_path / "net.pth.part").write_bytes(leftover)
    assert fetch(FILE, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize("wrong", [DATA[::-1], DATA + b"more"])
def test_other_bytes_than_expected_are_not_kept(server, tmp_path, wrong):
    server.content[PATH] = wrong
    with pytest.raises(ChecksumMismatchError, match=FILE.sha256):
        fetch(FILE, tmp_path)
    assert names(tmp_path) == []


def test_a_file_that_is_not_there_is_not_asked_for_twice(server, tmp_path):
    server.content.clear()
    with pytest.raises(DownloadError, match=r"net\.pth.*127.*404.*put it at .*net\.pth"):
        fetch(FILE, tmp_path, sleep=lambda s: pytest.fail("waited"))
    assert len(server.requests) == 1
    assert names(tmp_path) == []


def test_a_busy_server_is_asked_again(server, tmp_path):
    server.statuses = [503, 429]
    waits = []
    assert fetch(FILE, tmp_path, sleep=waits.append).read_bytes() == DATA
    assert waits == list(WAITS_S[:2])


def test_without_a_network_the_message_says_what_to_do(monkeypatch, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv(MIRROR_VARIABLE, address)
    waits, notices = [], []
    with pytest.raises(DownloadError) as caught:
        fetch(FILE, tmp_path, sleep=waits.append, notify=notices.append)
    assert waits == list(WAITS_S)
    assert len(notices) == len(waits)
    assert all(notice.code == "download-retried" for notice in notices)
    assert "net.pth: " in str(notices[0])
    assert "trying again in" in str(notices[0])
    for part in ("net.pth", address + PATH, "refused", str(tmp_path / "net.pth")):
        assert part in str(caught.value)


def test_two_at_once_download_once(server, tmp_path):
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(fetch(FILE, tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.read_bytes() == DATA for path in results] == [True] * 4
    assert len(server.requests) == 1


def test_a_folder_that_cannot_be_written_is_named(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DownloadError, match=r"file.net\.pth: cannot be written"):
        fetch(FILE, tmp_path / "file")


def test_what_has_no_address_is_not_downloaded(tmp_path):
    with pytest.raises(DownloadError, match="part of realesr"):
        fetch(WeightFile(name="a", size_bytes=1, sha256="0"), tmp_path)


@pytest.mark.parametrize("origin", ORIGINS)
def test_a_mirror_takes_the_place_of_every_origin(server, tmp_path, origin):
    weights = replace(FILE, url=origin + PATH)
    assert fetch(weights, tmp_path).read_bytes() == DATA


@pytest.mark.parametrize(
    "mirror",
    ["file:///etc", "example.org", "", "http://", "https://[bad", "http://a:port", "http://a b"],
)
def test_only_the_web_is_asked(monkeypatch, tmp_path, mirror):
    monkeypatch.setenv(MIRROR_VARIABLE, mirror)
    with pytest.raises(UsageError, match=rf"{MIRROR_VARIABLE}=.*https://example.*unset it"):
        fetch(FILE, tmp_path)
    assert UsageError.exit_code == 2


def test_a_server_that_trickles_is_not_waited_for(server, tmp_path):
    """Bytes come all the time, but far too few: neither the body nor the head takes for ever."""
    server.pause_s = 0.02
    waits = []
    started = time.monotonic()
    with pytest.raises(DownloadError, match=r"only \d+ bytes came in 0\.2 s"):
        fetch(FILE, tmp_path, sleep=waits.append, timeout_s=0.2, min_rate=10_000)
    assert waits == list(WAITS_S)
    assert time.monotonic() - started < 5
    server.pause_s = 0
    assert fetch(FILE, tmp_path).read_bytes() == DATA


def test_a_head_that_trickles_is_not_waited_for(server, tmp_path):
    server.head_pause_s = 0.05
    with pytest.raises(DownloadError, match=r"no answer for 0\.2 s"):
        fetch(FILE, tmp_path, sleep=lambda s: None, timeout_s=0.2)


def test_a_slow_but_steady_server_is_waited_for(server, tmp_path):
    server.pause_s = 0.001
    server.block = 10_000
    assert fetch(FILE, tmp_path, timeout_s=0.1, min_rate=1024).read_bytes() == DATA


@pytest.mark.parametrize("refusal", ["416", "another part"])
def test_a_part_that_the_server_refuses_is_dropped(server, tmp_path, refusal):
    (tmp_path / "net.pth.part").write_bytes(DATA[:1000])
    if refusal == "416":
        server.statuses = [416]
    else:
        server.shift = 7
    assert fetch(FILE, tmp_path, sleep=lambda s: pytest.fail("waited")).read_bytes() == DATA
    assert [wanted for _, wanted in server.requests] == ["bytes=1000-", None]


@pytest.mark.parametrize("has_type", [True, False])
def test_a_page_is_called_a_page(server, tmp_path, has_type):
    server.content[PATH] = b"\n <!DOCTYPE html><html><body>Sign in</body></html>"
    if has_type:
        server.headers = {"Content-Type": "text/html; charset=utf-8"}
    with pytest.raises(DownloadError, match=rf"web page.*put it at.*{MIRROR_VARIABLE}"):
        fetch(FILE, tmp_path, sleep=lambda s: pytest.fail("waited"))
    assert len(server.requests) == 1
    assert not (tmp_path / "net.pth").exists()


def test_gzip_is_decoded(server, tmp_path):
    server.content[PATH] = gzip.compress(DATA, 1)
    server.headers = {"Content-Encoding": "gzip"}
    assert fetch(FILE, tmp_path).read_bytes() == DATA
    (tmp_path / "net.pth").rename(tmp_path / "net.pth.part")
    (tmp_path / "net.pth.part").write_bytes(DATA[:1000])
    assert fetch(FILE, tmp_path).read_bytes() == DATA  # parts of compressed files do not fit


def test_gzip_of_zeros_ends_at_the_size_of_the_file(server, tmp_path):
    server.content[PATH] = gzip.compress(bytes(200_000_000), 1)
    server.headers = {"Content-Encoding": "gzip"}
    most = []
    with pytest.raises(ChecksumMismatchError):
        fetch(FILE, tmp_path, on_progress=lambda done, total: most.append(done))
    assert max(most) == len(DATA) + 1


def test_other_compressions_are_refused_in_words(server, tmp_path):
    server.headers = {"Content-Encoding": "br"}
    with pytest.raises(DownloadError, match=r"compressed as br.*put it at"):
        fetch(FILE, tmp_path, sleep=lambda s: pytest.fail("waited"))


def test_a_reason_brings_nothing_to_the_terminal(server, tmp_path):
    server.statuses, server.reason = [403], "\x1b[31mNo\x07"
    with pytest.raises(DownloadError, match=r"answers 403 \?\[31mNo\?") as caught:
        fetch(FILE, tmp_path)
    assert str(caught.value).isprintable()
