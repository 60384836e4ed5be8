"""The page of a language model: how a text begins, and the rest as it is written."""

from collections.abc import Iterator, Sequence
from queue import Queue
from secrets import randbelow
from threading import Thread
from typing import Any

from seedbed.errors import SeedbedError
from seedbed.runs.generate import generate, own_prompt, unknown
from seedbed.runs.load import LoadedRun

LONGEST = 1000


def build(gradio: Any, runs: Sequence[LoadedRun]) -> str:
    """Fill the page; returns what it begins with, which is nothing."""
    forms: dict[str, str] = {}
    for run in runs:
        forms |= run.datamodule.forms
    with gradio.Row():
        with gradio.Column(scale=1, min_width=260):
            own, _ = own_prompt(runs[0])
            first = gradio.Textbox(own, label="how it begins", lines=2)
            if forms:
                form = gradio.Dropdown([*forms], value=None, label="form")
                form.change(lambda name: forms.get(name, ""), form, first)
            temperature = gradio.Slider(0, 2, value=0.8, step=0.05, label="temperature")
            length = gradio.Slider(1, LONGEST, value=120, step=1, label="length, characters")
            seed = gradio.Textbox(label="seed", placeholder="another each time")
            button = gradio.Button("Write", variant="primary")
            stop = gradio.Button("Stop")
        writing = []
        for number, run in enumerate(runs, start=1):
            with gradio.Column(scale=2, min_width=300):
                label = run.directory.path.name
                output = gradio.Textbox(
                    label=label if len(runs) == 1 else f"{number}: {label}",
                    lines=12,
                    elem_classes="written",
                )
            inputs = [first, temperature, length, seed]
            for event in (button.click, first.submit):
                writing.append(event(_writer(run), inputs, output, show_progress="hidden"))
    stop.click(None, cancels=writing)
    return ""


def _writer(run: LoadedRun) -> Any:
    """What writes a run's text, and yields what is written so far."""

    def write(first: str, temperature: float, length: int, seed: str) -> Iterator[str]:
        try:
            remark = unknown(run, [first])
        except SeedbedError as error:
            yield f"({error})"
            return
        written: Queue[str | None] = Queue()

        def fill() -> None:
            try:
                generate(
                    run,
                    [first],
                    length=int(length),
                    temperature=temperature,
                    seed=int(seed) if seed.strip().isdecimal() else randbelow(2**32),
                    heard=written.put,
                )
            finally:
                written.put(None)

        Thread(target=fill, daemon=True).start()
        text = f"({remark})\n{first}" if remark else first
        yield text
        while (character := written.get()) is not None:
            text += character
            while not written.empty() and (more := written.get()) is not None:
                text += more
            yield text

    return write
