"""What the stages hand to each other, kept as one object a bill and stage: ``stages/<bill>/<stage>.zip``.

An object is an uncompressed zip of ``value.json`` and one PNG a picture. Nothing in it is code, so somebody who can
write the bucket can change a reading but not run a program here.
"""

import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import cv2
import dagster as dg
import numpy as np

from billocr_assets.ocr.document import Document, PageQuality
from billocr_assets.ocr.stages import LineSegment, PreparedPage, ReadSegment, TextLine
from billocr_assets.resources import StoreResource
from billocr_assets.store.objects import Objects


@dataclass(frozen=True, slots=True)
class Failed:
    """Stands where a stage's value would stand for a bill that could not be read.

    It is stored like a value, so that a later stage finds the reason and not what an earlier reading left there.

    Attributes:
        stage: the asset that failed.
        why: a sentence for a person.
    """

    stage: str
    why: str


_TYPES: dict[str, Any] = {
    cls.__name__: cls for cls in (Failed, LineSegment, PageQuality, PreparedPage, ReadSegment, TextLine)
}


def pack(value: Any) -> bytes:
    """A stage's value as bytes.

    Args:
        value: dicts with string keys, sequences, strings, numbers, None, numpy arrays and the dataclasses of the
            stages, in any nesting. ``uint8`` arrays of 2 or 3 axes are stored as PNG, other arrays as numbers.

    Raises:
        TypeError: something else is in it.
    """
    pictures: list[bytes] = []

    def plain(part: Any) -> Any:
        match part:
            case None | bool() | int() | float() | str():
                return part
            case np.ndarray():
                if part.dtype == np.uint8 and part.ndim >= 2 and part.size:
                    # Level 1: the picture is read again within seconds; time counts for more than bytes.
                    done, png = cv2.imencode(".png", part, [cv2.IMWRITE_PNG_COMPRESSION, 1])
                    if not done:
                        raise TypeError(f"not a picture: uint8 {part.shape}")
                    pictures.append(png.tobytes())
                    return {"$picture": len(pictures) - 1}
                return {"$array": part.tolist(), "dtype": str(part.dtype), "shape": part.shape}
            case np.generic():
                return part.item()
            case Document():
                return {"$document": part.to_dict()}
            case Mapping():
                return {str(key): plain(item) for key, item in part.items()}
            case Sequence():
                return [plain(item) for item in part]
        name = type(part).__name__
        if _TYPES.get(name) is not type(part):
            raise TypeError(f"a stage's value cannot hold {name}")
        return {"$type": name} | {field.name: plain(getattr(part, field.name)) for field in fields(part)}

    structure = json.dumps(plain(value), ensure_ascii=False, allow_nan=False)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("value.json", structure)
        for number, png in enumerate(pictures):
            archive.writestr(f"{number}.png", png)
    return buffer.getvalue()


def unpack(data: bytes) -> Any:
    """The inverse of :func:`pack`, with every sequence a tuple.

    Raises:
        ValueError: the bytes are not such an object, or not a whole one.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            structure = json.loads(archive.read("value.json"))
            return _live(structure, archive)
    except (zipfile.BadZipFile, KeyError, TypeError, EOFError, ValueError) as error:
        raise ValueError(f"damaged stage object: {error}") from error


def _live(part: Any, archive: zipfile.ZipFile) -> Any:
    if isinstance(part, list):
        return tuple(_live(item, archive) for item in part)
    if not isinstance(part, dict):
        return part
    if "$picture" in part:
        png = np.frombuffer(archive.read(f"{part['$picture']}.png"), np.uint8)
        picture = cv2.imdecode(png, cv2.IMREAD_UNCHANGED)
        if picture is None:
            raise ValueError("damaged stage object: picture")
        return picture
    if "$array" in part:
        return np.array(part["$array"], dtype=part["dtype"]).reshape(part["shape"])
    if "$document" in part:
        return Document.from_dict(part["$document"])
    if "$type" in part:
        return _TYPES[part["$type"]](**{key: _live(item, archive) for key, item in part.items() if key != "$type"})
    return {key: _live(item, archive) for key, item in part.items()}


class BillValues(MutableMapping[str, Any]):
    """``{bill: value}`` that holds values packed: twenty-five bills of twenty pages do not fit in memory as pixels.

    Args:
        load: gives the packed value of a bill that was not set here.
        bills: the bills that ``load`` knows.
    """

    def __init__(self, load: Callable[[str], bytes] | None = None, bills: Sequence[str] = ()) -> None:
        self._load = load
        self._packed: dict[str, bytes | None] = dict.fromkeys(bills)

    def __setitem__(self, bill: str, value: Any) -> None:
        self._packed[bill] = pack(value)

    def __getitem__(self, bill: str) -> Any:
        return unpack(self.packed(bill))

    def packed(self, bill: str) -> bytes:
        data = self._packed[bill]
        if data is None:
            assert self._load is not None
            data = self._load(bill)
        return data

    def __delitem__(self, bill: str) -> None:
        del self._packed[bill]

    def __iter__(self) -> Iterator[str]:
        return iter(self._packed)

    def __len__(self) -> int:
        return len(self._packed)


def stage_key(bill: str, stage: str) -> str:
    """The object's key; :class:`Objects` refuses a bill such as ``../x``."""
    if "/" in bill:
        raise ValueError(f"not a bill: {bill!r}")
    return f"stages/{bill}/{stage}.zip"


class BillIOManager(dg.ConfigurableIOManager):
    """Stores and loads ``{bill: value}`` of a run over one bill or many."""

    store: dg.ResourceDependency[StoreResource]

    def handle_output(self, context: dg.OutputContext, obj: BillValues) -> None:
        """Store the values of the bills that the run has read; a bill that it passed over keeps what it has."""
        objects, stage = self._objects(), context.asset_key.path[-1]
        for bill in obj:
            objects.write(stage_key(bill, stage), obj.packed(bill))

    def load_input(self, context: dg.InputContext) -> BillValues:
        objects, stage = self._objects(), context.asset_key.path[-1]

        def load(bill: str) -> bytes:
            return objects.read(stage_key(bill, stage))

        return BillValues(load, list(context.asset_partition_keys))

    def _objects(self) -> Objects:
        return self.store.open().objects
