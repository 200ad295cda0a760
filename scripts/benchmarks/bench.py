"""Compares the speed of realesr with that of the reference, PyPI's ``realesrgan``, and of others.

    cd scripts/benchmarks
    python bench.py --model-path realesr-general-x4v3.pth --size 640x480 --commands
    python bench.py --x4plus-random --engines realesr,reference --json bench.json

Every figure comes from a fresh process, and the engines run alternately, so that other load on the
machine affects all of them. All engines get the same weights and the same image. There are two
measures:

* pipeline: from an image in memory to a result in memory. The network is loaded but has not run:
  the first call, including its set-up, is what users wait for.
* command: a whole command from its start to its exit. It reads and writes a PNG.

ncnn, onnxruntime and OpenVINO are measured if they are installed. They compute on the CPU, so on a
machine with a GPU they must be selected by ``--engines``. They get the network from PyTorch's ONNX
exporter or pnnx, for images of any size; no figure includes the conversion. NumPy converts pixels
to floats and back for them.

The ratio is the speed relative to the reference. PSNR compares the result with that of realesr in
fp32. The memory peak is that of the whole process. The script runs on Linux and macOS, and needs
``realesrgan`` and the extra ``train``.
"""

from __future__ import annotations

# Measured commands pay for the imports of this module, and Linux counts the parent's memory peak
# for its child, too. So this process stays small, and a worker does the large imports.
import argparse
import json
import multiprocessing
import os
import platform
import re
import subprocess
import sys
import time
import traceback
import warnings
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

BASELINE = "realesr-fp32"
"""Name of the engine with whose results all others are compared."""
REFERENCE = "reference"
IMAGE = Path(__file__).parents[2] / "inputs/cat.jpg"
STDERR_LINES = 5

Upscale = Callable[[Any], Any]
"""Upscales (H, W, 3) uint8 BGR on the host, as OpenCV reads and writes it."""
Row = dict[str, Any]


@dataclass(frozen=True)
class Network:
    """A network, with the information that other engines need.

    Attributes:
        name: Name in the table.
        weights: Path of the weights file.
        converted: Path of the converted files without suffix: ``.pth`` for the reference, ``.onnx``
            for onnxruntime and OpenVINO, ``.param`` and ``.bin`` for ncnn.
        architecture: Name of the class, in realesr and in the reference.
        sizes: Arguments of the reference's class.
        scale: Output px per input px along each side.
    """

    name: str
    weights: str
    converted: str
    architecture: str
    sizes: dict[str, int]
    scale: int


@dataclass(frozen=True)
class Engine:
    """An engine that is measured.

    Attributes:
        load: Imports packages and loads a network, in the child process.
        options: Options of ``realesr image`` for this engine; None for other engines, whose
            command is :func:`run_as_command`.
        packages: PyPI packages of the engine and its conversion, except the packages of
            ``realesr`` and the reference, which are always installed.
        bf16: Whether the engine is skipped by default on hardware without bf16.
    """

    load: Callable[[Network], Upscale]
    options: tuple[str, ...] | None = None
    packages: tuple[str, ...] = ()
    bf16: bool = False


@dataclass(frozen=True)
class Task:
    """Task of a child: ``engine`` upscales a PNG into ``result``, .npy or, as a command, .png."""

    network: Network
    measure: str
    engine: str
    image: str
    result: str


def load_ours(network: Network, precision: str, engine: str = "auto") -> Upscale:
    from realesr.imaging.image import Image
    from realesr.loading.build import make_upscaler
    from realesr.loading.resolve import ensure_files
    from realesr.options import UpscaleOptions

    options = UpscaleOptions(model_path=Path(network.weights), precision=precision, engine=engine)
    upscaler = make_upscaler(options, ensure_files(options))

    def upscale(bgr: Any) -> Any:
        image = Image(bgr[..., ::-1])
        size = image.size.scaled(upscaler.scale)
        return upscaler.upscale_to([image], size)[0].pixels[..., ::-1]

    return upscale


def load_reference(network: Network) -> Upscale:
    """Loads the reference with the defaults of its script; on a CPU in fp32, because fp16 fails."""
    from realesr.face.compatibility import restore_removed_torchvision_module

    restore_removed_torchvision_module()
    import torch
    from basicsr.archs.rrdbnet_arch import RRDBNet
    from realesrgan import RealESRGANer
    from realesrgan.archs.srvgg_arch import SRVGGNetCompact

    architecture = {"RRDBNet": RRDBNet, "SRVGGNetCompact": SRVGGNetCompact}[network.architecture]
    upsampler = RealESRGANer(
        scale=network.scale,
        model_path=f"{network.converted}.pth",
        model=architecture(num_in_ch=3, num_out_ch=3, **network.sizes),
        tile=0,
        pre_pad=0,
        half=torch.cuda.is_available(),
    )
    return lambda bgr: upsampler.enhance(bgr)[0]


