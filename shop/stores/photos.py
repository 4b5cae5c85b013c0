"""Photos: whatever was sent, what we keep is our own WebP and JPEG in the sizes pages need.

Re-encoding is the whole defence (RELIABILITY F1): metadata, trailing bytes and anything that is not
pixels do not survive it. Files are written before the row that names them; a file without a row is lost
disk space and nothing else.
"""

from __future__ import annotations

import re
import secrets
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from flask import current_app

from shop.errors import Refusal

if TYPE_CHECKING:
    from PIL.Image import Image

SIZES: Final = (150, 320, 600)
FORMATS: Final = {"webp": "image/webp", "jpg": "image/jpeg"}
MOST_BYTES: Final = 5 * 2**20
MOST_PIXELS: Final = 25_000_000
SMALLEST_SIDE: Final = 100

_ACCEPTED: Final = ("JPEG", "PNG", "WEBP")
_KEY: Final = re.compile(r"[0-9a-f]{32}")


class PhotoTooHeavy(Refusal):
    """More than 5 MB, or more than 25 million points."""

    code = "photo_too_heavy"


class PhotoTooSmall(Refusal):
    """Fewer than 100 points on a side: nobody would see the article."""

    code = "photo_too_small"


class NotAPhoto(Refusal):
    """Not a JPEG, PNG or WebP picture, or a damaged one."""

    code = "not_a_photo"


@dataclass(frozen=True, slots=True)
class Photo:
    """A kept photo: its file name's key and the size of its largest version."""

    key: str
    width: int
    height: int


def keep(upload: IO[bytes]) -> Photo:
    """Read an uploaded picture, write its versions, and give its key.

    Raises `PhotoTooHeavy`, `PhotoTooSmall` or `NotAPhoto`; nothing is kept then.
    """
    data = upload.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise PhotoTooHeavy(f"more than {MOST_BYTES} bytes")
    return keep_image(_decoded(data))


def keep_image(image: Image) -> Photo:
    """Write the versions of a decoded picture under a new random key."""
    key = secrets.token_hex(16)
    folder = _folder(key)
    folder.mkdir(parents=True, exist_ok=True)
    small = image
    for size in sorted(SIZES, reverse=True):
        small = small.copy()
        small.thumbnail((size, size))
        if size == max(SIZES):
            width, height = small.size
        small.save(folder / f"{key}-{size}.webp", quality=62, method=2)
        small.save(folder / f"{key}-{size}.jpg", quality=72, optimize=True, progressive=True)
    return Photo(key, width, height)


def path(key: str, size: int, extension: str) -> Path | None:
    """Find the file of one version; None for anything we did not write."""
    if not _KEY.fullmatch(key) or size not in SIZES or extension not in FORMATS:
        return None
    file = _folder(key) / f"{key}-{size}.{extension}"
    return file if file.is_file() else None


def _folder(key: str) -> Path:
    data_dir: Path = current_app.config["SETTINGS"].data_dir
    return data_dir / "photos" / key[:2]


def _decoded(data: bytes) -> Image:
    """Decode to plain RGB, the right way up. Sizes are checked before any point is decoded."""
    import warnings
    from io import BytesIO

    from PIL import Image, ImageOps

    damaged = (
        OSError, SyntaxError, ValueError, EOFError, IndexError, KeyError, TypeError, OverflowError,
        AttributeError, struct.error, zlib.error,
    )  # fmt: skip
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit, below, is stricter
            image = Image.open(BytesIO(data), formats=_ACCEPTED)
            _check_size(*image.size)
            image.draft("RGB", (max(SIZES) * 2, max(SIZES) * 2))
            return _on_white(ImageOps.exif_transpose(image))
    except Image.DecompressionBombError as error:
        raise PhotoTooHeavy("far too many points") from error
    except damaged as error:
        raise NotAPhoto(type(error).__name__) from error


def _check_size(width: int, height: int) -> None:
    if width * height > MOST_PIXELS:
        raise PhotoTooHeavy(f"{width}x{height}")
    if min(width, height) < SMALLEST_SIDE:
        raise PhotoTooSmall(f"{width}x{height}")


def _on_white(image: Image) -> Image:
    """Flatten transparency on white, as JPEG has none; drop everything that is not pixels."""
    from PIL.Image import new

    if image.has_transparency_data:
        full = image.convert("RGBA")
        flat = new("RGB", full.size, "white")
        flat.paste(full, mask=full.getchannel("A"))
        return flat
    flat = image.convert("RGB")
    flat.info.clear()
    return flat
