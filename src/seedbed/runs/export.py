"""A run's net for other programs, as ONNX or safetensors, and a JSON of what they must know.

Only what was checked is placed: the exported file is opened again, and its outputs on random inputs
are compared with the net's own. Trade-off: ONNX is traced by torch's exporter, which takes seconds
and refuses a net whose path depends on values.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from seedbed.config.build import build_task, sized
from seedbed.data.tokens import TokensDataModule
from seedbed.errors import RunError, SeedbedError
from seedbed.files import atomic_write, place_text, writing
from seedbed.record.directory import as_json
from seedbed.runs.load import LoadedRun, check_place
from seedbed.tasks.base import Task, net_of

Format = Literal["onnx", "safetensors"]

TOLERANCE: dict[Format, float] = {"onnx": 1e-4, "safetensors": 0.0}
"""How far an output may be from the checkpoint's, as a share of the largest output, or of 1 if that
is more. Weights are the same to the bit; ONNX's kernels add in another order.
"""

PACKAGES: dict[Format, tuple[str, ...]] = {
    "onnx": ("onnx", "onnxscript", "onnxruntime"),
    "safetensors": ("safetensors",),
}


def export(run: LoadedRun, format: Format, out: Path | None = None) -> dict[str, Any]:
    """Write `model.onnx` or `model.safetensors`, and a JSON of the same name that describes it.

    Args:
        run: The run.
        format: What to write.
        out: The folder; else `export` in the run's directory.

    Returns:
        What the JSON says.

    Raises:
        RunError: If the packages for it are not installed, or the folder cannot be written, or is
            the run's and a link leads out of it.
        SeedbedError: If the net cannot be exported, or the outputs are not the same.
    """
    missing = [name for name in PACKAGES[format] if find_spec(name) is None]
    if missing:
        raise RunError(f"{', '.join(missing)} not installed; get it with pip install '.[export]'.")
    folder = out or run.directory.path / "export"
    check_place(run.directory, folder)
    with writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"model.{format}"
    examples = [*_examples(run)]
    with writing(file), atomic_write(file) as temporary:
        if format == "onnx":
            if not examples:
                raise SeedbedError(
                    f"{type(run.net).__name__} has no example_input_array, by which ONNX is "
                    "traced; give it one, or take --format safetensors."
                )
            exported = _onnx(run, temporary, examples[0])
        else:
            exported = _safetensors(run, temporary)
        difference = _largest_difference(run.net, exported, examples)
        if not difference <= TOLERANCE[format]:
            raise SeedbedError(
                f"The exported net's outputs are up to {difference:.2g} from the checkpoint's, "
                f"more than {TOLERANCE[format]:g}; nothing was written."
            )
        description = _described(run, format, difference)
        place_text(file.with_suffix(f".{format}.json"), as_json(description) + "\n")
    return description | {"file": str(file)}


def _onnx(run: LoadedRun, file: Path, example: Tensor) -> Callable[[Tensor], Tensor]:
    """Write the net as ONNX; return what it computes there."""
    import onnxruntime
    from torch.export import Dim

    sizes = {0: Dim("batch")}
    if isinstance(run.datamodule, TokensDataModule):
        sizes[1] = Dim("length", max=run.datamodule.context)
    try:
        torch.onnx.export(
            run.net,
            (example,),
            file,
            input_names=[_input_name(run)],
            output_names=[_output_name(run)],
            dynamic_shapes=(sizes,),
            external_data=False,
            verbose=False,
        )
    except torch.onnx.OnnxExporterError as error:
        first = str(error).strip().splitlines()[0]
        raise SeedbedError(
            f"{type(run.net).__name__} cannot be exported to ONNX: {first}"
        ) from error
    session = onnxruntime.InferenceSession(file, providers=["CPUExecutionProvider"])
    return lambda inputs: torch.from_numpy(session.run(None, {_input_name(run): inputs.numpy()})[0])


def _safetensors(run: LoadedRun, file: Path) -> Callable[[Tensor], Tensor]:
    """Write the net's weights; return what a new net with them computes."""
    from safetensors.torch import load_file, save

    file.write_bytes(save({name: w.contiguous() for name, w in run.net.state_dict().items()}))
    sizes = getattr(run.datamodule, "sizes", {})
    again = net_of(build_task(run.config | {"compile": False}, sizes)).eval()
    again.load_state_dict(load_file(file))
    outputs: Callable[[Tensor], Tensor] = again
    return outputs


