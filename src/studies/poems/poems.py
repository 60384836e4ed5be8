"""The Tang poems: the whole corpus, a user's own corpus, and TutorialLLM's exact protocol.

Source: the 58 files of Tang poems in the open chinese-poetry collection, 57,607 poems in
traditional characters, and for scale its 255 files of Song poems, 254,248. They are fetched once
and stored as a compact token array.
"""

import hashlib
import json
import random
import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np

from seedbed.data import cache
from seedbed.data.documents import Form
from seedbed.data.fetch import Download, Https, NpmPackage, fetch, verified
from seedbed.data.text import Text, split_documents, without_duplicates
from seedbed.data.tokens import TokensDataModule, TokenSplits, Windows
from seedbed.data.vocabulary import Vocabulary
from seedbed.errors import SettingError

if TYPE_CHECKING:  # the report can be left out
    from seedbed.report.picture import Picture
    from seedbed.report.view import View

Dynasty = Literal["tang", "song"]

Poem = dict[str, Any]
"""An entry of the collection: `title`, a string, and `paragraphs`, a list of strings."""


def _of_the_collection(dynasty: Dynasty, files: int, sha256: str) -> Download:
    """A dynasty's poems, a thousand a file."""
    return Download(
        name=f"{dynasty}_poems",
        files=tuple(f"poet.{dynasty}.{1000 * number}.json" for number in range(files)),
        sha256=sha256,
        mirrors=(
            NpmPackage(
                package="chinese-poetry@2.0.1",
                folder="package/dist/quantangshi",
                sha256="25b549e46919c3a0569db6b68ddc96956b04a484ea4518ad2bbd4f137e307e86",
            ),
            Https("https://cdn.jsdelivr.net/npm/chinese-poetry@2.0.1/dist/quantangshi/"),
            Https(
                "https://raw.githubusercontent.com/chinese-poetry/chinese-poetry/master/"
                "%E5%85%A8%E5%94%90%E8%AF%97/"
            ),
        ),
        instead=(
            "data=poems data.path=FILE trains on a corpus of your own, and data=verse needs no "
            "network"
        ),
    )


TANG_POEMS = _of_the_collection(
    "tang", 58, "3f7d2ecd229e8f4cca51255f6cc584509e2ad481f7c13cab8b02e1c656a065a0"
)
SONG_POEMS = _of_the_collection(
    "song", 255, "1806fc1aeb2fdeb1a0f5bf92f3394a75e6ac66bd22f6eb9f14f0e020ac11fed3"
)

PUNCTUATION = set("，。？！、；：「」『』《》")
SHORTEST = 10
"""A shorter poem is a fragment: a lone surviving line, or 空。 for a lost text."""


COUPLET = "白日依山盡，黃河入海流。"
"""The couplet whose attention pictures show."""

SHOWN = "春秋日月山水花鳥人心愁夢"
"""The characters whose neighbours they show."""


