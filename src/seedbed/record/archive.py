"""A file of `torch.save`, read as plain types and tensors, and as nothing else.

`torch.load(weights_only=True)` runs no code, but it believes what a file says of itself: a tensor
may repeat one number a million times, a compressed entry may expand to any size, and some of the
types it allows allocate whatever size they are given. Here nothing is made that the file does not
hold: entries are as long as they are stored, a tensor's elements lie apart within its storage,
nesting is shallow, keys are strings or numbers. Trade-off: the format that torch 2.14 writes
(pickle protocol 2 in a zip archive) is described here too, and Python reads a million instructions
a second.
"""

import pickletools
import zipfile
from collections import Counter, OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

INSTRUCTIONS = 2_000_000
"""The most a pickle may have; a tensor takes about 25."""

DEPTH = 50
"""How deep containers may lie in containers."""

SHARED = 10
"""How many times longer, written out, the content may be than its instructions."""

CHUNK = 2**20
"""Bytes of an entry that are read at once."""

LITERALS = ("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "BINUNICODE")
CONSTANTS: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": dict,
}
TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class ForeignTypeError(Exception):
    """An archive holds something other than plain types and tensors; names it."""


def read(path: Path) -> Any:
    """Read an archive; its tensors are on the processor, its mappings are plain.

    Raises:
        ForeignTypeError: If it holds anything else.
        ValueError: If it is not as torch writes it; a damaged one may also raise the other errors
            of `seedbed.files.UNREADABLE`.
    """
    with zipfile.ZipFile(path) as archive:
        entries = archive.infolist()
        names = {entry.filename for entry in entries}
        if any(entry.compress_type != zipfile.ZIP_STORED for entry in entries):
            raise ValueError("an entry is compressed, and torch compresses none")
        if sum(entry.file_size for entry in entries) > path.stat().st_size:
            raise ValueError("its entries overlap")
        folder = entries[0].filename.split("/")[0] if entries else ""
        if not {f"{folder}/data.pkl", f"{folder}/byteorder"} <= names:
            raise ValueError("torch has not written it")
        if archive.read(f"{folder}/byteorder") != b"little":
            raise ValueError("expected numbers whose lowest byte comes first")
        try:
            content = _Unpickler(archive, folder).run(archive.read(f"{folder}/data.pkl"))
        except (ArithmeticError, AttributeError, LookupError, TypeError) as error:
            raise ValueError(f"torch has not pickled it ({error})") from None
        for name in names:  # what was not needed, for its checksum
            if not name.startswith(f"{folder}/data/"):
                archive.read(name)
        return content


class _Unpickler:
    """Obeys a pickle's instructions as far as they make plain types and tensors."""

    def __init__(self, archive: zipfile.ZipFile, folder: str) -> None:
        self._archive = archive
        self._folder = folder
        self._storages: dict[str, Tensor] = {}
        self._memo: dict[Any, Any] = {}
        self._stack: list[Any] = []
        self._marked: list[list[Any]] = []

    def run(self, pickle: bytes) -> Any:
        """Return what is pickled."""
        count = 0
        for count, (opcode, argument, _) in enumerate(pickletools.genops(pickle)):
            if count >= INSTRUCTIONS:
                raise ValueError(f"it has more than {INSTRUCTIONS:,} instructions")
            name = opcode.name
            if name in ("BINPUT", "LONG_BINPUT"):
                self._memo[argument] = self._stack[-1]
            elif name in ("BINGET", "LONG_BINGET"):
                self._stack.append(self._memo[argument])
            elif name in LITERALS:
                self._stack.append(_literal(argument))
            elif name in CONSTANTS:
                self._stack.append(CONSTANTS[name]())
            elif name in TUPLES:
                self._stack[-TUPLES[name] :] = [(*self._stack[-TUPLES[name] :],)]
            else:
                self._other(name, argument)
        content = self._stack.pop()
        _check_size(content, SHARED * count)
        return content

    def _other(self, name: str, argument: Any) -> None:
        stack = self._stack
        if name == "MARK":
            self._marked.append(stack)
            self._stack = []
        elif name in ("TUPLE", "APPENDS", "SETITEMS"):
            self._stack = self._marked.pop()
            if name == "TUPLE":
                self._stack.append((*stack,))
            else:
                _add(self._stack[-1], stack, pairs=name == "SETITEMS")
        elif name in ("APPEND", "SETITEM"):
            count = 1 if name == "APPEND" else 2
            items = stack[-count:]
            del stack[-count:]
            _add(stack[-1], items, pairs=count == 2)
        elif name == "GLOBAL":
            stack.append(_known(argument))
        elif name == "REDUCE":
            arguments = stack.pop()
            stack[-1] = _made(stack[-1], arguments)
        elif name == "BUILD":  # `_metadata` of a module's state, which names its format's versions
            stack.pop()
        elif name == "BINPERSID":
            stack.append(self._storage(*stack.pop()))
        elif name != "STOP" and not (name == "PROTO" and argument == 2):
            raise ValueError(f"its pickle has an instruction that torch never writes, {name}")

    def _storage(self, kind: str, dtype: Any, key: str, _: str, count: int) -> Tensor:
        """An entry as a flat tensor; read once, however many tensors are of it."""
        if kind != "storage" or not isinstance(dtype, _Storage):
            raise ValueError("expected the storage of a tensor")
        if key not in self._storages:
            self._storages[key] = self._bytes(f"{self._folder}/data/{key}")
        content = self._storages[key]
        if content.numel() != count * dtype.dtype.itemsize:
            raise ValueError(f"storage {key} has {content.numel():,} bytes; expected {count:,}")
        return content.view(dtype.dtype)

    def _bytes(self, name: str) -> Tensor:
        content = torch.empty(self._archive.getinfo(name).file_size, dtype=torch.uint8)
        place, done = content.numpy().data, 0
        with self._archive.open(name) as file:  # which compares the checksum at its end
            while chunk := file.read(CHUNK):
                place[done : done + len(chunk)] = chunk
                done += len(chunk)
        if done < len(content):
            raise EOFError(f"{name} is cut short")
        return content


