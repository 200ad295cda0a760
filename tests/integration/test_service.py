"""The service over real connections."""

import http.client
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
import zlib

import numpy as np
import pytest
from PIL import Image as PillowImage

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
pytest.importorskip("httpx")

import httpx

from realesr.cli.main import main
from realesr.errors import InvalidOptionError
from realesr.serving.options import ServeOptions

from support.clips import make_clip
from support.service import Slow, running


def png(width=12, height=8, level=100):
    data = io.BytesIO()
    PillowImage.fromarray(np.full((height, width, 3), level, np.uint8)).save(data, "PNG")
    return data.getvalue()


def bomb(side=30_000):
    """A PNG that says to be large, and is not."""

    def chunk(kind, data):
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10_000)))
    return b"\x89PNG\r\n\x1a\n" + body + chunk(b"IEND", b"")


@pytest.fixture(scope="module")
def shared_service(tmp_path_factory):
    with running(tmp_path_factory.mktemp("service") / "place", max_body=100_000) as started:
        yield started


@pytest.fixture
def service(shared_service):
    yield shared_service
    shared_service.wait_for(lambda: not shared_service.left())


def upscale(service, content, **options):
    return service.client.post("/v1/upscale", content=content, params=options)


def opened(answer):
    return PillowImage.open(io.BytesIO(answer.content))


@pytest.mark.parametrize("path", ["/", "/v1/models", "/v2/health/live", "/none", "/v1/upscale"])
def test_head_is_get_without_a_body(service, path):
    whole, head = service.client.get(path), service.client.head(path)
    assert head.status_code == whole.status_code
    assert head.headers.get("content-type") == whole.headers.get("content-type")
    assert not head.content


def test_a_body_becomes_a_picture(service):
    answer = upscale(service, png(), outscale=3)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "image/png"
    assert answer.headers["x-realesr-model"] == "bicubic"
    assert answer.headers["x-realesr-source-size"] == "12x8"
    assert answer.headers["x-realesr-size"] == "36x24"
    image = opened(answer)
    assert (image.format, image.size) == ("PNG", (36, 24))
    assert (np.asarray(image) == 100).all()


def test_a_form_carries_options_with_hyphens_or_underscores(service):
    for name in ("model-name", "model_name"):
        answer = service.client.post(
            "/v1/upscale",
            files={"file": ("../../my cat.png", png())},
            data={name: "nearest", "width": "30", "ext": "jpg", "quality": "90", "fit": ""},
        )
        assert answer.status_code == 200
        assert answer.headers["x-realesr-model"] == "nearest"
        assert "my%20cat_out.jpg" in answer.headers["content-disposition"]
        assert (opened(answer).format, opened(answer).size) == ("JPEG", (30, 20))


@pytest.mark.parametrize(
    ("query", "fields", "name"),
    [
        ("outscale=2&outscale=3", {}, "outscale"),
        ("outscale=2&outscale=2", {}, "outscale"),
        ("outscale=2", {"outscale": "3"}, "outscale"),
        ("", {"quality": ["80", "90"]}, "quality"),
        ("model-name=nearest&model_name=bicubic", {}, "model-name"),
    ],
)
def test_an_option_stands_once(service, query, fields, name):
    path = f"/v1/upscale?{query}"
    answer = service.client.post(path, files={"file": ("a.png", png())}, data=fields)
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(f"`{name}` is given twice")
    answer = service.client.post(path.replace("upscale", "videos"), content=png())
    assert answer.status_code == (422 if query.count("=") == 2 else 415)


def test_an_empty_option_is_none(service):
    path = "/v1/upscale?outscale=&outscale=2"
    answer = service.client.post(path, files={"file": ("a.png", png())}, data={"outscale": ""})
    assert opened(answer).size == (24, 16)


def test_what_is_left_out_is_told(service):
    data = io.BytesIO()
    PillowImage.new("RGBA", (8, 8), (1, 2, 3, 0)).save(data, "PNG")
    answer = upscale(service, data.getvalue(), ext="jpg")
    assert answer.headers["x-realesr-notices"] == "alpha-flattened"


