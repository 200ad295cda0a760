#!/usr/bin/env python3
"""Loads the service on this machine, then treats it badly, and prints two tables.

    python scripts/reports/load.py --model realesr-anime-x4 --requests 1000 --clients 32

Needs the extra `serve`, httpx and psutil. A client that is told 429 waits and asks again.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from statistics import quantiles
from typing import Any

import httpx
import numpy as np
import psutil
from PIL import Image

UPLOAD_S = 3
MIB = 2**20


def picture(side: int) -> bytes:
    """A small PNG."""
    ramp = np.linspace(0, 255, side * side * 3).reshape(side, side, 3)
    data = io.BytesIO()
    Image.fromarray(ramp.astype(np.uint8)).save(data, "PNG")
    return data.getvalue()


def bomb(side: int = 30_000) -> bytes:
    """A PNG of some bytes that says to have 900 megapixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        total = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", total)

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    parts = (b"IHDR", head), (b"IDAT", zlib.compress(bytes(10_000))), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


class Load:
    """Answers, their times, and the memory of the service."""

    def __init__(self, url: str, process: psutil.Process, content: bytes) -> None:
        self.url = url
        self.process = process
        self.content = content
        self.statuses: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.memory: list[int] = []

    async def run(self, requests: int, clients: int) -> float:
        """Makes all requests; returns the time, s."""
        left = iter(range(requests))
        started = time.perf_counter()
        limits = httpx.Limits(max_connections=clients)
        async with httpx.AsyncClient(base_url=self.url, timeout=120, limits=limits) as client:
            await asyncio.gather(*(self._client(client, left) for _ in range(clients)))
        return time.perf_counter() - started

    async def _client(self, client: httpx.AsyncClient, left: Any) -> None:
        for number in left:
            while True:
                started = time.perf_counter()
                try:
                    answer = await client.post("/v1/upscale", content=self.content)
                    status = str(answer.status_code)
                except httpx.HTTPError as error:
                    status = type(error).__name__
                self.statuses[status] += 1
                if status != "429":
                    break
                await asyncio.sleep(float(answer.headers["Retry-After"]))
            self.seconds.append(time.perf_counter() - started)
            if number % 50 == 0:
                self.memory.append(self.process.memory_info().rss)


def aborted(port: int) -> str:
    """Sends half a picture, and goes."""
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(head + picture(64)[:60])
    return "gone"


def slow(port: int) -> str:
    """Sends a byte now and then."""
    head = b"POST /v1/upscale HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99999\r\n\r\n"
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client:
        client.sendall(head)
        client.settimeout(0.2)
        while True:
            client.sendall(b"x")
            try:
                return client.recv(64).split(b" ")[1].decode()
            except TimeoutError:
                continue


def posted(url: str, content: Any, path: str = "/v1/upscale") -> str:
    """Sends a body; returns the status, or why there is none."""
    try:
        return str(httpx.post(url + path, content=content, timeout=60).status_code)
    except httpx.WriteError:
        return "refused while it came"


def zeros(size: int) -> Any:
    """A body without a length."""
    for _ in range(size // MIB):
        yield bytes(MIB)


def bad_ones(url: str, port: int) -> dict[str, tuple[str, Callable[[], str]]]:
    """What is done to the service, and the status that is right."""
    whole = picture(64)
    return {
        "a bomb: 900 megapixels in 10 kB": ("413", lambda: posted(url, bomb())),
        "a result of 2 gigapixels": (
            "413", lambda: posted(url, picture(700), "/v1/upscale?outscale=64")),
        "a slow client": ("408", lambda: slow(port)),
        "an aborted upload": ("gone", lambda: aborted(port)),
        "garbage": ("415", lambda: posted(url, os.urandom(100_000))),
        "half a picture": ("422", lambda: posted(url, whole[: len(whole) // 3])),
        "100 MB of zeros": ("413", lambda: posted(url, bytes(100 * 10**6))),
        "100 MB of zeros without a length": (
            "413", lambda: posted(url, zeros(100 * 10**6))),
        "a playlist as a video": (
            "415", lambda: posted(url, b"#EXTM3U\nfile:///etc/passwd\n", "/v1/videos")),
        "an empty body": ("422", lambda: posted(url, b"")),
        "a good picture after all that": ("200", lambda: posted(url, whole)),
    }  # fmt: skip


def report(load: Load, seconds: float, requests: int) -> None:
    """Prints the table of the load."""
    cuts = quantiles(load.seconds, n=100)
    answered = ", ".join(f"{count} x {status}" for status, count in sorted(load.statuses.items()))
    early, late = load.memory[len(load.memory) // 5], load.memory[-1]
    print("| Measure | Value |\n|---|---|")
    for name, value in (
        ("answers", answered),
        ("served", f"{requests / seconds:.1f} a second"),
        ("time of an answer, p50 / p99", f"{cuts[49]:.2f} / {cuts[98]:.2f} s"),
        ("memory after a fifth", f"{early / MIB:.0f} MiB"),
        ("memory at the end", f"{late / MIB:.0f} MiB"),
    ):
        print(f"| {name} | {value} |")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--model", default="realesr-anime-x4")
    parser.add_argument("--requests", type=int, default=1000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--side", type=int, default=24, help="of the pictures, px")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "realesr", "serve", "--port", "0", "-n", args.model]
        command += ["--temporary", folder, "--upload-timeout", str(UPLOAD_S), "--threads", "1"]
        with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
            try:
                url = process.stderr.readline().split()[2].rstrip("/;")
                code = measure(args, url, psutil.Process(process.pid), Path(folder))
            finally:
                process.send_signal(signal.SIGTERM)
            print(f"\nended with {process.wait()}; left: {[*Path(folder).iterdir()]}")
    return code


def measure(args: argparse.Namespace, url: str, process: psutil.Process, folder: Path) -> int:
    load = Load(url, process, picture(args.side))
    seconds = asyncio.run(load.run(args.requests, args.clients))
    report(load, seconds, args.requests)
    has_failed = bool(load.statuses.keys() - {"200", "429"})
    print("\n| What | Status | Left behind | Memory |\n|---|---|---|---|")
    for name, (right, act) in bad_ones(url, int(url.rsplit(":", 1)[1])).items():
        status = act()
        ends_at = time.monotonic() + 5
        while (left := [*folder.glob("*/*")]) and time.monotonic() < ends_at:
            time.sleep(0.05)
        has_failed |= status != right or bool(left)
        memory = process.memory_info().rss / MIB
        mark = "" if status == right else f" (should be {right})"
        print(f"| {name} | {status}{mark} | {len(left)} files | {memory:.0f} MiB |")
    return int(has_failed)


if __name__ == "__main__":
    sys.exit(main())