def _examples(run: LoadedRun) -> Iterator[Tensor]:
    """Random inputs of two sizes: a net must not depend on the one it was traced with."""
    generator = torch.Generator().manual_seed(0)
    if not isinstance(run.task, Task):
        example = run.task.example_input_array
        yield from () if example is None else (example, torch.cat([example, example]))
        return
    for batch, share in ((2, 1), (5, 2)):
        if isinstance(run.datamodule, TokensDataModule):
            shape = (batch, max(1, run.datamodule.context // share))
            yield torch.randint(len(run.datamodule.vocabulary), shape, generator=generator)
        else:
            rows = torch.randn(batch, *run.datamodule.state_dict()["shape"], generator=generator)
            if embedded := run.datamodule.embedded:
                shares = torch.rand(batch, len(embedded), generator=generator)
                rows[:, -len(embedded) :] = (shares * (torch.tensor(embedded) + 1)).floor()
            yield rows


@torch.no_grad()
def _largest_difference(
    net: nn.Module, exported: Callable[[Tensor], Tensor], examples: list[Tensor]
) -> float:
    """From the net's own outputs, measured as `TOLERANCE` is."""
    differences = [torch.zeros(())]
    for inputs in examples:
        expected, found = net(inputs), exported(inputs)
        scale = expected.abs().max().clamp(min=1)
        differences.append((found - expected).abs().max() / scale)
    return float(torch.stack(differences).max())


def _described(run: LoadedRun, format: Format, difference: float) -> dict[str, Any]:
    """What another program must know to use the file."""
    own = isinstance(run.task, Task)
    description: dict[str, Any] = {
        "format": format,
        "task": run.task.kind if own else run.config["task"],
        "net": sized(run.config["net"], run.datamodule.sizes) if own else None,
        "metrics": run.metrics,
        "tolerance": TOLERANCE[format],
        "largest_difference": difference,
    }
    if not own:
        return description
    of_data = _of_text if isinstance(run.datamodule, TokensDataModule) else _of_rows
    return description | of_data(run)


def _of_text(run: LoadedRun) -> dict[str, Any]:
    vocabulary = run.datamodule.vocabulary
    return {
        "inputs": _port(_input_name(run), "int64", "length"),
        "outputs": _port(_output_name(run), "float32", "length", len(vocabulary)),
        "longest": run.datamodule.context,
        "vocabulary": vocabulary.characters,
    }


def _of_rows(run: LoadedRun) -> dict[str, Any]:
    state = run.datamodule.state_dict()
    table = {name: state[name] for name in ("columns", "labels") if name in state}
    if run.datamodule.embedded:  # by seedbed.nets.column_embeddings.embed, before the net
        table["embedded"] = run.datamodule.embedded
    scaler = {name: _as_scaler(scale) for name, scale in state["scale"].items()}
    return table | {
        "inputs": _port(_input_name(run), "float32", *state["shape"]),
        "outputs": _port(_output_name(run), "float32", state["outputs"]),
        "target": state["target"],
        "scaler": scaler,
        "target_scaler": _as_scaler(state["target_scale"]),
    }


def _port(name: str, type: str, *shape: str | int) -> dict[str, Any]:
    return {"name": name, "type": type, "shape": ["batch", *shape]}


def _as_scaler(scale: Sequence[float]) -> dict[str, float]:
    return dict(zip(("mean", "deviation"), scale, strict=True))


def _input_name(run: LoadedRun) -> str:
    return "tokens" if isinstance(run.datamodule, TokensDataModule) else "inputs"


def _output_name(run: LoadedRun) -> str:
    kind = getattr(run.task, "kind", None)
    return {None: "outputs", "regression": "predictions"}.get(kind, "logits")