def thread_count() -> int:
    """Returns the value of ``--threads``; 0 leaves the choice to the engine, which takes all."""
    return int(os.environ.get("OMP_NUM_THREADS", 0))


def on_images(run: Callable[[Any], Any]) -> Upscale:
    """Wraps a function of (1, 3, H, W) float32 RGB in [0, 1], whose result is not clamped."""
    import numpy as np

    def upscale(bgr: Any) -> Any:
        lr = np.ascontiguousarray(bgr[..., ::-1].transpose(2, 0, 1)[None], np.float32) / 255
        levels = run(lr)[0] * 255
        np.clip(levels, 0, 255, out=levels)
        np.rint(levels, out=levels)
        return levels.astype(np.uint8).transpose(1, 2, 0)[..., ::-1]

    return upscale


def load_ncnn(network: Network) -> Upscale:
    from ncnn import Mat, Net

    net = Net()
    net.opt.num_threads = thread_count() or net.opt.num_threads
    for name in ("use_fp16_packed", "use_fp16_storage", "use_fp16_arithmetic"):
        setattr(net.opt, name, False)
    if net.load_param(f"{network.converted}.param") or net.load_model(f"{network.converted}.bin"):
        raise OSError(f"ncnn cannot read {network.converted}.param and .bin")

    def run(lr: Any) -> Any:
        with net.create_extractor() as extractor:
            extractor.input("in0", Mat(lr[0]).clone())
            return extractor.extract("out0")[1].numpy()[None]

    return on_images(run)


def load_onnxruntime(network: Network) -> Upscale:
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # that keeps an id in the home folder
    from onnxruntime import InferenceSession, SessionOptions

    options = SessionOptions()
    options.intra_op_num_threads = thread_count()
    session = InferenceSession(f"{network.converted}.onnx", options, ["CPUExecutionProvider"])
    return on_images(lambda lr: session.run(None, {"lr": lr})[0])


def load_openvino(network: Network, precision: str) -> Upscale:
    # OpenVINO does without telemetry, which keeps an id in the home folder, if there is none.
    sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]
    from openvino import Core

    config = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": precision,
        "INFERENCE_NUM_THREADS": thread_count(),
    }
    compiled = Core().compile_model(f"{network.converted}.onnx", "CPU", config)
    return on_images(lambda lr: compiled(lr)[0])


ONNX = ("onnx", "onnxscript")
"""Packages that PyTorch's ONNX exporter needs."""

ENGINES = {
    "realesr": Engine(partial(load_ours, precision="auto"), ()),
    BASELINE: Engine(partial(load_ours, precision="fp32"), ("--precision", "fp32")),
    "realesr-bf16": Engine(
        partial(load_ours, precision="bf16"), ("--precision", "bf16"), bf16=True
    ),
    "realesr-torch": Engine(
        partial(load_ours, precision="fp32", engine="torch"),
        ("--precision", "fp32", "--engine", "torch"),
    ),
    "realesr-onnxruntime": Engine(
        partial(load_ours, precision="fp32", engine="onnxruntime"),
        ("--precision", "fp32", "--engine", "onnxruntime"),
        packages=("onnx", "onnxruntime"),
    ),
    "realesr-openvino": Engine(
        partial(load_ours, precision="fp32", engine="openvino"),
        ("--precision", "fp32", "--engine", "openvino"),
        packages=("onnx", "openvino"),
    ),
    REFERENCE: Engine(load_reference),
    "ncnn": Engine(load_ncnn, packages=("ncnn", "pnnx")),
    "onnxruntime": Engine(load_onnxruntime, packages=("onnxruntime", *ONNX)),
    "openvino": Engine(partial(load_openvino, precision="f32"), packages=("openvino", *ONNX)),
    "openvino-bf16": Engine(
        partial(load_openvino, precision="bf16"), packages=("openvino", *ONNX), bf16=True
    ),
}


# Functions of the measured child process


def run_in_memory(task: Task) -> None:
    """Prints seconds as JSON, and saves the result with NumPy."""
    begin = time.perf_counter()
    upscale = ENGINES[task.engine].load(task.network)
    load_s = time.perf_counter() - begin

    import cv2
    import numpy as np

    image = cv2.imread(task.image)
    begin = time.perf_counter()
    result = upscale(image)
    seconds = time.perf_counter() - begin
    np.save(task.result, result)
    print(json.dumps({"seconds": seconds, "load_s": load_s}))


