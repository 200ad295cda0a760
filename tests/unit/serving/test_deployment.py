"""The files to run the service with name what there is."""

import json
import re

import pytest

pytest.importorskip("prometheus_client")

from realesr.cli.main import make_parser
from realesr.progress import Notice
from realesr.serving.metrics import Metrics

from support.paths import ROOT

DEPLOY = ROOT / "scripts" / "deploy"


def test_the_board_shows_figures_that_exist():
    metrics = Metrics("1")
    names = {family.name for family in metrics.registry.collect()}
    board = json.loads((DEPLOY / "grafana" / "realesr.json").read_text())
    wanted = {
        name
        for panel in board["panels"]
        for target in panel["targets"]
        for name in re.findall(r"\brealesr_\w+", target["expr"])
    }
    assert len(wanted) > 10
    assert {re.sub(r"_(total|bucket)$", "", name) for name in wanted} <= names


def test_commands_in_files_are_understood():
    unit = (DEPLOY / "realesr.service").read_text()
    line = re.search(r"ExecStart=\S+ (.*)", unit)[1]
    assert make_parser().parse_args(line.split()).token_file.name == "token"
    entry = re.search(r'ENTRYPOINT \["realesr", (.*)\]', (DEPLOY / "Dockerfile").read_text())[1]
    arguments = json.loads(f"[{entry}]")
    assert make_parser().parse_args(arguments).host == "0.0.0.0"  # noqa: S104


def test_the_compose_file_refers_to_files_that_exist():
    yaml = pytest.importorskip("yaml")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
    for service in compose["services"].values():
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            assert source in compose["volumes"] or (DEPLOY / source).is_file()
    targets = yaml.safe_load((DEPLOY / "prometheus.yml").read_text())["scrape_configs"]
    assert targets[0]["static_configs"] == [{"targets": ["realesr:8000"]}]


def test_notices_of_the_engine_are_counted():
    metrics = Metrics("1.2")
    for code in ("precision-raised", "tile-halved", "tile-halved", "size-changed"):
        metrics.note(Notice(code, "words"))
    text = metrics.text().decode()
    assert "realesr_fp32_redos_total 1.0" in text
    assert "realesr_out_of_memory_retries_total 2.0" in text
    assert 'realesr_build_info{version="1.2"} 1.0' in text