@pytest.mark.parametrize(
    ("notices", "options"),
    [
        ("option-without-effect", {"quality": "50"}),
        ("option-without-effect", {"strength": "0.5", "denoise-strength": "0.5"}),
        ("option-without-effect", {"color-lock": "false", "quality": "50"}),
        ("", {"quality": "50", "ext": "jpg"}),
        ("", {"strength": "1"}),
    ],
)
def test_options_without_effect_are_told(service, notices, options):
    assert upscale(service, png(), **options).headers["x-realesr-notices"] == notices


def test_options_without_effect_on_a_video_are_told(service, tmp_path):
    clip = clip_of(tmp_path / "clip.mkv", 1, "32x24").read_bytes()
    job = ended(service, submit(service, clip, color_lock="0").json()["id"])
    (said,) = job["notices"]
    assert said == "`color-lock` does nothing for bicubic, which has no network"
    headers = service.client.head(job["result"]).headers
    assert headers["x-realesr-notices"] == "option-without-effect"
    service.client.delete(f"/v1/videos/{job['id']}")


@pytest.mark.parametrize(
    ("status", "content", "options"),
    [
        (422, png(), {"bogus": "1"}),
        (422, png(), {"outscale": "0"}),
        (422, png(), {"outscale": "2", "width": "9"}),
        (422, png(), {"model-name": "RealESRGAN_x4plus"}),
        (422, png(), {"model-name": "../../etc/passwd"}),
        (422, png(), {"ext": "exe"}),
        (422, png(), {"ext": "jpg", "lossless": "1"}),
        (422, png(), {"ext": "mp4"}),
        (422, png(), {"fit": "0x0"}),
        (422, b"", {}),
        (422, png()[:40], {}),
        (415, b"garbage" * 100, {}),
        (415, bytes(1000), {}),
        (415, b"#EXTM3U\nfile:///etc/passwd\n", {}),
        (413, bomb(), {}),
        (413, png(), {"outscale": "64"}),
        (413, bytes(100_001), {}),
        (422, png(), {"ext": "webp", "width": "40000", "height": "1"}),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, dict | int) else len(value),
)
def test_what_is_wrong_is_said(service, status, content, options):
    if status == 413 and options:
        content = png(400, 400)  # 25600x25600 px
    answer = upscale(service, content, **options)
    assert answer.status_code == status, answer.text
    words = answer.json()["detail"]
    assert words
    assert str(service.place) not in words
    assert "place" not in words


@pytest.mark.parametrize(("name", "known"), [("", "the body"), ("my cat.gif", "my cat.gif")])
@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        (png()[:40], {}, "NAME: damaged or cut short"),
        (png(), {"ext": "jpg", "lossless": "1"}, "`lossless`: the result would be JPEG"),
        (png(), {"ext": "webp", "width": "40000", "height": "1"}, "the result: 40000x1 px do not"),
    ],
    ids=["damaged", "lossless", "too large"],
)
def test_messages_name_files_as_clients_do(service, name, known, content, options, words):
    body = {"files": {"file": (name, content)}} if name else {"content": content}
    answer = service.client.post("/v1/upscale", params=options, **body)
    assert answer.json()["detail"].startswith(words.replace("NAME", known))


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("outscale", "nan", "`outscale` nan: must be a number above 0 and at most 64"),
        ("outscale", "0", "`outscale` 0: must be a number above 0 and at most 64"),
        ("strength", "inf", "`strength` inf: must be a number from 0 to 1"),
        ("denoise_strength", "x", "`denoise-strength` x: must be a number from 0 to 1"),
        ("width", "1.5", "`width` 1.5: must be a whole number from 1 to 65535"),
        ("color-lock", "perhaps", "`color-lock` perhaps: Input should be a valid boolean"),
        ("tile_pad", "3", "`tile-pad`: there is no such option"),
        ("model-name", "nope", "`model-name` nope: this service has bicubic, nearest"),
        ("model_name", "nope", "`model-name` nope: this service has bicubic, nearest"),
    ],
)
def test_messages_name_options_as_clients_type_them(service, option, value, words):
    answer = upscale(service, png(), **{option: value})
    assert answer.status_code == 422
    assert answer.json()["detail"].startswith(words)


def test_no_place_is_told_of_a_damaged_picture(service):
    answer = upscale(service, png(100, 100)[:120])
    assert answer.status_code in (200, 422)
    assert str(service.place) not in answer.text


