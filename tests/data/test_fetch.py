"""Fetching, against a real server on the loopback address and an `npm` made of a few lines."""

import gzip
import hashlib
import io
import os
import resource
import shlex
import signal
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from seedbed.data.fetch import DATA_DIR, Download, Https, NpmPackage, data_dir, fetch
from seedbed.errors import FetchError

FILES = {"spring.json": "春眠不覺曉".encode(), "autumn.json": "秋風清".encode() * 1000}
DIGEST = hashlib.sha256(b"".join(FILES.values())).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves `content`; misbehaves as its attributes say; remembers what it was asked for."""

    daemon_threads = True

    def __init__(self, content: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = content
        self.requests: list[str] = []
        self.unavailable = 0  # so many requests are answered with status 503
        self.cuts_short = False  # the connection closes halfway through each body
        self.asked = threading.Event()  # set at the first request
        self.may_finish = threading.Event()  # bodies stop halfway until it is set
        self.may_finish.set()

    @property
    def mirror(self) -> Https:
        return Https(f"http://127.0.0.1:{self.server_port}/", pauses=())

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Killed clients hang up; that is the test, not an error."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        name = self.path.removeprefix("/")
        self.server.requests.append(name)
        if self.server.unavailable:
            self.server.unavailable -= 1
            self.send_error(503)
        elif name not in self.server.content:
            self.send_error(404)
        else:
            body = self.server.content[name]
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.server.asked.set()
            self.server.may_finish.wait(30)
            if not self.server.cuts_short:
                self.wfile.write(body[len(body) // 2 :])

    def log_message(self, format: str, *args: Any) -> None:
        pass


Serve = Callable[[dict[str, bytes]], Server]


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Serve]:
    """Start servers that end with the test."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    servers = []

    def start(content: dict[str, bytes]) -> Server:
        server = Server(content)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.may_finish.set()
        server.shutdown()
        server.server_close()


def poems(*mirrors: Https | NpmPackage) -> Download:
    return Download("poems", tuple(FILES), DIGEST, mirrors, "data=rhymes is near")


@pytest.fixture
def dead() -> Iterator[Https]:
    """Hold a port that nothing listens on, so that no server of the test can get it."""
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        yield Https(f"http://127.0.0.1:{unused.getsockname()[1]}/", pauses=())


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def start_process(download: Download, into: Path) -> subprocess.Popen[str]:
    """Fetch in a process of its own; the data classes' `repr` is the code that makes them."""
    code = (
        "import signal\n"
        "from pathlib import Path\n"
        "from seedbed.data.fetch import Download, Https, fetch\n"
        # A test run in the background of a script has it ignored, and hands that down.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        f"fetch({download!r}, Path({str(into)!r}))"
    )
    return subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)


# --- what arrives ---------------------------------------------------------------------------------


def test_whole_data_set_arrives_unaltered(serve: Serve, tmp_path: Path) -> None:
    folder = fetch(poems(serve(FILES).mirror), tmp_path / "new" / "cache")
    assert folder == tmp_path / "new" / "cache" / "poems"
    assert contents(folder) == FILES


def test_second_fetch_makes_no_request(serve: Serve, tmp_path: Path) -> None:
    server = serve(FILES)
    first = fetch(poems(server.mirror), tmp_path)
    assert len(server.requests) == len(FILES)
    assert fetch(poems(server.mirror), tmp_path) == first
    assert len(server.requests) == len(FILES)


def test_complete_data_set_needs_no_mirror_and_no_write(tmp_path: Path) -> None:
    (tmp_path / "poems").mkdir()
    for name, content in FILES.items():
        (tmp_path / "poems" / name).write_bytes(content)
    fetch(poems(), tmp_path)
    assert names(tmp_path) == {"poems"}


def test_data_set_is_as_readable_as_any_new_folder(serve: Serve, tmp_path: Path) -> None:
    (tmp_path / "any").mkdir()
    folder = fetch(poems(serve(FILES).mirror), tmp_path)
    assert folder.stat().st_mode == (tmp_path / "any").stat().st_mode


