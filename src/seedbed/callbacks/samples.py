"""Text samples as a language model learns: to the terminal, the log, a file and TensorBoard."""

import json
from pathlib import Path

import torch
from lightning import Callback, LightningModule, Trainer

from seedbed.data.tokens import TokensDataModule
from seedbed.data.vocabulary import END
from seedbed.nets.generation import generate
from seedbed.nets.language_model import LanguageModel
from seedbed.tensorboard import boards
from seedbed.terminal import log


class TextSamples(Callback):
    """Continues a prompt at each validation; does nothing where the data is not text.

    Args:
        prompt: What the text starts with; an empty one starts where a document does. One
            whose characters the corpus mostly lacks is replaced by the commonest beginning; the
            log says so.
        length: The most characters to write; a document may end before.
        temperature: Divides the logits; 1 samples the model's own distribution, 0 takes the
            likeliest character.
        directory: The folder of the file; None writes none.

    Raises:
        ValueError: If `length` or `temperature` is negative.
    """

    def __init__(
        self,
        *,
        prompt: str,
        length: int = 100,
        temperature: float = 1.0,
        directory: str | None = None,
    ) -> None:
        for name, value in (("length", length), ("temperature", temperature)):
            if not value >= 0:
                raise ValueError(f"{name}={value}: expected 0 or more")
        self.prompt = prompt
        self._known: str | None = None  # once it was compared with a vocabulary
        self.length = length
        self.temperature = temperature
        self.file = Path(directory) / "samples.jsonl" if directory else None

    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Say so where there will be no samples."""
        if not _text(trainer, pl_module):
            log.info("callbacks.samples writes nothing here: it is for language models")

    def on_validation_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        """Write a sample, its randomness fixed by the step."""
        if trainer.sanity_checking or not trainer.is_global_zero:
            return
        text = self.write(trainer, pl_module)
        if text is None:
            return
        log.info("\n".join("    " + line for line in text.splitlines()))
        if self.file:
            line = json.dumps({"step": trainer.global_step, "text": text}, ensure_ascii=False)
            with self.file.open("a", encoding="utf-8") as file:
                file.write(line + "\n")
        for board in boards(trainer):
            board.add_text("sample", text.replace("\n", "  \n"), trainer.global_step)

    def conclusion(self, trainer: Trainer) -> str | None:
        """A last text, for the end of a run."""
        return self.write(trainer, trainer.lightning_module)

    def write(self, trainer: Trainer, module: LightningModule) -> str | None:
        """One text that starts with the prompt, or None where the data is not text."""
        if not (found := _text(trainer, module)):
            return None
        datamodule, net = found
        vocabulary, prompt = datamodule.vocabulary, self._known_prompt(datamodule)
        training = net.training  # as it is again once a test is over
        net.eval()
        with module.trainer.precision_plugin.forward_context():
            [written] = generate(
                net,
                [vocabulary.encode(prompt or END).tolist()],
                self.length,
                temperature=self.temperature,
                end=vocabulary.end,
                generator=torch.Generator(module.device).manual_seed(trainer.global_step),
            )
        net.train(training)
        # The prompt as it was given, even where the corpus lacks one of its characters.
        return prompt + vocabulary.decode(written).rstrip(END)

    def _known_prompt(self, datamodule: TokensDataModule) -> str:
        if self._known is None:
            self._known, remark = datamodule.known_prompt(self.prompt)
            if remark:
                log.info(f"    {remark}")
        return self._known


def _text(
    trainer: Trainer, module: LightningModule
) -> tuple[TokensDataModule, LanguageModel] | None:
    """The data and the net, where they are of text."""
    data, net = getattr(trainer, "datamodule", None), getattr(module, "net", None)
    if isinstance(data, TokensDataModule) and isinstance(net, LanguageModel):
        return data, net
    return None
