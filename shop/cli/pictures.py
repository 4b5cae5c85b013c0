"""Pictures for the demonstration: woven cloth drawn by a number, and the article drawn on it.

No photograph is borrowed from anybody. The same number always weaves the same cloth.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw

SIDE: Final = 600
COTTON, INK, MILLET = "#FBF6EC", "#241B14", "#E3A52B"
INDIGO, NIGHT, LATERITE, PALM = "#27346F", "#1A2452", "#A6401C", "#1B6A43"

#: Ground, first thread, second thread, third: cloths that are seen on markets.
CLOTHS: Final = (
    (INDIGO, COTTON, MILLET, NIGHT), (LATERITE, MILLET, COTTON, "#7A2D12"), (PALM, MILLET, COTTON, "#0F4A2D"),
    (MILLET, INDIGO, COTTON, LATERITE), (COTTON, INDIGO, LATERITE, MILLET), (NIGHT, LATERITE, MILLET, COTTON),
    ("#D9C7A8", PALM, LATERITE, COTTON), (COTTON, PALM, MILLET, INDIGO),
)  # fmt: skip


def picture(seed: int, article: str) -> Image:
    """Weave a cloth and draw an article on it; `cloth` is the cloth alone."""
    from PIL import Image, ImageDraw, ImageFilter

    chance = random.Random(seed)  # noqa: S311 -- a pattern, not a secret
    threads = CLOTHS[seed % len(CLOTHS)]
    image = Image.new("RGB", (SIDE, SIDE), threads[0])
    draw = ImageDraw.Draw(image)
    WEAVES[(seed // len(CLOTHS) + seed) % len(WEAVES)](draw, threads, chance)
    if article in ARTICLES:
        _medallion(draw, threads)
        ARTICLES[article](draw)
    # Drawn edges are stairs; a breath of blur makes them lines, and the files smaller.
    return image.filter(ImageFilter.GaussianBlur(0.8))


Threads = tuple[str, str, str, str]


def _strips(draw: ImageDraw, threads: Threads, chance: random.Random) -> None:
    """Kente: strips side by side, each with its blocks, every second one shifted."""
    for column in range(6):
        x, shift = column * 100, 50 * (column % 2)
        for row in range(-1, 7):
            y = row * 100 + shift
            first, second = (
                (threads[1], threads[2]) if (row + column) % 2 else (threads[2], threads[3])
            )
            draw.rectangle((x + 6, y, x + 94, y + 46), fill=first)
            for bar in range(4):
                draw.rectangle((x + 6, y + 52 + bar * 12, x + 94, y + 57 + bar * 12), fill=second)
        draw.rectangle((x - 3, 0, x + 3, SIDE), fill=threads[0])


def _lozenges(draw: ImageDraw, threads: Threads, chance: random.Random) -> None:
    """Bogolan: lozenges inside lozenges."""
    step = chance.choice((100, 120, 150))
    for y in range(0, SIDE + step, step):
        for x in range(0, SIDE + step, step):
            for size, colour in (
                (0.5, threads[1]),
                (0.36, threads[0]),
                (0.24, threads[2]),
                (0.1, threads[3]),
            ):
                r = step * size
                draw.polygon(((x, y - r), (x + r, y), (x, y + r), (x - r, y)), fill=colour)


def _wax(draw: ImageDraw, threads: Threads, chance: random.Random) -> None:
    """Wax print: suns with rays of dots, row by row."""
    from math import cos, pi, sin

    rays = chance.choice((8, 10, 12))
    for row, y in enumerate(range(0, SIDE + 150, 150)):
        for x in range(75 * (row % 2), SIDE + 150, 150):
            for ray in range(rays):
                dx, dy = cos(2 * pi * ray / rays) * 58, sin(2 * pi * ray / rays) * 58
                _disc(draw, x + dx, y + dy, 8, threads[2])
            _disc(draw, x, y, 42, threads[1])
            _disc(draw, x, y, 28, threads[0])
            _disc(draw, x, y, 14, threads[3])


def _chevrons(draw: ImageDraw, threads: Threads, chance: random.Random) -> None:
    """Faso dan fani: zigzags between plain bands."""
    step = chance.choice((60, 75))
    for i, y in enumerate(range(-step, SIDE + step, step)):
        points = [
            (x, y + (step // 2 if (x // step) % 2 else 0)) for x in range(-step, SIDE + step, step)
        ]
        draw.line(points, fill=threads[1 + i % 3], width=step // 3, joint="curve")


def _basket(draw: ImageDraw, threads: Threads, chance: random.Random) -> None:
    """Basketry: over and under."""
    step = 50
    for row in range(SIDE // step):
        for column in range(SIDE // step):
            x, y = column * step, row * step
            colour = threads[1] if row % 4 < 2 else threads[2]
            if (row + column) % 2:
                draw.rounded_rectangle((x + 2, y + 10, x + step - 2, y + 40), 8, fill=colour)
            else:
                draw.rounded_rectangle((x + 10, y + 2, x + 40, y + step - 2), 8, fill=threads[3])


WEAVES: Final[tuple[Callable[[ImageDraw, Threads, random.Random], None], ...]] = (
    _strips, _lozenges, _wax, _chevrons, _basket,
)  # fmt: skip


def _disc(draw: ImageDraw, x: float, y: float, radius: float, colour: str) -> None:
    draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=colour)


def _medallion(draw: ImageDraw, threads: Threads) -> None:
    _disc(draw, 300, 300, 226, INK)
    _disc(draw, 300, 300, 222, COTTON)
    _disc(draw, 300, 300, 208, "#F3E8D2")


def _jar(draw: ImageDraw) -> None:
    draw.rounded_rectangle((210, 240, 390, 430), 28, fill="#F7E7B4", outline=INK, width=6)
    draw.rounded_rectangle((200, 190, 400, 246), 14, fill=PALM, outline=INK, width=6)
    draw.rectangle((213, 300, 387, 370), fill=COTTON)
    draw.polygon(((300, 308), (328, 336), (300, 364), (272, 336)), fill=MILLET)


def _bottle(draw: ImageDraw) -> None:
    draw.rounded_rectangle((240, 250, 360, 450), 24, fill=LATERITE, outline=INK, width=6)
    draw.rectangle((277, 176, 323, 256), fill=LATERITE, outline=INK, width=6)
    draw.rounded_rectangle((268, 148, 332, 186), 8, fill=INK)
    draw.rectangle((243, 310, 357, 390), fill=COTTON)
    _disc(draw, 300, 350, 24, MILLET)


def _soap(draw: ImageDraw) -> None:
    for y, colour in ((330, "#3A2B20"), (240, "#4A382A")):
        draw.rounded_rectangle((180, y, 420, y + 96), 26, fill=colour, outline=INK, width=6)
        draw.rounded_rectangle((230, y + 30, 370, y + 66), 16, outline="#8A7256", width=5)
    for x, y, r in ((400, 200, 20), (436, 238, 12), (360, 186, 12)):
        draw.ellipse((x - r, y - r, x + r, y + r), outline=INDIGO, width=5)


def _bowl(draw: ImageDraw) -> None:
    for x, y in (
        (230, 262),
        (270, 240),
        (310, 232),
        (350, 244),
        (378, 264),
        (290, 262),
        (336, 266),
    ):
        _disc(draw, x, y, 32, "#F2D48A")
    draw.chord((170, 150, 430, 430), 0, 180, fill=LATERITE, outline=INK, width=6)
    draw.line((196, 330, 404, 330), fill=MILLET, width=12)
    draw.rectangle((260, 424, 340, 444), fill=INK)


def _bag(draw: ImageDraw) -> None:
    draw.polygon(((210, 210), (390, 210), (410, 440), (190, 440)), fill="#8B5E34", outline=INK)
    draw.rectangle((204, 182, 396, 222), fill="#6E4726", outline=INK, width=5)
    draw.rectangle((226, 276, 374, 386), fill=COTTON)
    for x, y in ((276, 330), (324, 330)):
        draw.ellipse((x - 22, y - 32, x + 22, y + 32), fill="#4A2F1A")
        draw.line((x, y - 26, x, y + 26), fill="#B98A56", width=5)


def _sandals(draw: ImageDraw) -> None:
    for x in (224, 376):
        draw.rounded_rectangle((x - 54, 170, x + 54, 440), 54, fill="#7B4A24", outline=INK, width=6)
        draw.line((x, 226, x - 48, 308), fill=MILLET, width=18)
        draw.line((x, 226, x + 48, 308), fill=MILLET, width=18)
        _disc(draw, x, 226, 12, INK)


def _necklace(draw: ImageDraw) -> None:
    from math import cos, pi, sin

    colours = (LATERITE, MILLET, INDIGO, PALM)
    for bead in range(21):
        angle = pi * (0.08 + 0.84 * bead / 20)
        _disc(draw, 300 + cos(angle) * 130, 220 + sin(angle) * 170, 17, INK)
        _disc(draw, 300 + cos(angle) * 130, 220 + sin(angle) * 170, 13, colours[bead % 4])


def _pot(draw: ImageDraw) -> None:
    draw.polygon(
        ((220, 200), (380, 200), (420, 330), (360, 440), (240, 440), (180, 330)), fill=LATERITE
    )
    draw.line(
        ((220, 200), (180, 330), (240, 440), (360, 440), (420, 330), (380, 200)), fill=INK, width=6
    )
    draw.rounded_rectangle((206, 170, 394, 208), 12, fill="#7A2D12", outline=INK, width=6)
    for x in range(204, 400, 36):
        draw.polygon(((x, 300), (x + 18, 270), (x + 36, 300)), fill=MILLET)


def _basket_article(draw: ImageDraw) -> None:
    draw.arc((215, 150, 385, 390), 180, 360, fill="#7B4A24", width=16)
    draw.polygon(((180, 270), (420, 270), (386, 440), (214, 440)), fill="#D9A95B")
    for row, y in enumerate(range(276, 436, 32)):
        for x in range(206 + 16 * (row % 2), 386, 48):
            draw.rounded_rectangle(
                (x, y, x + 24, y + 20), 6, fill=LATERITE if row % 2 else "#7B4A24"
            )
    draw.line((176, 270, 424, 270), fill=INK, width=10)


def _drum(draw: ImageDraw) -> None:
    draw.polygon(
        ((196, 200), (404, 200), (330, 330), (370, 450), (230, 450), (270, 330)), fill="#7B4A24"
    )
    for x in range(206, 400, 24):
        draw.line((x, 210, 300 + (x - 300) * 0.34, 322), fill=COTTON, width=4)
    draw.ellipse((190, 164, 410, 236), fill="#F2DFB8", outline=INK, width=6)


def _shirt(draw: ImageDraw) -> None:
    draw.polygon(
        ((240, 180), (360, 180), (450, 240), (414, 306), (380, 286), (380, 450), (220, 450), (220, 286),
         (186, 306), (150, 240)),
        fill=INDIGO, outline=INK,
    )  # fmt: skip
    draw.pieslice((258, 140, 342, 224), 0, 180, fill="#F3E8D2")
    draw.line((300, 224, 300, 330), fill=MILLET, width=8)
    for y in (236, 270, 304):
        draw.line((276, y, 324, y), fill=MILLET, width=6)
    draw.rectangle((222, 424, 378, 440), fill=MILLET)


ARTICLES: Final[dict[str, Callable[[ImageDraw], None]]] = {
    "jar": _jar, "bottle": _bottle, "soap": _soap, "bowl": _bowl, "bag": _bag, "sandals": _sandals,
    "necklace": _necklace, "pot": _pot, "basket": _basket_article, "drum": _drum, "shirt": _shirt,
}  # fmt: skip