class _Storage:
    """A storage's type."""

    def __init__(self, dtype: torch.dtype) -> None:
        self.dtype = dtype


def _tensor(
    storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], *more: Any
) -> Tensor:
    """A view of a storage; whether it requires gradients, and its hooks, are left out."""
    dtype = more[2] if len(more) > 2 and more[2] is not None else storage.dtype
    content = storage.view(dtype).as_strided(size, stride, offset)
    reach = 0
    for step, length in sorted(zip(stride, size, strict=True)):
        if length > 1:
            if step <= reach and content.numel():
                raise ValueError(f"elements of a tensor {[*size]} share their place")
            reach += step * (length - 1)
    if dtype == torch.bool and bool((content.view(torch.uint8) > 1).any()):
        raise ValueError("a bool is neither true nor false")
    return content


def _encoded(text: str, encoding: str) -> bytes:
    if encoding != "latin1":
        raise ValueError(f"expected bytes, got {encoding}")
    return text.encode("latin1")


def _set(items: list[Any]) -> set[Any]:
    return {_key(item) for item in items}


MAKERS: dict[str, Callable[..., Any]] = {
    "collections OrderedDict": dict,
    "collections Counter": Counter,
    "torch._utils _rebuild_tensor_v2": _tensor,
    "torch._utils _rebuild_tensor_v3": _tensor,
    "torch._utils _rebuild_parameter": lambda content, *_: content,
    "torch Size": torch.Size,
    "torch device": torch.device,
    "_codecs encode": _encoded,
    "__builtin__ set": _set,
    "__builtin__ complex": complex,
}
"""What a pickle may call, and what is called instead."""

STORAGES = {
    "torch.storage UntypedStorage": torch.uint8,
    "torch BFloat16Storage": torch.bfloat16,
    "torch BoolStorage": torch.bool,
    "torch ByteStorage": torch.uint8,
    "torch CharStorage": torch.int8,
    "torch ComplexDoubleStorage": torch.complex128,
    "torch ComplexFloatStorage": torch.complex64,
    "torch DoubleStorage": torch.float64,
    "torch FloatStorage": torch.float32,
    "torch HalfStorage": torch.float16,
    "torch IntStorage": torch.int32,
    "torch LongStorage": torch.int64,
    "torch ShortStorage": torch.int16,
}
"""What the numbers of a tensor may be."""


def _known(name: str) -> Any:
    """What a name stands for: a maker, a type of storage, or a dtype."""
    if name in MAKERS:
        return MAKERS[name]
    if name in STORAGES:
        return _Storage(STORAGES[name])
    module, _, attribute = name.partition(" ")
    found = getattr(torch, attribute, None) if module == "torch" else None
    if not isinstance(found, torch.dtype):
        raise ForeignTypeError(f"{module}.{attribute}")
    return found


def _made(maker: Any, arguments: Any) -> Any:
    if not any(maker is known for known in MAKERS.values()) or not isinstance(arguments, tuple):
        raise ValueError("expected a type before its arguments")
    return maker(*arguments)


def _add(container: Any, items: list[Any], *, pairs: bool) -> None:
    if type(container) is dict and pairs:
        container.update(zip(map(_key, items[::2]), items[1::2], strict=True))
    elif type(container) is list and not pairs:
        container.extend(items)
    else:
        raise ValueError(f"expected a container, got a {type(container).__name__}")


def _key(value: Any) -> Any:
    if not isinstance(value, str | int | float | None):
        raise ValueError(f"expected a string or a number as key, got a {type(value).__name__}")
    return value


def _literal(value: Any) -> Any:
    if isinstance(value, str):
        value.encode()  # which half of a character cannot be
    elif isinstance(value, int) and abs(value) >= 2**64:
        raise ValueError("a number is too large")
    return value


def _check_size(content: Any, most: int) -> None:
    """Refuse containers within themselves, and what a few instructions make endless."""
    waiting, found = [(content, 0)], 0
    while waiting:
        value, depth = waiting.pop()
        children: Sequence[Any] = ()
        if isinstance(value, dict):
            children = [*value.values()]
        elif isinstance(value, list | tuple):
            children = value
        elif not isinstance(value, _PLAIN):
            raise ValueError(f"expected a value, got a {type(value).__name__}")
        found += 1 + len(children)
        if found > most or depth > DEPTH:
            raise ValueError("its containers are too many, or too deep")
        waiting += [(child, depth + 1) for child in children]


_PLAIN = (
    *(str, bytes, int, float, complex, set, type(None)),
    *(Tensor, torch.dtype, torch.device),
)


def is_plain(value: Any) -> bool:
    """Whether a value, with all that it holds, is one that `read` takes."""
    if isinstance(value, dict):
        kinds = {*map(type, value)} <= {str, int, float, bool, type(None)}
        known = type(value) in (dict, OrderedDict, Counter)
        return known and kinds and all(map(is_plain, value.values()))
    if type(value) in (list, tuple, set):
        return all(map(is_plain, value))
    return type(value) in (*_PLAIN, bool, torch.Size) or isinstance(value, Tensor)