def test_bodies_without_a_length_are_bounded(service):
    def chunks():
        for _ in range(40):
            yield bytes(10_000)

    assert service.client.post("/v1/upscale", content=chunks()).status_code == 413
    large = bytes(20_000_000)  # more than buffers hold: the answer must not be lost
    assert service.client.post("/v1/upscale", content=large).status_code == 413
    headers = {"Origin": "https://evil.example"}
    assert service.client.post("/v1/upscale", content=large, headers=headers).status_code == 403
    fields = {"file": ("a.png", png() + bytes(200_000))}
    assert service.client.post("/v1/upscale", files=fields).status_code == 413
    assert service.client.post("/v1/upscale", files={"other": png()}).status_code == 422


def test_an_aborted_upload_leaves_nothing(service):
    port = int(service.url.rsplit(":", 1)[1])
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head + png()[:50])
        service.wait_for(service.left)
    service.wait_for(lambda: not service.left())
    assert upscale(service, png()).status_code == 200


def test_strange_hosts_and_other_pages_are_refused(service):
    for headers in ({"Host": "evil.example"}, {"Host": "evil.example:8000"}, {"Host": "["}):
        assert service.client.get("/v1/models", headers=headers).status_code == 400
    for origin in ("https://evil.example", "null"):
        answer = service.client.post("/v1/upscale", content=png(), headers={"Origin": origin})
        assert answer.status_code == 403
    answer = service.client.post("/v1/upscale", content=png(), headers={"Origin": service.url})
    assert answer.status_code == 200


def test_its_state_can_be_asked_for(service):
    assert service.client.get("/v2/health/live").json() == {"live": True}
    assert service.client.get("/v2/health/ready").json() == {"ready": True}
    models = service.client.get("/v1/models").json()["models"]
    assert [each["name"] for each in models] == ["bicubic", "nearest"]
    paths = service.client.get("/openapi.json").json()["paths"]
    assert {"/v1/upscale", "/v1/videos", "/v1/videos/{key}/result", "/metrics"} <= paths.keys()
    names = {each["name"] for each in paths["/v1/upscale"]["post"]["parameters"]}
    assert {"model-name", "outscale", "ext", "quality", "color-lock"} <= names
    assert service.client.get("/docs").status_code == 200
    assert service.client.get("/").headers["content-security-policy"].startswith("default-src")
    for path in ("/nothing", "/static/../app.py", "/static/%2e%2e/app.py"):
        assert service.client.get(path).status_code == 404


def figure(service, line):
    text = service.client.get("/metrics").text
    return next((float(each.split()[-1]) for each in text.splitlines()
                 if each.startswith(f"{line} ")), 0.0)  # fmt: skip


def test_figures_count(service):
    line = 'realesr_requests_total{method="POST",route="/v1/upscale",status="200"}'
    before = figure(service, line), figure(service, 'realesr_pixels_total{direction="out"}')
    upscale(service, png(), outscale=2)
    service.wait_for(lambda: figure(service, line) == before[0] + 1)
    after = figure(service, 'realesr_pixels_total{direction="out"}')
    assert after == before[1] + 24 * 16
    assert figure(service, "realesr_queue_depth") == 0
    assert figure(service, "realesr_in_flight") == 0
    assert figure(service, 'realesr_model_load_seconds{model="bicubic"}') > 0
    service.client.get("/no/such/address")
    assert "no/such" not in service.client.get("/metrics").text


@pytest.fixture
def slow(tmp_path):
    upscaler = Slow()
    limits = {"queue": 2, "timeout_s": 1.0, "upload_timeout_s": 0.5, "keep_s": 0.1}
    with running(tmp_path / "place", **limits) as service:
        service.service.engine.load = lambda options: upscaler
        service.slow = upscaler
        yield service


def test_more_than_fit_are_told_when_to_come_again(slow):
    answers = []

    def ask():
        answers.append(httpx.post(f"{slow.url}/v1/upscale", content=png(), timeout=30))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    slow.wait_for(lambda: slow.service.images.is_full)
    answer = upscale(slow, png())
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1
    assert slow.client.get("/v2/health/ready").status_code == 503
    assert slow.client.get("/v2/health/live").status_code == 200
    slow.slow.go_on.set()
    for thread in threads:
        thread.join()
    assert [each.status_code for each in answers] == [200, 200]
    slow.wait_for(lambda: not slow.left())


