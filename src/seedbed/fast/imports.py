"""How a run's process gets its modules: torch and Lightning take seconds to import.

Nearly half of that is for what a run may never use, and is deferred until it does: torch's
compiler, Triton, Matplotlib, SciPy's signal processing, torchvision.
"""

import gc
import sys
from abc import ABC
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from seedbed.fast.deferred import brought, defer, later

COMPILER = "torch._dynamo"

IMAGE_MEASURES: dict[str, tuple[str, ...]] = {
    "image.arniqa": (
        *("arniqa", "_ARNIQA", "_NoTrainArniqa", "_TYPE_REGRESSOR_DATASET"),
        *("_arniqa_compute", "_arniqa_update"),
    ),
    "image.dists": ("deep_image_structure_and_texture_similarity", "_dists_update"),
    "detection.ciou": ("complete_intersection_over_union", "_ciou_compute", "_ciou_update"),
    "detection.diou": ("distance_intersection_over_union", "_diou_compute", "_diou_update"),
    "detection.giou": ("generalized_intersection_over_union", "_giou_compute", "_giou_update"),
    "detection.iou": ("intersection_over_union", "_iou_compute", "_iou_update"),
}
"""The functions and classes of torchmetrics that call torchvision, by module."""


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import all that a run needs in less time than it would take.

    The garbage collector would go through all that is new over and over; what was imported stays,
    so it is not looked at later either. What is deferred stays so afterwards, until it is used.
    """
    gc.disable()
    _defer()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _defer() -> None:
    # Lightning asks for the class of what is compiled, and each step of an optimizer marks
    # for the compiler where not to look.
    given = {"OptimizedModule": OptimizedModule, "graph_break": _graph_break, "disable": _disable}
    defer(COMPILER, **given)
    # Lightning's table of a model can count its operations, Triton's too.
    counter = "torch.utils.flop_counter"
    defer(counter, FlopCounterMode=later(counter, "FlopCounterMode"))
    # Each measure of torchmetrics can be plotted, and names Matplotlib's types.
    plot = "torchmetrics.utilities.plot"
    functions = ("plot_confusion_matrix", "plot_curve", "plot_single_or_multi_val")
    types = ("_AX_TYPE", "_CMAP_TYPE", "_PLOT_OUT_TYPE")
    defer(plot, **{name: later(plot, name) for name in functions}, **dict.fromkeys(types, object))
    # What its measures of images ask for brings torchvision.
    for inside, callables in IMAGE_MEASURES.items():
        module = f"torchmetrics.functional.{inside}"
        defer(module, **{name: later(module, name) for name in callables})
    # It adds this name where there is none, for an audio package.
    defer("scipy.signal", hamming=None)


class OptimizedModule(ABC):  # noqa: B024 - it has no methods, and no instances of its own
    """The compiler's class of what is compiled, whether the compiler is there yet or not."""

    @classmethod
    def __subclasshook__(cls, other: type) -> bool:
        compiled = getattr(sys.modules.get("torch._dynamo.eval_frame"), "OptimizedModule", ())
        return issubclass(other, compiled)


def _graph_break() -> None:
    """Nothing, as the compiler's own is outside of what is compiled."""


def _disable(function: Any = None, *args: Any, wrapping: bool = True, **kwargs: Any) -> Any:
    """The function as it stands, where torch or Lightning ask that for what is their own."""
    # Torch alone asks for no wrapping; nothing that `build` compiles calls what Lightning asks for.
    own = getattr(function, "__module__", None) or ""
    if not wrapping or own.startswith("lightning."):
        return function
    return brought(COMPILER).disable(function, *args, **kwargs)
