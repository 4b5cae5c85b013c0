"""What a page weighs on the wire, for any room's tests (UX §12)."""

import re

import brotli
from flask.testing import FlaskClient

HTML_LIMIT = 8 * 1024
CSS_LIMIT = 5 * 1024
FIRST_VISIT_LIMIT = 14 * 1024
REQUESTS_WITHOUT_PICTURES = 3


def compressed(body: bytes) -> int:
    """Weigh bytes as a browser that asks for brotli receives them."""
    return len(brotli.compress(body, quality=5))


def linked_files(html: str) -> list[str]:
    """List the files a page needs besides pictures: its stylesheet and scripts."""
    sheets = re.findall(r'<link rel="stylesheet" href="([^"]+)"', html)
    return [*sheets, *re.findall(r'<script[^>]+src="([^"]+)"', html)]


def assert_light(client: FlaskClient, path: str) -> str:
    """Fail when a page is heavier than promised; give its HTML for further reading."""
    answer = client.get(path, headers={"Accept": "text/html"})
    html = answer.get_data(as_text=True)
    page = compressed(answer.data)
    files = {name: client.get(name, buffered=True) for name in linked_files(html)}
    assert all(file.status_code == 200 for file in files.values())
    total = page + sum(compressed(file.data) for file in files.values())

    assert page <= HTML_LIMIT, f"{path}: {page} bytes of HTML"
    assert total <= FIRST_VISIT_LIMIT, f"{path}: {total} bytes at the first visit"
    assert 1 + len(files) <= REQUESTS_WITHOUT_PICTURES
    assert html.count("<") < 2 * 800, "more than about 800 elements"
    return html
