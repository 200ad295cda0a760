"""Figures of the service for Prometheus."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from realesr.progress import Notice

_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300)


class Metrics:
    """All figures, in a registry of their own.

    Args:
        version: Version of this program.
    """

    def __init__(self, version: str) -> None:
        self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self.registry)
        count, level = self._counter, self._gauge
        self.requests = count("requests", "Answered requests.", "method", "route", "status")
        self.seconds = Histogram(
            "realesr_request_seconds", "Time from the first byte of a request to the last one of "
            "its answer.", ("route",), buckets=_SECONDS, registry=self.registry,
        )  # fmt: skip
        self.pixels = count("pixels", "Pixels of images and frames.", "direction")
        self.tiles = count("tiles", "Computed tiles.", "precision")
        self.redos = count("fp32_redos", "Tiles that overflowed and were computed in float32.")
        self.retries = count("out_of_memory_retries", "Images begun again with smaller tiles.")
        self.frames = count("frames", "Upscaled frames of videos.")
        self.jobs_done = count("jobs", "Videos that have ended.", "state")
        self.queued = level("queue_depth", "Images that wait.")
        self.in_flight = level("in_flight", "Images at work.")
        self.jobs = level("jobs_kept", "Videos that wait, are at work, or are kept.")
        self.storage = level("storage_bytes", "Size of the files of videos.")
        self.load_seconds = level("model_load_seconds", "Time to load a model.", "model")
        level("build_info", "Version of this program.", "version").labels(version).set(1)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"realesr_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"realesr_{name}", text, labels, registry=self.registry)

    def note(self, notice: Notice) -> None:
        """Counts a notice of the engine."""
        if notice.code == "precision-raised":
            self.redos.inc()
        elif notice.code == "tile-halved":
            self.retries.inc()

    def text(self) -> bytes:
        """Returns all figures in Prometheus' format."""
        return generate_latest(self.registry)