def run_as_command(task: Task) -> None:
    """Upscales from file to file, as a script for this engine alone would do."""
    import cv2

    upscale = ENGINES[task.engine].load(task.network)
    cv2.imwrite(task.result, upscale(cv2.imread(task.image, cv2.IMREAD_UNCHANGED)))


def run_child(text: str) -> None:
    fields = json.loads(text)
    task = Task(**{**fields, "network": Network(**fields["network"])})
    {"pipeline": run_in_memory, "command": run_as_command}[task.measure](task)


# Functions of the worker process


def describe_machine() -> Row:
    import torch

    from realesr.engine.device import kind_of, resolve_device
    from realesr.engine.precision import has_bf16

    device = resolve_device("auto")
    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpuinfo.read_text() if cpuinfo.exists() else "")
    return {
        "CPU": f"{names[0] if names else platform.processor()}, {os.cpu_count()} cores",
        "device": torch.cuda.get_device_name(device) if kind_of(device) == "cuda" else device,
        "torch": str(torch.__version__),  # a class of its own would bring PyTorch to the parent
        "threads": torch.get_num_threads(),
        "bf16": has_bf16(device),
    }


def describe_packages(engines: list[str]) -> Row:
    """Returns the versions of the packages that only these engines need."""
    from importlib.metadata import packages_distributions, version

    distributions = packages_distributions()  # onnxruntime has several
    return {name: version(distributions[name][0]) for name in packages_of(engines)}


def describe_network(path: Path, converted: str) -> Network:
    """Reads the sizes of a network, and writes its weights in the reference's format, .pth."""
    import torch

    from realesr.models.loader import load_model
    from realesr.weights.torch_checkpoint import load_state_dict

    torch.save({"params": load_state_dict(path)}, f"{converted}.pth")
    model: Any = load_model(path)
    architecture = type(model).__name__
    arguments = {
        "RRDBNet": ("scale", "num_feat", "num_block", "num_grow_ch"),
        "SRVGGNetCompact": ("upscale", "num_feat", "num_conv"),
    }.get(architecture, ())
    sizes = {name: getattr(model.config, name.removeprefix("up")) for name in arguments}
    return Network(path.name, str(path), converted, architecture, sizes, model.scale)


def load_plain(path: Path) -> Any:
    """Loads spandrel's class: realesr adds in place to a view, which pnnx silently ignores."""
    from realesr.models.networks.spandrel_adapter import load_with_spandrel
    from realesr.weights.torch_checkpoint import load_state_dict

    return load_with_spandrel(path, load_state_dict(path)).eval()


def write_onnx(path: Path, converted: str) -> None:
    import torch

    any_size = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    torch.onnx.export(
        load_plain(path),
        (torch.rand(1, 3, 48, 32),),
        f"{converted}.onnx",
        input_names=["lr"],
        dynamic_shapes=(any_size,),
        external_data=False,
        dynamo=True,
        verbose=False,
    )


def write_ncnn(path: Path, converted: str) -> None:
    import torch
    from pnnx import EXEC_PATH

    model = load_plain(path)
    for block in model.modules():
        # pnnx names a sum after all that it is made of. The names double with every block, to more
        # than 20 GB in RealESRGAN_x4plus, unless something is in between; it drops a copy later.
        if type(block).__name__ == "RRDB":
            block.register_forward_hook(lambda _block, _inputs, output: output.clone())
    with warnings.catch_warnings(action="ignore"):  # PyTorch has something newer, pnnx has not
        torch.jit.trace(model, torch.rand(1, 3, 48, 32)).save(f"{converted}.pt")
    command = [EXEC_PATH, f"{converted}.pt", "fp16=0"]
    command += ["inputshape=[1,3,48,32]f32", "inputshape2=[1,3,32,48]f32"]  # two: any size
    command += [f"ncnnparam={converted}.param", f"ncnnbin={converted}.bin"]
    subprocess.run(command, check=True, capture_output=True)


def prepare_network(path: Path, converted: str, engines: list[str]) -> Network:
    """Describes a network, and converts it; engines whose conversion fails will fail as well."""
    network = describe_network(path, converted)
    packages = packages_of(engines)
    for package, write in {"onnx": write_onnx, "pnnx": write_ncnn}.items():
        try:
            if package in packages:
                write(path, converted)
        except Exception:
            traceback.print_exc()
    return network


