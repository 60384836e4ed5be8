"""Text from a language model."""

import secrets
from typing import Annotated

import typer

from seedbed.cli.arguments import AsJson, Checkpoint, Run, print_json
from seedbed.speed import quick_imports
from seedbed.terminal import say


def generate(
    run: Run,
    *,
    prompt: Annotated[
        list[str] | None,
        typer.Option(help="How a text starts; may be repeated.", show_default="the run's own"),
    ] = None,
    count: Annotated[int, typer.Option(min=1, max=10_000, help="Texts for each prompt.")] = 1,
    length: Annotated[int, typer.Option(min=0, help="The most characters to write.")] = 200,
    temperature: Annotated[
        float,
        typer.Option(min=0, help="Below 1 less random, above 1 more; 0: always the likeliest."),
    ] = 1.0,
    top_k: Annotated[
        int | None, typer.Option(min=1, help="Draw from this many likeliest characters.")
    ] = None,
    top_p: Annotated[
        float | None,
        typer.Option(
            min=0, max=1, help="Draw from the likeliest, which together have this probability."
        ),
    ] = None,
    seed: Annotated[
        int | None,
        typer.Option(
            min=0, max=2**64 - 1, help="Fixes the texts.", show_default="another each time"
        ),
    ] = None,
    checkpoint: Checkpoint = "best",
    as_json: AsJson = False,
) -> None:
    """Let RUN's language model go on from a prompt, up to the end of a text.

    Example: seedbed generate logs/regression/table/2026-01-31_12-00-00-0a1b2c3d --prompt 春
    """
    with quick_imports():
        from seedbed.runs import generate as writing
        from seedbed.runs.load import load

    opened = load(run, checkpoint)
    own, remark = ("", None) if prompt else writing.own_prompt(opened)
    prompts = [text for text in prompt or [own] for _ in range(count)]
    if warning := writing.unknown(opened, prompts) or remark:
        say(warning, err=True)
    if seed is None:
        seed = secrets.randbelow(2**32)
        say(f"seed {seed}", err=True)
    streamed = len(prompts) == 1 and not as_json
    if streamed:
        say(prompts[0], nl=False)
    texts = writing.generate(
        opened,
        prompts,
        length=length,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        seed=seed,
        heard=_print_character if streamed else None,
    )
    if as_json:
        print_json({"seed": seed, "warning": warning, "texts": [vars(text) for text in texts]})
    else:
        say("" if streamed else "\n\n".join(text.text.rstrip("\n") for text in texts))


def _print_character(character: str) -> None:
    say(character, nl=False)