def test_what_takes_too_long_is_stopped_between_tiles(slow):
    answer = upscale(slow, png())
    assert answer.status_code == 503
    assert 0 < slow.slow.tiles < 1000
    slow.wait_for(lambda: not slow.left())


def test_a_client_that_goes_stops_its_work(slow):
    port = int(slow.url.rsplit(":", 1)[1])
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("POST", "/v1/upscale", png(), {"X-Request-Id": "0123456789"})
    assert slow.slow.begun.wait(10)
    slow.wait_for(lambda: slow.slow.tiles > 3)
    state = slow.client.get("/v1/progress/0123456789").json()
    assert state["state"] == "running"
    assert state["total"] == 1000
    connection.close()
    slow.wait_for(lambda: not slow.left())
    assert slow.slow.tiles < 1000
    assert slow.client.get("/v1/progress/0123456789").json()["state"] == "unknown"


def test_a_body_that_comes_slowly_is_not_waited_for(slow):
    port = int(slow.url.rsplit(":", 1)[1])
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=10) as client:
        client.sendall(head)
        assert client.recv(100).startswith(b"HTTP/1.1 408")
    slow.wait_for(lambda: not slow.left())


def clip_of(path, frames, size):
    return make_clip(path, image=f"testsrc2=size={size}:rate=24:duration={frames / 24}")


def animated_gif(frames, duration_s):
    data = io.BytesIO()
    images = [PillowImage.new("RGB", (12, 8), (80 * number, 0, 0)) for number in range(frames)]
    images[0].save(data, "GIF", save_all=True, append_images=images[1:],
                   duration=int(duration_s * 1000))  # fmt: skip
    return data.getvalue()


def submit(service, content, **options):
    return service.client.post("/v1/videos", content=content, params=options)


def ended(service, key):
    def state():
        job = service.client.get(f"/v1/videos/{key}").json()
        return job["state"] not in ("waiting", "running") and job

    return service.wait_for(state)


def test_a_video_is_a_job(service, tmp_path):
    clip = clip_of(tmp_path / "clip.mkv", 4, "32x24").read_bytes()
    answer = submit(service, clip, outscale=2, frames=3)
    assert answer.status_code == 202
    key = answer.json()["id"]
    assert answer.headers["location"] == f"/v1/videos/{key}"
    job = ended(service, key)
    assert (job["state"], job["frames_done"], job["size"]) == ("done", 3, "64x48"), job
    result = service.client.get(job["result"])
    assert result.headers["content-type"] == "video/x-matroska"
    assert result.content[:4] == b"\x1a\x45\xdf\xa3"
    assert [each["id"] for each in service.client.get("/v1/videos").json()] == [key]
    assert service.client.delete(f"/v1/videos/{key}").status_code == 204
    for request in (service.client.get, service.client.delete):
        assert request(f"/v1/videos/{key}").status_code == 404
    assert service.client.get(job["result"]).status_code == 404


@pytest.fixture
def made(service, tmp_path):
    """A job that is done, and the file of its result."""
    clip = clip_of(tmp_path / "clip.mkv", 2, "32x24").read_bytes()
    job = ended(service, submit(service, clip).json()["id"])
    yield job, service.service.videos.find(job["id"]).made.outcome.destination
    service.client.delete(f"/v1/videos/{job['id']}")


def test_a_result_comes_in_parts(service, made):
    job, path = made
    content = path.read_bytes()
    whole = service.client.get(job["result"])
    assert (whole.status_code, whole.content) == (200, content)
    assert whole.headers["accept-ranges"] == "bytes"
    for wanted, part in (
        ("0-99", content[:100]),
        ("100-", content[100:]),
        ("-7", content[-7:]),
        ("5-999999999", content[5:]),
    ):
        answer = service.client.get(job["result"], headers={"Range": f"bytes={wanted}"})
        assert (answer.status_code, answer.content) == (206, part), wanted
        first = len(content) - 7 if wanted == "-7" else int(wanted.split("-")[0])
        last = first + len(part) - 1
        assert answer.headers["content-range"] == f"bytes {first}-{last}/{len(content)}"
        assert answer.headers["content-length"] == str(len(part))
        for name in ("content-type", "content-disposition", "x-realesr-model"):
            assert answer.headers[name] == whole.headers[name]