def write_random_x4plus(path: Path) -> None:
    """Writes RealESRGAN_x4plus with random parameters, which do not affect its speed.

    The last layer is scaled and shifted so that noise results in a mean of 0.5 and a standard
    deviation of 0.2: PSNR means nothing if results are all black or white.
    """
    import torch

    from realesr.models.networks.rrdbnet import RRDBNet

    torch.manual_seed(0)
    model = RRDBNet()
    with torch.no_grad():
        sr = model(torch.rand(1, 3, 32, 32))
        factor = 0.2 / sr.std((0, 2, 3))
        last = model.conv_last
        last.weight.copy_(last.weight * factor[:, None, None, None])
        last.bias.copy_(0.5 + (last.bias - sr.mean((0, 2, 3))) * factor)
    torch.save({"params_ema": model.state_dict()}, path)


def resize_input(source: Path, size: str, destination: str) -> None:
    from PIL import Image

    width, height = map(int, size.split("x"))
    with Image.open(source) as image:
        image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS).save(destination)


def psnr(result: str, baseline: str) -> float | str:
    """Returns the PSNR over all channels, dB, or a word for special cases."""
    import cv2
    import numpy as np

    if not Path(baseline).exists():
        return "no baseline"
    one, other = (np.load(p) if p.endswith(".npy") else cv2.imread(p) for p in (result, baseline))
    if one.shape != other.shape:
        return "another size"
    mse = np.mean(np.square(one.astype(np.float32) - other), dtype=np.float64)
    return float(10 * np.log10(255**2 / mse)) if mse else "identical"


# Functions of the parent process


def packages_of(engines: Iterable[str]) -> list[str]:
    return sorted({package for name in engines for package in ENGINES[name].packages})


def missing_packages(engines: Iterable[str]) -> list[str]:
    return [package for package in packages_of(engines) if not find_spec(package)]


def is_measured_unasked(name: str, machine: Row) -> bool:
    """Returns whether an engine runs by default: engines for CPUs do not if there is a GPU."""
    engine = ENGINES[name]
    if engine.bf16 and not machine["bf16"]:
        return False
    return not engine.packages or (machine["device"] == "cpu" and not missing_packages([name]))


def command_of(task: Task) -> list[str]:
    options = ENGINES[task.engine].options
    if task.measure == "command" and options is not None:
        files = ["-i", task.image, "-o", task.result, "--model-path", task.network.weights]
        return [sys.executable, "-m", "realesr", "image", *files, *options]
    return [sys.executable, __file__, "--child", json.dumps(asdict(task))]


def run_task(task: Task) -> Row:
    """Measures once: returns seconds, cpu_s, peak_mib and, in a pipeline, load_s; or an error."""
    Path(task.result).unlink(missing_ok=True)
    with TemporaryFile("w+") as out, TemporaryFile("w+", errors="replace") as err:
        begin = time.perf_counter()
        process = subprocess.Popen(
            command_of(task), stdin=subprocess.DEVNULL, stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)  # unlike Popen.wait, it tells the memory
        seconds = time.perf_counter() - begin
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        if process.returncode or not Path(task.result).exists():
            last = "".join(err.readlines()[-STDERR_LINES:])
            return {"error": f"exit code {process.returncode}\n{last}"}
        printed = json.loads(out.readlines()[-1]) if task.measure == "pipeline" else {}
    peak_mib = usage.ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    cpu_s = usage.ru_utime + usage.ru_stime  # few of them in many seconds: others had the cores
    return {"seconds": seconds, "cpu_s": cpu_s, "peak_mib": peak_mib, **printed}


def take_turns(tasks: list[Task], baseline: Task, rounds: int, worker: Executor) -> Iterator[Row]:
    """Runs all tasks once per round; a task that fails is not repeated.

    In a round 0, which is not counted, the baseline runs alone: it gives the result for comparison
    and fills the file cache of the system.
    """
    failed = []
    for number, task in [(0, baseline), *product(range(1, rounds + 1), tasks)]:
        if task in failed:
            continue
        row = {"measure": task.measure, "engine": task.engine, "round": number, **run_task(task)}
        if "error" in row:
            failed.append(task)
        else:
            row["psnr_db"] = worker.submit(psnr, task.result, baseline.result).result()
        yield row


