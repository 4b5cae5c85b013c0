"""Whatever is sent, only our own small pictures are kept, or nothing is."""

import struct
import warnings
import zlib
from io import BytesIO
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from shop.errors import Refusal
from shop.stores import photos


def encoded(form: str = "JPEG", size: tuple[int, int] = (800, 600), **options: object) -> bytes:
    out = BytesIO()
    Image.new("RGB", size, "#A6401C").save(out, form, **options)
    return out.getvalue()


def png_claiming(width: int, height: int) -> bytes:
    """A tiny file that says it holds an enormous picture."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        )

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def opened(file: Path) -> Image.Image:
    with Image.open(file) as image:
        image.load()
        return image


def kept_files(app: Flask) -> list[Path]:
    return [p for p in (app.config["SETTINGS"].data_dir / "photos").rglob("*") if p.is_file()]


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP"])
def test_a_photo_is_kept_in_three_sizes_and_two_formats(app: Flask, form: str) -> None:
    photo = photos.keep(BytesIO(encoded(form)))

    widths = {opened(file).width for file in kept_files(app)}

    assert (photo.width, photo.height) == (600, 450)
    assert widths == set(photos.SIZES)
    assert len(kept_files(app)) == len(photos.SIZES) * len(photos.FORMATS)


REFUSED = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
    "html": b"<!doctype html><script>alert(1)</script>",
    "empty": b"",
    "text": b"not a picture",
    "gif": encoded("GIF"),
    "tiff": encoded("TIFF"),
    "bmp": encoded("BMP"),
    "ico": encoded("ICO"),
    "cut short": encoded("JPEG")[:400],
    "jpeg head only": b"\xff\xd8\xff\xe0" + b"\0" * 50,
    "zip": b"PK\x03\x04" + b"\0" * 200,
    "pdf": b"%PDF-1.7\n" + b"\0" * 200,
    "postscript": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "bomb": png_claiming(60_000, 60_000),
    "25 million points and more": png_claiming(5_001, 5_000),
    "no data for its size": png_claiming(4_000, 4_000),
    "more than 5 MB": encoded("JPEG") + b"\0" * photos.MOST_BYTES,
    "a dot": encoded("PNG", (1, 1)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_a_photo_is_refused_and_leaves_nothing(app: Flask, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(Refusal) as refused:
            photos.keep(BytesIO(REFUSED[name]))

    assert refused.value.code in {"photo_too_heavy", "photo_too_small", "not_a_photo"}
    assert kept_files(app) == []


def test_place_and_camera_are_not_kept(app: Flask) -> None:
    exif = Image.Exif()
    exif[0x010F] = "SECRETMAKER"
    exif.get_ifd(0x8825)[1] = "N"
    sent = encoded("JPEG", exif=exif, comment=b"SECRETCOMMENT")
    assert b"SECRETMAKER" in sent

    photos.keep(BytesIO(sent))

    for file in kept_files(app):
        assert b"SECRET" not in file.read_bytes()
        assert not opened(file).getexif()


def test_what_hides_behind_a_photo_is_dropped(app: Flask) -> None:
    photos.keep(BytesIO(encoded("PNG") + b"<script>alert('polyglot')</script>"))

    assert all(b"script" not in file.read_bytes() for file in kept_files(app))


def test_a_photo_taken_sideways_stands_up(app: Flask) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6

    photo = photos.keep(BytesIO(encoded("JPEG", (800, 400), exif=exif)))

    assert (photo.width, photo.height) == (300, 600)


def test_transparency_becomes_white(app: Flask) -> None:
    out = BytesIO()
    Image.new("RGBA", (200, 200), (255, 0, 0, 0)).save(out, "PNG")

    photos.keep(BytesIO(out.getvalue()))

    for file in kept_files(app):
        assert min(opened(file).convert("RGB").getpixel((75, 75))) > 245  # type: ignore[arg-type,type-var]


def test_a_photo_is_served_for_ever_and_inert(client: FlaskClient) -> None:
    photo = photos.keep(BytesIO(encoded()))

    answer = client.get(f"/photo/{photo.key}/320.webp", buffered=True)

    assert answer.status_code == 200
    assert answer.mimetype == "image/webp"
    assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    "tail", ["{key}/321.webp", "{key}/320.svg", "{key}x/320.webp", "../cauri.db/150.jpg",
             "..%2f..%2fcauri.db/150.jpg", "{key}/0320.png", "0/150.webp", "{key}/-150.webp"],
)  # fmt: skip
def test_nothing_else_is_served(client: FlaskClient, tail: str) -> None:
    photo = photos.keep(BytesIO(encoded()))

    assert client.get("/photo/" + tail.format(key=photo.key)).status_code == 404