def test_a_part_that_is_not_there_is_refused(service, made):
    job, path = made
    size = path.stat().st_size
    line = 'realesr_requests_total{method="GET",route="/v1/videos/{key}/result",status="416"}'
    before = figure(service, line)
    answer = service.client.get(job["result"], headers={"Range": f"bytes={size}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{size}"
    assert answer.json() == {"detail": "the file has no such part"}
    service.wait_for(lambda: figure(service, line) == before + 1)
    assert service.client.get(job["result"], headers={"Range": "bytes=x"}).status_code == 400


def test_a_part_of_an_older_result_is_not_mixed_with_a_new_one(service, made):
    job, _ = made
    tag = service.client.head(job["result"]).headers["etag"]
    for known, status in ((tag, 206), ('"another"', 200)):
        headers = {"Range": "bytes=4-", "If-Range": known}
        assert service.client.get(job["result"], headers=headers).status_code == status


def test_head_tells_of_a_result_without_reading_it(service, made, monkeypatch):
    job, path = made
    with monkeypatch.context() as patch:
        patch.setattr("anyio.open_file", None)
        head = service.client.head(job["result"])
        part = service.client.head(job["result"], headers={"Range": "bytes=0-9"})
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == str(path.stat().st_size)
    assert head.headers["accept-ranges"] == "bytes"
    assert (part.status_code, part.headers["content-length"]) == (206, "10")


@pytest.mark.skipif(sys.platform == "win32", reason="open files cannot be removed")
def test_a_result_is_sent_to_its_end_although_it_is_deleted(service, made):
    job, path = made
    size = 50_000_000  # more than buffers hold
    path.write_bytes(bytes(size))
    with service.client.stream("GET", job["result"]) as answer:
        blocks = answer.iter_raw(65536)
        received = len(next(blocks))
        assert service.client.delete(f"/v1/videos/{job['id']}").status_code == 204
        assert not path.exists()
        received += sum(map(len, blocks))
    assert (answer.status_code, received) == (200, size)


def test_a_result_that_vanishes_before_it_is_open_is_not_found(service, made, monkeypatch):
    job, path = made
    from starlette.responses import FileResponse

    send = FileResponse.__call__

    async def late(self, *channels):
        path.unlink()
        await send(self, *channels)

    monkeypatch.setattr(FileResponse, "__call__", late)
    assert service.client.get(job["result"]).status_code == 404  # the file was there until now
    assert service.client.get(job["result"]).status_code == 404


def test_videos_that_are_none_are_told(service, tmp_path):
    clip = clip_of(tmp_path / "clip.mkv", 2, "32x24").read_bytes()
    gif = animated_gif(frames=3, duration_s=0.1)
    tone = make_clip(tmp_path / "tone.mka", "-c:a", "flac", image="sine=d=0.1").read_bytes()
    for status, content, options in (
        (415, b"#EXTM3U\nhttp://127.0.0.1/secret\n", {}),
        (422, b"", {}),
        (422, clip, {"codec": "ffv1"}),
        (422, clip, {"start": "5", "end": "2"}),
        (422, clip, {"model-name": "none"}),
        (422, clip, {"ext": "xyz"}),
        (422, clip, {"ext": "jpg"}),
        (422, clip, {"start": "99"}),
        (422, clip, {"start": "0.05"}),  # the last frame begins at 0.042 s
        (413, clip, {"width": "20000", "height": "20000"}),
        (422, gif, {"start": "0.3"}),
        (413, gif, {"width": "20000"}),
        (415, png(), {}),
        (415, tone, {}),
    ):
        answer = submit(service, content, **options)
        assert answer.status_code == status, answer.text
    for body, name in (
        ({"content": clip[:300]}, "the body"),
        ({"files": {"file": ("my clip.mkv", clip[:300])}}, "my clip.mkv"),
    ):
        key = service.client.post("/v1/videos", **body).json()["id"]
        job = ended(service, key)
        assert job["state"] == "failed"
        assert job["error"].startswith(f"{name}: damaged")
        assert service.client.get(f"/v1/videos/{key}/result").status_code == 409
        service.client.delete(f"/v1/videos/{key}")


def test_a_running_video_is_deleted_between_frames(slow, tmp_path):
    clip = clip_of(tmp_path / "clip.mkv", 3, "16x16").read_bytes()
    key = submit(slow, clip).json()["id"]
    assert slow.slow.begun.wait(20)
    assert slow.client.get(f"/v1/videos/{key}/result").status_code == 409
    assert slow.client.delete(f"/v1/videos/{key}").status_code == 204
    slow.wait_for(lambda: not slow.left())


def test_videos_are_bounded_and_forgotten(tmp_path):
    clip = clip_of(tmp_path / "clip.mkv", 2, "32x24").read_bytes()
    limits = {"max_jobs": 1, "max_pixels": 32 * 24, "keep_s": 0.05}
    with running(tmp_path / "place", **limits) as service:
        large = clip_of(tmp_path / "large.mkv", 1, "48x48").read_bytes()
        assert submit(service, large).status_code == 413
        assert not service.left()
        key = submit(service, clip).json()["id"]
        answer = submit(service, clip)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "60")
        ended(service, key)
        time.sleep(0.1)
        for job in [*service.service.videos.jobs.values()]:
            assert service.service.videos.is_over(job)
    assert not service.left()


def test_a_token_is_asked_for(tmp_path):
    token = "0123456789abcdef"  # noqa: S105
    with running(tmp_path / "place", token=token) as service:
        for path in ("/v1/models", "/metrics", "/openapi.json"):
            assert service.client.get(path).status_code == 401
        assert upscale(service, png()).status_code == 401
        wrong = {"Authorization": f"Bearer {token}x"}
        assert service.client.get("/v1/models", headers=wrong).status_code == 401
        for path in ("/", "/static/page.js", "/v2/health/live", "/v2/health/ready"):
            assert service.client.get(path).status_code == 200
        right = {"Authorization": f"Bearer {token}"}
        assert service.client.get("/v1/models", headers=right).status_code == 200
        assert not service.left()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.5", "example.org", ""])  # noqa: S104
def test_other_machines_need_a_token(host):
    with pytest.raises(InvalidOptionError, match="`token_file`"):
        ServeOptions(host=host)
    assert not ServeOptions(host=host, token="x" * 16).is_local
    with pytest.raises(InvalidOptionError, match="16 ASCII"):
        ServeOptions(token="short")  # noqa: S106
    for local in ("127.0.0.1", "127.8.8.8", "::1", "localhost"):
        assert ServeOptions(host=local).is_local


def test_options_of_the_service_without_effect_are_told(monkeypatch, capsys):
    monkeypatch.setattr("realesr.serving.run._Server.run", lambda *_, **__: None)
    monkeypatch.setattr("realesr.cli.serve.keep_memory", lambda: None)
    command = ["serve", "--port", "0", "-n", "realesr-anime-x4", "--device", "cpu", "--compile"]
    assert main([*command, "-t", "0", "--tile-pad", "3"]) == 0
    said = capsys.readouterr().err
    assert "note: --tile-pad does nothing with --tile 0" in said
    assert "note: --compile does nothing on cpu" in said


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_signal_finishes_what_is_at_work(tmp_path):
    command = [sys.executable, "-m", "realesr", "serve", "--port", "0", "-n", "bicubic"]
    command += ["--temporary", str(tmp_path), "--threads", "1"]
    environment = {**os.environ, "REALESR_TOKEN": "0123456789abcdef"}
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment)
    line = process.stderr.readline()
    url = line.split()[2].rstrip("/;")
    headers = {"Authorization": "Bearer 0123456789abcdef"}
    assert len([*tmp_path.iterdir()]) == 1
    answers = []
    big = png(500, 500)
    client = threading.Thread(target=lambda: answers.append(httpx.post(
        f"{url}/v1/upscale", content=big, params={"outscale": 4, "ext": "png"}, headers=headers,
        timeout=60)))  # fmt: skip
    client.start()
    deadline = time.monotonic() + 20
    while not [*tmp_path.rglob("body.png")]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    client.join()
    assert process.wait(30) == 0
    process.stderr.close()
    assert answers[0].status_code == 200
    assert not [*tmp_path.iterdir()]