def test_nothing_but_the_data_set_and_its_lock_remains(
    serve: Serve, dead: Https, tmp_path: Path
) -> None:
    fetch(poems(dead, serve(FILES).mirror), tmp_path)
    assert names(tmp_path) == {"poems", ".poems.lock"}


def test_stderr_alone_says_where_from_and_how_much(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = serve(FILES)
    fetch(poems(server.mirror), tmp_path)
    out, err = capsys.readouterr()
    started, completed = err.splitlines()
    assert out == ""
    assert started == f"fetching poems from {server.mirror.base_url}"
    assert completed.startswith("poems is complete: 0.0 MB in ")


def test_import_loads_neither_torch_nor_numpy_nor_rich() -> None:
    code = "import sys, seedbed.data.fetch; print({'torch', 'numpy', 'rich'} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True) == "set()\n"


# --- mirrors that fail ----------------------------------------------------------------------------


def test_mirror_that_is_down_gives_way_to_the_next(
    serve: Serve, dead: Https, tmp_path: Path
) -> None:
    assert contents(fetch(poems(dead, serve(FILES).mirror), tmp_path)) == FILES


def test_download_cut_short_gives_way_to_the_next(serve: Serve, tmp_path: Path) -> None:
    cut = serve(FILES)
    cut.cuts_short = True
    assert contents(fetch(poems(cut.mirror, serve(FILES).mirror), tmp_path)) == FILES


def test_download_cut_short_leaves_nothing_in_place(serve: Serve, tmp_path: Path) -> None:
    cut = serve(FILES)
    cut.cuts_short = True
    with pytest.raises(FetchError, match=r"spring\.json: IncompleteRead"):
        fetch(poems(cut.mirror), tmp_path)
    assert names(tmp_path) == {".poems.lock"}


def test_compressed_files_arrive_unpacked(serve: Serve, tmp_path: Path) -> None:
    server = serve({f"{name}.gz": gzip.compress(content) for name, content in FILES.items()})
    folder = fetch(poems(replace(server.mirror, gzipped=True)), tmp_path)
    assert contents(folder) == FILES


def test_damaged_compressed_file_is_not_delivered(serve: Serve, tmp_path: Path) -> None:
    packed = gzip.compress(FILES["spring.json"])
    for damaged in (b"not compressed", packed[:-9], packed[:12] + b"\xff" * 20):
        server = serve({"spring.json.gz": damaged})
        with pytest.raises(FetchError, match=r"spring\.json\.gz: "):
            fetch(poems(replace(server.mirror, gzipped=True)), tmp_path)


def test_wrong_checksum_gives_way_to_the_next(
    serve: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    altered = serve({**FILES, "autumn.json": b"[]"})
    assert contents(fetch(poems(altered.mirror, serve(FILES).mirror), tmp_path)) == FILES
    assert "wrong checksum" in capsys.readouterr().err


def test_same_files_in_another_order_are_refused(serve: Serve, tmp_path: Path) -> None:
    swapped = dict(zip(FILES, reversed(FILES.values()), strict=True))
    with pytest.raises(FetchError, match=f"sha256 should be {DIGEST}, and is [0-9a-f]{{64}}"):
        fetch(poems(serve(swapped).mirror), tmp_path)


def test_silent_server_gives_way_to_the_next(serve: Serve, tmp_path: Path) -> None:
    silent = serve(FILES)
    silent.may_finish.clear()
    next_one = serve(FILES)
    fetch(poems(replace(silent.mirror, timeout=0.1), next_one.mirror), tmp_path)
    assert next_one.requests == list(FILES)


def test_server_error_is_tried_again(serve: Serve, tmp_path: Path) -> None:
    server = serve(FILES)
    server.unavailable = 2
    fetch(poems(replace(server.mirror, pauses=(0.0, 0.0))), tmp_path)
    assert server.requests == ["spring.json"] * 3 + ["autumn.json"]


def test_refusal_is_not_tried_again(serve: Serve, tmp_path: Path) -> None:
    server = serve({})
    with pytest.raises(FetchError, match=r"spring\.json: HTTP Error 404"):
        fetch(poems(replace(server.mirror, pauses=(0.0, 0.0))), tmp_path)
    assert server.requests == ["spring.json"]


def test_all_mirrors_down_names_each_and_the_remedy(
    serve: Serve, dead: Https, tmp_path: Path
) -> None:
    empty = serve({}).mirror
    with pytest.raises(FetchError) as caught:
        fetch(poems(dead, empty), tmp_path)
    headline, first, second, remedy = str(caught.value).splitlines()
    assert headline == "no mirror delivered poems:"
    assert first.startswith(f"  {dead.base_url}: spring.json: ")
    assert "Connection refused" in first
    assert second == f"  {empty.base_url}: spring.json: HTTP Error 404: Not Found"
    assert remedy == (
        f"Its 2 files were to go to {tmp_path / 'poems'}."
        " To use a copy you have, set SEEDBED_DATA_DIR=FOLDER, with the files in FOLDER/poems;"
        " data=rhymes is near."
    )


def test_variable_names_the_folder_and_an_empty_one_leaves_it_with_the_user(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEEDBED_DATA_DIR", str(tmp_path))
    assert data_dir() == tmp_path
    monkeypatch.setenv("SEEDBED_DATA_DIR", "")
    assert data_dir() == Path(DATA_DIR).expanduser()


# --- folders that fail ----------------------------------------------------------------------------


def test_unwritable_cache_folder_is_named_with_the_remedy(serve: Serve, tmp_path: Path) -> None:
    into = tmp_path / "file"
    into.write_text("not a folder")
    with pytest.raises(FetchError, match=r"File exists.*SEEDBED_DATA_DIR") as caught:
        fetch(poems(serve(FILES).mirror), into)
    assert f"cannot be kept in {into}:" in str(caught.value)


def test_disk_that_refuses_a_file_is_explained_and_leaves_nothing(
    serve: Serve, tmp_path: Path
) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, hard))
    try:
        with pytest.raises(FetchError, match=r"File too large.*SEEDBED_DATA_DIR"):
            fetch(poems(serve(FILES).mirror), tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert names(tmp_path) == {".poems.lock"}


def test_folder_that_lost_a_file_is_named_and_left_alone(serve: Serve, tmp_path: Path) -> None:
    download = poems(serve(FILES).mirror)
    folder = fetch(download, tmp_path)
    (folder / "autumn.json").unlink()
    with pytest.raises(FetchError, match=r"1 are missing, autumn\.json first\. Remove the folder"):
        fetch(download, tmp_path)
    assert names(folder) == {"spring.json"}


# --- several runs, and killed ones ----------------------------------------------------------------


def test_two_processes_at_once_fetch_each_file_once(serve: Serve, tmp_path: Path) -> None:
    server = serve(FILES)
    server.may_finish.clear()
    with start_process(poems(server.mirror), tmp_path) as first:
        assert server.asked.wait(20)
        with start_process(poems(server.mirror), tmp_path) as second:
            assert second.stderr is not None
            waiting = second.stderr.readline()
            server.may_finish.set()
            second.communicate(timeout=20)
        first.communicate(timeout=20)
    assert waiting == "waiting for another run that is fetching poems\n"
    assert (first.returncode, second.returncode) == (0, 0)
    assert server.requests == list(FILES)
    assert contents(tmp_path / "poems") == FILES


def test_killed_fetch_leaves_no_data_set_and_the_next_one_cleans_up(
    serve: Serve, tmp_path: Path
) -> None:
    server = serve(FILES)
    server.may_finish.clear()
    with start_process(poems(server.mirror), tmp_path) as process:
        assert server.asked.wait(20)
        process.kill()
    left = names(tmp_path)
    assert "poems" not in left
    assert any(name.startswith(".poems-partial-") for name in left)

    server.may_finish.set()
    assert contents(fetch(poems(server.mirror), tmp_path)) == FILES
    assert names(tmp_path) == {"poems", ".poems.lock"}


def test_interrupted_fetch_cleans_up_behind_itself(serve: Serve, tmp_path: Path) -> None:
    server = serve(FILES)
    server.may_finish.clear()
    with start_process(poems(server.mirror), tmp_path) as process:
        assert server.asked.wait(20)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in err
    assert names(tmp_path) == {".poems.lock"}


# --- npm ------------------------------------------------------------------------------------------


def make_tarball(path: Path, members: dict[str, bytes]) -> NpmPackage:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return NpmPackage("verses@1.0.0", "package/dist", hashlib.sha256(path.read_bytes()).hexdigest())


def put_npm_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, *lines: str) -> None:
    """Install an `npm` that runs `lines` of shell; `$4` is where `npm pack` is to write."""
    folder.mkdir()
    (folder / "npm").write_text("\n".join(["#!/bin/sh", *lines]))
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


@pytest.fixture
def packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> NpmPackage:
    """Return a package that `npm pack` delivers; the poems are two of its files."""
    tarball = tmp_path / "source.tgz"
    package = make_tarball(
        tarball,
        {
            "package/package.json": b"{}",
            "package/dist/autumn.json": FILES["autumn.json"],
            "package/dist/other/spring.json": b"of the same name, elsewhere",
            "package/dist/spring.json": FILES["spring.json"],
            "../../escaped.json": b"outside",
            str(tmp_path / "escaped.json"): b"outside",
        },
    )
    put_npm_on_path(
        monkeypatch,
        tmp_path / "bin",
        f'echo "$@" > {shlex.quote(str(tmp_path / "arguments"))}',
        "echo notice on the output; echo notice on the error output >&2",
        f'cp {shlex.quote(str(tarball))} "$4/verses-1.0.0.tgz"',
    )
    return package


def test_npm_package_delivers_just_the_files(packed: NpmPackage, tmp_path: Path) -> None:
    assert contents(fetch(poems(packed), tmp_path / "cache")) == FILES
    assert (tmp_path / "arguments").read_text().startswith("pack verses@1.0.0 --pack-destination")


def test_npm_package_cannot_write_outside_its_folder(packed: NpmPackage, tmp_path: Path) -> None:
    fetch(poems(packed), tmp_path / "cache")
    assert not list(tmp_path.rglob("escaped.json"))
    assert names(tmp_path / "cache") == {"poems", ".poems.lock"}


def test_npm_says_nothing_on_the_terminal(
    packed: NpmPackage, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    fetch(poems(packed), tmp_path / "cache")
    out, err = capfd.readouterr()
    assert "notice" not in out + err


def test_tarball_with_the_wrong_digest_is_refused(packed: NpmPackage, tmp_path: Path) -> None:
    with pytest.raises(FetchError, match=r"npm package verses@1\.0\.0: wrong checksum: sha256"):
        fetch(poems(replace(packed, sha256="0" * 64)), tmp_path / "cache")
    assert names(tmp_path / "cache") == {".poems.lock"}


def test_file_that_the_package_lacks_is_named(packed: NpmPackage, tmp_path: Path) -> None:
    elsewhere = replace(packed, folder="package/elsewhere")
    with pytest.raises(FetchError, match=r"2 files are not in it, package/elsewhere/spring\.json"):
        fetch(poems(elsewhere), tmp_path / "cache")


def test_missing_npm_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    package = NpmPackage("verses@1.0.0", "package/dist", "0" * 64)
    with pytest.raises(FetchError, match=r"npm package verses@1\.0\.0: npm is not installed"):
        fetch(poems(package), tmp_path)


def test_failing_npm_is_quoted_by_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_npm_on_path(monkeypatch, tmp_path / "bin", "echo 'npm error code E404\nadvice' >&2; exit 1")
    package = NpmPackage("verses@1.0.0", "package/dist", "0" * 64)
    with pytest.raises(FetchError, match=r"exit status 1, npm error code E404\nIts 2 files"):
        fetch(poems(package), tmp_path)