class Poems(Text):
    """Poems split 90/5/5 by poem, duplicates removed first.

    Of the collection, a poem is left out if its text holds anything but characters and Chinese
    punctuation (brackets and digits are editors' notes, □ a lost character), or is shorter than
    ten characters; titles lose bracketed notes. With a path it is what `Text` is.

    Args:
        data_dir: Where the corpus is kept.
        dynasties: Whose poems of the collection: `tang`, `song`, or both.
        path: A text of one's own, in place of the collection.
        encoding, documents, field, vocabulary: As of a `Text`.
        split_seed: Fixes which poem goes to which part.
        context: Window length T.
        batch_size: Windows a batch, or `full`.
        windows: `shuffled`, `reordered` or `random`; see `TokensDataModule`.
        seed: Fixes the order of the training windows.
        input_noise: Share of the input characters that training replaces by random ones.
    """

    forms: ClassVar = {
        "five characters a line": "春曉\n春眠不覺曉，",
        "seven characters a line": "早發白帝城\n朝辭白帝彩雲間，",
    }

    def __init__(
        self,
        *,
        data_dir: str,
        dynasties: Sequence[Dynasty] = ("tang",),
        path: str | None = None,
        encoding: str | None = None,
        documents: Form | None = None,
        field: str | None = None,
        vocabulary: str | None = None,
        split_seed: int = 42,
        context: int = 256,
        batch_size: int | Literal["full"] = 16,
        windows: Windows = "shuffled",
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            data_dir=data_dir,
            path=path or "",
            encoding=encoding,
            documents=documents,
            field=field,
            vocabulary=vocabulary,
            split_seed=split_seed,
            context=context,
            batch_size=batch_size,
            windows=windows,
            seed=seed,
            input_noise=input_noise,
        )
        if not dynasties:
            raise SettingError("data.dynasties=[]: expected tang, song, or both.")
        self.example, self.shown = ("", "") if path else (COUPLET, SHOWN)
        self.dynasties = sorted(set(dynasties), reverse=True)  # as they came
        self.path = path
        if path is not None:
            self.remarks = ("a text of your own is data=text; data=poems reads it as that does",)

    def fetch(self) -> Path:
        """Fetch the collection's files, if they are not there yet; return the last one's folder."""
        return [fetch(download, self.data_dir) for download in self._downloads][-1]

    def load(self) -> TokenSplits:
        """Return the tokens, from the cache where they were made before."""
        if self.path is not None:
            return super().load()
        checksums = "-".join(download.sha256[:12] for download in self._downloads)
        first = self.first_characters()
        after = f"-{hashlib.sha256(first.encode()).hexdigest()[:12]}" if first else ""
        return cache.tokens(
            self.data_dir,
            f"poems-{checksums}-{self.split_seed}{after}",
            lambda _: self._collection(first),
        )

    @property
    def _downloads(self) -> list[Download]:
        return [{"tang": TANG_POEMS, "song": SONG_POEMS}[dynasty] for dynasty in self.dynasties]

    def _collection(self, first: str) -> TokenSplits:
        poems = [
            as_text(_cleaned(entry))
            for download in self._downloads
            for entry in _entries(download, self.data_dir)
            if _is_whole(entry)
        ]
        # The same text under two titles is the same poem.
        unique = without_duplicates(poems.__iter__, key=lambda poem: poem.partition("\n")[2])
        facts = {
            "source": f"chinese-poetry, {' and '.join(map(str.title, self.dynasties))}",
            "sha256": "+".join(download.sha256 for download in self._downloads),
        }
        return split_documents(unique, seed=self.split_seed, facts=facts, unit="poems", first=first)


class PoemsTutorial(TokensDataModule):
    """TutorialLLM's exact data: its filter, its shuffle, its vocabulary, its split by character.

    Source: lesson 2 (TutorialLLM). The vocabulary covers all three of its parts (pre-training,
    instruction tuning, preference alignment); only the first is trained on here, its first
    90 % of characters for training and its last 10 % for evaluation. It has no test part.

    Args:
        data_dir: Where the corpus is kept.
        validation: `evaluation` validates on TutorialLLM's evaluation part and tests on nothing;
            `training` validates on the last tenth of the training part, which it then does not
            train on, and reports the evaluation part as test.
        context: Window length T.
        batch_size: Windows a batch, or `full`.
        windows: `shuffled`, `reordered` or, as TutorialLLM has it, `random`; see
            `TokensDataModule`.
        evaluation_batches: Random batches a validation, as TutorialLLM has it; None for all.
        seed: Fixes the order of the training windows.
        input_noise: Share of the input characters that training replaces by random ones.
    """

    closing = "\n\n"
    example, shown = COUPLET, SHOWN

    def __init__(
        self,
        *,
        data_dir: str,
        validation: Literal["evaluation", "training"] = "evaluation",
        context: int = 256,
        batch_size: int | Literal["full"] = 16,
        windows: Windows = "shuffled",
        evaluation_batches: int | None = 100,
        seed: int = 0,
        input_noise: float = 0.0,
    ) -> None:
        super().__init__(
            context=context,
            batch_size=batch_size,
            windows=windows,
            evaluation_batches=evaluation_batches,
            seed=seed,
            input_noise=input_noise,
        )
        self.data_dir = Path(data_dir).expanduser()
        self.validation = validation

    def load(self) -> TokenSplits:
        """Return the tokens, from the cache where they were made before."""
        key = f"poems_tutorial-{TANG_POEMS.sha256[:12]}"
        splits = cache.tokens(
            self.data_dir,
            key,
            lambda _: tutorial_splits([*_entries(TANG_POEMS, self.data_dir, most=57)]),
        )
        if self.validation == "evaluation":
            return splits
        cut = len(splits.train) * 9 // 10
        return TokenSplits(
            vocabulary=splits.vocabulary,
            train=splits.train[:cut],
            val=splits.train[cut:],
            test=splits.val,
            facts=splits.facts,
        )

    def pictures(self, view: "View") -> Iterator["Picture"]:
        """The fit's losses beside those of TutorialLLM, over the characters trained on."""
        from seedbed.report.picture import Picture
        from seedbed.report.style import COLOURS, panels

        size = 0 if self.batch_size == "full" else int(self.batch_size) * self.context
        ours = {part: view.run.curve(f"{part}/loss", "step") for part in LESSON}
        if not size or not ours["val"] or self.validation != "evaluation":
            return
        figure, [axes] = panels([3.2])
        words = {"train": ("training", "--"), "val": ("evaluation", "-")}
        for part, (word, style) in words.items():
            own = [(step * size / 1e6, loss) for step, loss in ours[part]]
            theirs = [(step * LESSONS_STEP / 1e6, loss) for step, loss in LESSON[part]]
            axes.plot(*zip(*own, strict=True), style, color=COLOURS[0], label=f"here, {word}")
            axes.plot(*zip(*theirs, strict=True), f"s{style}", color=COLOURS[3], linewidth=1)
            axes.lines[-1].set(markersize=4, label=f"TutorialLLM, {word}")
        axes.set(xlabel="million characters trained on", ylabel="loss in nats")
        axes.legend(loc="upper right")
        (_, last), (_, lessons) = ours["val"][-1], LESSON["val"][-1]
        alt = f"Evaluation loss {last:.3f} at the end here, {lessons:.3f} at TutorialLLM's."
        yield Picture("lesson", "Beside TutorialLLM's curve", alt, figure)


