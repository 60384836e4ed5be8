"""What TensorBoard answers over HTTP about real runs: everything that the dashboard is to show."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from made import executed

pytestmark = pytest.mark.slow

Ask = Callable[..., Any]

KINDS = {
    "dots": ("experiment=dots", "max_epochs=6"),
    "marks": ("experiment=marks", "max_epochs=3", "optimizer.lr=0.01"),
    "rhymes": ("experiment=rhymes", "max_steps=30", "val_check_interval=10", "net.depth=1"),
}


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks a TensorBoard on the loopback, as `make dashboard` starts it, by a plugin's route."""
    folder = tmp_path_factory.mktemp("logs")
    for kind, overrides in KINDS.items():
        executed(folder / kind, *overrides, "report=true")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder)]
    process = subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.DEVNULL)

    def answer(route: str, body: dict[str, Any] | None = None, **query: Any) -> Any:
        sign = "&" if "?" in route else "?"
        address = f"http://localhost:{port}/data/plugin/{route}{sign}{urlencode(query)}"
        data = None if body is None else json.dumps(body).encode()
        request = Request(address, data, {"Content-Type": "application/json"})
        with urlopen(request, timeout=20) as reply:
            content = reply.read()
        is_json = reply.headers["Content-Type"].startswith("application/json")
        return json.loads(content) if is_json else content

    try:
        _wait(answer)
        yield answer
    finally:
        process.terminate()
        process.wait(timeout=30)


def _wait(answer: Ask) -> None:
    """Until all runs are read."""
    for _ in range(120):
        try:
            if len(answer("scalars/tags")) == len(KINDS) == len(answer("text/tags")):
                return
        except URLError:
            pass
        time.sleep(0.5)
    raise TimeoutError


def test_scalars_of_training_and_validation(ask: Ask) -> None:
    for kind, tags in ask("scalars/tags").items():
        assert {"1_loss/train", "1_loss/val", "1_loss/batch", "3_learning_rate/batch"} <= {*tags}
        points = ask("scalars/scalars", run=kind, tag="1_loss/val")
        assert points[0][1] == 0
        assert points[-1][2] < points[0][2]


def test_one_chart_has_both_losses(ask: Ask) -> None:
    layout = ask("custom_scalars/layout")
    [pattern] = layout["category"][0]["chart"][0]["multiline"]["tag"]
    shown = ask("custom_scalars/scalars", run="dots/tensorboard", tag=pattern)
    assert {*shown["tag_to_events"]} == {"1_loss/train", "1_loss/val"}


def test_images_are_pictures_of_what_was_learnt(ask: Ask) -> None:
    tags = ask("images/tags")["dots/tensorboard"]
    assert tags
    [first, *_] = ask("images/images", run="dots/tensorboard", tag=next(iter(tags)), sample=0)
    png = ask(f"images/individualImage?{first['query']}")
    assert png.startswith(b"\x89PNG")
    assert int.from_bytes(png[16:20], "big") > 300


def test_texts_are_settings_and_samples(ask: Ask) -> None:
    tags = ask("text/tags")
    assert all("config/text_summary" in found for found in tags.values())
    [config] = ask("text/text", run="dots/tensorboard", tag="config/text_summary")
    assert "experiment_name: dots" in config["text"]
    samples = ask("text/text", run="rhymes/tensorboard", tag="sample/text_summary")
    assert [sample["step"] for sample in samples] == [0, 10, 20, 30]


def test_settings_and_final_metrics_are_in_hparams(ask: Ask) -> None:
    experiment = ask("hparams/experiment", {"experimentName": ""})
    metrics = [info["name"]["tag"] for info in experiment["metricInfos"]]
    assert metrics[:2] == ["(best)/test/accuracy", "(best)/test/loss"]
    settings = {info["name"] for info in experiment["hparamInfos"]}
    assert "optimizer" in settings
    groups = ask(
        "hparams/session_groups",
        {
            "experimentName": "",
            "allowedStatuses": ["STATUS_SUCCESS", "STATUS_UNKNOWN", "STATUS_RUNNING"],
            "colParams": [],
            "startIndex": 0,
            "sliceSize": 10,
        },
    )
    assert groups["totalSize"] == len(KINDS)


def test_characters_are_in_the_projector(ask: Ask) -> None:
    [run] = ask("projector/runs")
    [vectors] = ask("projector/info", run=run)["embeddings"]
    assert vectors["tensorName"] == "characters"
    labels = ask("projector/metadata", run=run, name="characters").decode().splitlines()
    assert len(labels) == vectors["tensorShape"][0]
    assert len(ask("projector/tensor", run=run, name="characters")) == 4 * len(labels) * 32


def test_graph_histograms_and_precision_recall_curves(ask: Ask) -> None:
    assert all(info["tags"] or info["run_graph"] for info in ask("graphs/info").values())
    assert "weights/head.weight" in ask("histograms/tags")["dots/tensorboard"]
    assert "precision_recall/val" in ask("pr_curves/tags")["marks/tensorboard"]