def measure_all(args: argparse.Namespace, engines: list[str], worker: Executor) -> Iterator[Row]:
    """Returns a row for every process."""
    suffixes = {"pipeline": "npy", "command": "png"} if args.commands else {"pipeline": "npy"}
    with TemporaryDirectory() as folder:
        paths = list(args.model_path)
        if args.x4plus_random:
            paths.append(Path(folder, "x4plus-random.pth"))
            worker.submit(write_random_x4plus, paths[-1]).result()
        networks = [
            worker.submit(prepare_network, path, f"{folder}/{path.name}", engines).result()
            for path in paths
        ]
        for network, size in product(networks, args.size or ["640x480"]):
            image = f"{folder}/in.png"
            worker.submit(resize_input, args.input, size, image).result()
            tasks = [
                Task(network, measure, engine, image, f"{folder}/{engine}.{suffix}")
                for (measure, suffix), engine in product(suffixes.items(), engines)
            ]
            baseline = Task(network, "pipeline", BASELINE, image, f"{folder}/baseline.npy")
            for row in take_turns(tasks, baseline, args.rounds, worker):
                row = {"network": network.name, "size": size, **row}
                took = f"{row['seconds']:.3f} s" if "seconds" in row else "failed"
                print(*name_of(row), f"round {row['round']}: {took}", file=sys.stderr)
                yield row


def name_of(row: Row) -> tuple[str, ...]:
    return tuple(row[column] for column in ("network", "size", "measure", "engine"))


def as_markdown(machine: Row, rows: list[Row]) -> str:
    """Returns a Markdown report: the machine, and a table of the engines that never failed."""
    from statistics import median

    failed = {name_of(row) for row in rows if "error" in row}
    groups: dict[tuple[str, ...], list[Row]] = {}
    for row in rows:
        if row["round"] and name_of(row) not in failed:
            groups.setdefault(name_of(row), []).append(row)
    medians = {name: median(run["seconds"] for run in runs) for name, runs in groups.items()}
    lines = [
        *(f"* {name}: {value}" for name, value in machine.items()),
        "",
        "| Network | Size | Measure | Engine | Median, s | Spread, s | Ratio | PSNR, dB | MiB |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, runs in groups.items():
        seconds = [run["seconds"] for run in runs]
        reference_s = medians.get((*name[:3], REFERENCE))
        ratio = f"{reference_s / medians[name]:.2f}" if reference_s else "-"
        level = runs[-1]["psnr_db"]
        level = level if isinstance(level, str) else f"{level:.2f}"
        spread = f"{min(seconds):.3f}-{max(seconds):.3f}"
        peak = f"{max(run['peak_mib'] for run in runs):.0f}"
        cells = (*name, f"{medians[name]:.3f}", spread, ratio, level, peak)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def size(text: str) -> str:
    if not re.fullmatch(r"[1-9]\d*x[1-9]\d*", text):
        raise ValueError
    return text


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--model-path", type=Path, action="append", default=[], metavar="FILE")
    parser.add_argument("--x4plus-random", action="store_true", help="RRDBNet with random weights")
    parser.add_argument("--input", type=Path, default=IMAGE, metavar="FILE")
    parser.add_argument("--size", type=size, action="append", help="640x480; may be repeated")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--engines", help=f"some of {','.join(ENGINES)}")
    parser.add_argument("--commands", action="store_true", help="measure whole commands, too")
    parser.add_argument("--threads", type=int, help="each engine's choice if left out")
    parser.add_argument("--json", type=Path, metavar="FILE", help="every single run")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="the table")
    args = parser.parse_args()
    asked = (args.engines or REFERENCE).split(",")
    if unknown := set(asked) - set(ENGINES):
        parser.error(f"--engines: not known: {', '.join(sorted(unknown))}")
    if missing := missing_packages(asked):
        parser.error(f"--engines: not installed; pip install {' '.join(missing)}")
    if not (args.model_path or args.x4plus_random):
        parser.error("give --model-path or --x4plus-random")
    if len({path.name for path in args.model_path}) < len(args.model_path):
        parser.error("--model-path: the table needs files of different names")
    for path in (*args.model_path, args.input):
        if not path.is_file():
            parser.error(f"{path}: no such file")
    return args


def main() -> int:
    if sys.argv[1:2] == ["--child"]:
        run_child(sys.argv[2])
        return 0
    args = parse_arguments()
    if args.threads:
        os.environ["OMP_NUM_THREADS"] = str(args.threads)  # commands have no option for it
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as worker:
        machine = worker.submit(describe_machine).result() | {"rounds": args.rounds}
        usable = [name for name in ENGINES if is_measured_unasked(name, machine)]
        engines = args.engines.split(",") if args.engines else usable
        machine |= worker.submit(describe_packages, engines).result()
        rows = list(measure_all(args, engines, worker))
    table = as_markdown(machine, rows)
    print(table, end="")
    if args.markdown:
        args.markdown.write_text(table)
    if args.json:
        args.json.write_text(json.dumps({"machine": machine, "runs": rows}, indent=2))
    errors = {name_of(row): row["error"] for row in rows if "error" in row}
    for name, error in errors.items():
        print(f"error: {', '.join(name)}: {error}", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