LESSON = {
    "train": [(100, 6.3026), (5000, 4.7134), (10000, 4.3883)],
    "val": [(0, 9.2029), (100, 6.2829), (5000, 4.9221), (10000, 4.6798)],
}
"""The losses that TutorialLLM prints, by its steps of 16 windows of 256 characters."""

LESSONS_STEP = 16 * 256
"""The characters of one."""


def tutorial_splits(entries: list[Poem]) -> TokenSplits:
    """Apply TutorialLLM's rules to the collection's entries."""
    poems = [entry for entry in entries if _tutorial_keeps(entry)]
    # A generator of our own gives the same numbers as the global one that TutorialLLM seeds.
    draw = random.Random(2024)
    draw.shuffle(poems)
    half, fifth = int(len(poems) * 0.5), int(len(poems) * 0.8)
    text = PoemsTutorial.closing.join(f"{p['title']}\n{_body(p)}" for p in poems[:half])
    tuning = [_instruction(p["title"], _body(p)) for p in poems[half:fifth]]
    fives = [p for p in poems[fifth:] if all(len(line) == 12 for line in p["paragraphs"])]
    others = [p for p in poems[fifth:] if not all(len(line) == 12 for line in p["paragraphs"])]
    pairs = [
        _instruction(p["title"], _body(p)) for five in fives for p in (five, draw.choice(others))
    ]
    everything = "".join([text, *tuning, *pairs, "\0"])
    vocabulary = Vocabulary.from_text([everything])
    tokens = vocabulary.encode(text).astype(np.uint16)
    cut = int(0.9 * len(tokens))
    return TokenSplits(
        vocabulary=vocabulary,
        train=tokens[:cut],
        val=tokens[cut:],
        test=None,
        facts={
            "source": "chinese-poetry, Tang, by the lesson's protocol",
            "sha256": TANG_POEMS.sha256,
            "poems": len(poems),
            "characters": len(text),
            "characters_of_all_parts": len(everything),
        },
    )


def _entries(download: Download, data_dir: Path, *, most: int | None = None) -> Iterator[Poem]:
    """The first files of a download, fetched if need be, checked, and read one by one."""
    folder = verified(download, data_dir)
    for name in download.files[:most]:
        yield from json.loads((folder / name).read_bytes())


def as_text(poem: Poem) -> str:
    """One string a poem: the title's line, and a line a paragraph."""
    return "\n".join([poem["title"], *poem["paragraphs"]])


def _is_whole(entry: Poem) -> bool:
    text = "".join(entry["paragraphs"])
    return len(text) >= SHORTEST and all(
        character in PUNCTUATION or unicodedata.category(character) == "Lo" for character in text
    )


def _cleaned(entry: Poem) -> Poem:
    title = re.sub(r"（[^）]*）|\[[^]]*\]|〖[^〗]*〗|[□\t]", "", entry["title"])
    return {"title": title.strip() or "無題", "paragraphs": entry["paragraphs"]}


def _tutorial_keeps(entry: Poem) -> bool:
    lines = entry["paragraphs"]
    return (
        "□" not in entry["title"] + "".join(lines)
        and len(lines) >= 2
        and len({len(line) for line in lines}) == 1
        and not any(bracket in text for text in [entry["title"], *lines] for bracket in "(（")
    )


def _body(entry: Poem) -> str:
    return "\n".join(entry["paragraphs"])


def _instruction(title: str, body: str) -> str:
    return f"<INS>請用以下題目寫一首詩<INP>{title}<RES>{body}"
