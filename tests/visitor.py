"""A person with an old telephone: reads pages, fills in their forms, and runs no script.

Nothing is posted that a page did not offer: a field or a button that is not on the page is an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests

VOID = {"meta", "link", "input", "img", "br", "hr", "path", "use"}


@dataclass
class Element:
    """One element of a page, with what is inside."""

    tag: str
    attributes: dict[str, str]
    children: list[Element | str] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        return self.attributes[name]

    def get(self, name: str, default: str = "") -> str:
        return self.attributes.get(name, default)

    @property
    def text(self) -> str:
        """All its words, with single spaces."""
        parts = [c if isinstance(c, str) else c.text for c in self.children]
        return " ".join(" ".join(parts).split())

    def walk(self) -> Iterator[Element]:
        """Give it and everything below it, in the order of the page."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def all(self, tag: str | None = None, **attributes: str) -> list[Element]:
        """Find elements by tag and attributes; `data_test` stands for `data-test`."""
        wanted = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return [
            e
            for e in self.walk()
            if (tag is None or e.tag == tag)
            and all(e.attributes.get(name) == value for name, value in wanted.items())
        ]

    def one(self, tag: str | None = None, **attributes: str) -> Element:
        """Find the only such element."""
        found = self.all(tag, **attributes)
        assert len(found) == 1, f"{len(found)} elements {tag} {attributes}"
        return found[0]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("document", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(element)
        if tag not in VOID:
            self.open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        if any(e.tag == tag for e in self.open[1:]):
            while self.open.pop().tag != tag:
                pass

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(html: str) -> Element:
    """Read a page into elements."""
    reader = _Reader()
    reader.feed(html)
    return reader.root


class Page:
    """What a person has in front of them."""

    def __init__(self, answer: requests.Response) -> None:
        self.answer = answer
        self.url = answer.url
        self.path = urlsplit(answer.url).path
        self.status = answer.status_code
        is_html = "html" in answer.headers.get("Content-Type", "")
        self.root = read(answer.text) if is_html else Element("document", {}, [answer.text])

    @property
    def text(self) -> str:
        """The words of the page's main part."""
        main = self.root.all("main")
        return (main[0] if main else self.root).text

    @property
    def title(self) -> str:
        return self.root.one("title").text

    def form(self, action: str = "", test: str = "") -> Element:
        """Find the form whose address contains this, or that carries this test mark."""
        found = [
            form
            for form in self.root.all("form")
            if action in form.get("action", self.path) and test in form.get("data-test")
        ]
        assert found, f"no form {action!r} {test!r} on {self.url}: {self.text[:300]}"
        return found[0]

    def link(self, **attributes: str) -> str:
        """Give the address of the only such link."""
        return urljoin(self.url, self.root.one("a", **attributes)["href"])

    def money(self, test: str) -> int:
        """Read the amount inside the only element with this mark."""
        marked = self.root.one(data_test=test)
        return int(next(e["data-montant"] for e in marked.walk() if "data-montant" in e.attributes))


def fields(form: Element) -> dict[str, str]:
    """Give what the form would send if nothing were touched."""
    values: dict[str, str] = {}
    for e in form.walk():
        name = e.get("name")
        if not name or "disabled" in e.attributes:
            continue
        if e.tag == "input" and e.get("type") in ("radio", "checkbox"):
            if "checked" in e.attributes:
                values[name] = e.get("value", "on")
        elif e.tag == "input":
            values[name] = e.get("value")
        elif e.tag == "textarea":
            values[name] = "".join(c for c in e.children if isinstance(c, str)).strip()
        elif e.tag == "select":
            options = e.all("option")
            chosen = [o for o in options if "selected" in o.attributes] or options[:1]
            values[name] = chosen[0].get("value") if chosen else ""
    return values


def _check_offered(form: Element, name: str, value: str) -> None:
    named = form.all(name=name)
    assert named, f"the form has no {name!r}"
    kinds = {e.get("type") for e in named}
    if kinds & {"radio"}:
        assert value in {e["value"] for e in named if "disabled" not in e.attributes}, value
    if named[0].tag == "select":
        assert value in {o.get("value") for o in named[0].all("option")}, value


class Visitor:
    """One browser with its cookies. Redirects are followed one by one, and kept to look at."""

    def __init__(self, origin: str, language: str = "fr") -> None:
        self.origin = origin
        self.http = requests.Session()
        self.http.trust_env = False
        self.http.headers["Accept"] = "text/html"
        self.http.cookies.set("lang", language)
        self.redirects: list[tuple[int, str]] = []
        self.page: Page

    def open(self, address: str) -> Page:
        """Open an address of the shop, or of anybody."""
        return self._follow("GET", urljoin(self.origin, address))

    def submit(self, form: Element, files: Any = None, **values: str) -> Page:
        """Send a form of the present page with these fields filled in."""
        action = urljoin(self.page.url, form.get("action") or self.page.url)
        sent = self.filled(form, **values)
        if form.get("method", "get").lower() == "get":
            return self._follow("GET", action, params=sent)
        return self._follow("POST", action, data=sent, files=files)

    def filled(self, form: Element, **values: str) -> dict[str, str]:
        """Give what a form sends, checked against what it offers."""
        for name, value in values.items():
            _check_offered(form, name, value)
        return {**fields(form), **values}

    def copy(self) -> Visitor:
        """Give a second tab of the same browser."""
        other = Visitor(self.origin)
        other.http.headers.update(self.http.headers)
        other.http.cookies.update(self.http.cookies)
        other.page = self.page
        return other

    def _follow(self, method: str, url: str, **more: Any) -> Page:
        self.redirects = []
        answer = self.http.request(method, url, allow_redirects=False, timeout=30, **more)
        while answer.is_redirect:
            url = urljoin(url, answer.headers["Location"])
            self.redirects.append((answer.status_code, url))
            assert len(self.redirects) < 8, self.redirects
            answer = self.http.get(url, allow_redirects=False, timeout=30)
        self.page = Page(answer)
        return self.page
