"""Every page fits small screens, is easy to touch and to read by day and by night, and prints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.live import Live, new_sim
from tests.shopping import buy, fill_cart, order, sign_in
from tests.visitor import Visitor

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext

SMALLEST_TARGET = 44
READABLE = 4.5

#: Buttons, fields and links that are not words within a sentence, smaller than a fingertip.
SMALL_TARGETS = """min => [...document.querySelectorAll('a,button,input,select,textarea,summary')]
  .filter(e => {
    const s = getComputedStyle(e), b = e.getBoundingClientRect();
    if (e.type === 'hidden' || s.visibility === 'hidden' || !b.width || b.right < 0) return false;
    if (e.tabIndex < 0 || e.closest('.passer,.cache') || s.opacity === '0') return false;
    if (s.display === 'inline' && e.tagName === 'A') return false;
    const t = (e.type === 'radio' || e.type === 'checkbox') ? e.closest('label').getBoundingClientRect() : b;
    return t.height < min || t.width < min;
  }).map(e => e.outerHTML.slice(0, 90))"""

#: Words whose colour is too near to the colour behind them.
FAINT_WORDS = """least => {
  const rgb = c => (c.match(/[\\d.]+/g) || []).map(Number);
  const linear = v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
  const light = c => { const [r, g, b] = c.map(v => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b; };
  const behind = e => { for (; e; e = e.parentElement) { const c = rgb(getComputedStyle(e).backgroundColor);
    if (c.length === 3 || c[3] === 1) return c.slice(0, 3); } return [255, 255, 255]; };
  const faint = [], walk = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const e = walk.currentNode.parentElement;
    if (!walk.currentNode.data.trim() || !e.getClientRects().length || e.closest('script,option')) continue;
    const a = light(rgb(getComputedStyle(e).color)), b = light(behind(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
    if (ratio < least) faint.push(ratio.toFixed(2) + ' ' + walk.currentNode.data.trim().slice(0, 40));
  }
  return faint;
}"""


def lend_cookies(visitor: Visitor, context: BrowserContext, origin: str) -> None:
    context.add_cookies(
        [{"name": c.name, "value": c.value or "", "url": origin} for c in visitor.http.cookies]
    )


def look(
    live: Live, chromium: Browser, visitor: Visitor, paths: list[str], **how: Any
) -> list[str]:
    """Open pages at 320 and 360 pixels; give everything that is wrong with them."""
    wrong: list[str] = []
    context = chromium.new_context(viewport={"width": 360, "height": 640}, **how)
    lend_cookies(visitor, context, live.origin)
    page = context.new_page()
    page.on("console", lambda m: wrong.append(m.text) if m.type == "error" else None)
    for path in paths:
        page.goto(live.origin + path)
        for width in (320, 360):
            page.set_viewport_size({"width": width, "height": 640})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if wide > width:
                wrong.append(f"{path} is {wide} wide at {width}")
        wrong += [f"{path}: small {e}" for e in page.evaluate(SMALL_TARGETS, SMALLEST_TARGET)]
        wrong += [f"{path}: faint {e}" for e in page.evaluate(FAINT_WORDS, READABLE)]
    context.close()
    return wrong


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_pages_fit_are_touchable_and_readable(
    live: Live, chromium: Browser, language: str, scheme: str
) -> None:
    sim, visitor = new_sim("wave"), live.visitor(language)
    unpaid = order(live, visitor, sim)
    placed, attempt = buy(live, visitor, sim, "wave")
    fill_cart(live, visitor)
    paths = [
        "/", f"/p/{live.products['Pagne tissé']}/", "/cart/", "/checkout/", "/login/", "/help/",
        "/fees/", "/payments/", "/orders/", f"/order/{unpaid}/", f"/order/{unpaid}/payment/",
        f"/order/{placed}/", f"/payment/{attempt}/status/", f"/receipt/{attempt}/",
    ]  # fmt: skip

    wrong = look(live, chromium, visitor, paths, color_scheme=scheme)

    assert "\n".join(wrong) == ""


def test_the_sellers_pages_fit_too(live: Live, chromium: Browser) -> None:
    seller, buyer = live.visitor(), live.visitor()
    placed, _attempt = buy(live, buyer, new_sim("wave"), "wave")
    sign_in(live, seller, live.seller, "/store/")
    code = live.products["Pagne tissé"]
    sale = (
        seller.open("/store/orders/").root.all(data_test="order-row")[0].one("h2").one("a")["href"]
    )

    wrong = look(
        live, chromium, seller,
        ["/store/", "/store/products/new/", f"/store/products/{code}/", "/store/delivery/",
         "/store/orders/", "/store/orders/?tab=done", sale, f"{sale}slip/", "/account/"],
    )  # fmt: skip
    seller.open(sale)
    seller.submit(seller.page.form(test="step-accept"))
    question = buyer.open(f"/order/{placed}/").root.all("a", class_="lien")
    asked = [a["href"] for a in question if a["href"].endswith("/received/")]
    wrong += look(live, chromium, seller, [sale])
    wrong += look(live, chromium, buyer, [f"/order/{placed}/", *asked])

    assert len(asked) == 1
    assert wrong == []


def test_the_head_stays_on_two_lines_with_a_full_cart(live: Live, chromium: Browser) -> None:
    visitor = live.visitor()
    fill_cart(live, visitor)
    context = chromium.new_context(viewport={"width": 360, "height": 640})
    lend_cookies(visitor, context, live.origin)
    page = context.new_page()
    page.goto(live.origin + "/cart/")

    height = page.evaluate("document.querySelector('.tete').getBoundingClientRect().height")

    assert height < 120
    context.close()


def test_a_printed_receipt_is_a_receipt_only(live: Live, chromium: Browser) -> None:
    visitor = live.visitor()
    _placed, attempt = buy(live, visitor, new_sim("mtn"), "mtn")
    context = chromium.new_context(viewport={"width": 800, "height": 900})
    lend_cookies(visitor, context, live.origin)
    page = context.new_page()
    page.goto(f"{live.origin}/receipt/{attempt}/")
    page.emulate_media(media="print")

    assert page.locator("[data-test=receipt]").is_visible()
    assert not page.locator("header").is_visible()
    assert not page.locator("footer").is_visible()
    assert not any(button.is_visible() for button in page.locator(".btn").all())
    narrow = page.locator("[data-test=receipt]").bounding_box()
    assert narrow is not None
    assert narrow["width"] <= 303  # 80 mm
    context.close()
