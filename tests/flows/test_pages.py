"""Every page of the buyer's way: sums that add up, few bytes, errors that lead to their fields."""

import brotli
import pytest

from tests.live import Live, Sim, new_sim
from tests.shopping import buy, fill_cart, order, pay, wait_for
from tests.stores.weight import (
    CSS_LIMIT,
    FIRST_VISIT_LIMIT,
    HTML_LIMIT,
    REQUESTS_WITHOUT_PICTURES,
    compressed,
    linked_files,
)
from tests.visitor import Element, Page, Visitor

JS_LIMIT = 4 * 1024


def amounts(element: Element) -> list[int]:
    return [int(e["data-montant"]) for e in element.walk() if "data-montant" in e.attributes]


def assert_amounts_are_marked(page: Page) -> None:
    """Every amount in words stands in an element that says it in figures."""
    marked = [e for e in page.root.walk() if "data-montant" in e.attributes]
    for e in marked:
        figures = "".join(c for c in e.text if c.isdigit())
        assert figures == e["data-montant"].lstrip("-"), e.text


def walk(live: Live, visitor: Visitor, sim: Sim) -> dict[str, Page]:
    """Go all the way, and keep every page seen."""
    pages = {"home": visitor.open("/"), "product": visitor.open(f"/p/{live.products['Bonbon']}/")}
    pages["cart"] = fill_cart(live, visitor)
    pages["checkout"] = visitor.open("/checkout/")
    visitor.submit(visitor.open(f"/p/{live.products['Pagne tissé']}/").form("/cart/add/"))
    placed = order(live, visitor, sim, ["Boubou brodé"])
    pages["choose"] = visitor.page
    attempt = pay(live, visitor, sim, "mtn")
    pages["status"] = visitor.page
    live.world.accept(live.prompt(attempt, "mtn").id)
    pages["paid"] = wait_for(live, visitor, attempt, "succeeded")
    for name in (f"receipt/{attempt}", f"order/{placed}", "payments", "orders", "help", "fees"):
        pages[name.split("/")[0]] = visitor.open(f"/{name}/")
    return pages


@pytest.mark.parametrize("language", ["fr", "en"])
def test_every_page_is_light_and_says_its_amounts_twice(live: Live, language: str) -> None:
    visitor = live.visitor(language)

    for name, page in walk(live, visitor, new_sim("mtn")).items():
        assert page.status == 200, name
        assert_amounts_are_marked(page)
        html = compressed(page.answer.content)
        files = {
            link: visitor.http.get(live.origin + link) for link in linked_files(page.answer.text)
        }
        weights = {link: compressed(answer.content) for link, answer in files.items()}
        assert html <= HTML_LIMIT, (name, html)
        assert all(w <= (JS_LIMIT if ".js" in link else CSS_LIMIT) for link, w in weights.items())
        assert html + sum(weights.values()) <= FIRST_VISIT_LIMIT
        assert 1 + len(files) <= REQUESTS_WITHOUT_PICTURES
        assert page.root.one("html")["lang"] == language
        assert len(page.root.all("h1")) == 1, name
        assert not page.root.all("meta", http_equiv="refresh")


def test_pages_and_styles_travel_compressed(live: Live) -> None:
    visitor = live.visitor()
    for path in ("/", linked_files(visitor.open("/").answer.text)[0]):
        answer = visitor.http.get(
            live.origin + path, headers={"Accept-Encoding": "br"}, stream=True
        )
        raw = answer.raw.read(decode_content=False)

        assert answer.headers["Content-Encoding"] == "br"
        assert len(raw) <= HTML_LIMIT
        assert len(brotli.decompress(raw)) > len(raw)


def test_the_parts_of_an_order_add_up_to_its_total(live: Live) -> None:
    visitor = live.visitor()
    placed, attempt = buy(live, visitor, new_sim("wave"), "wave")

    page = visitor.open(f"/order/{placed}/")
    parts = page.root.all(data_test="seller-order")
    for part in parts:
        *lines, subtotal = amounts(part)
        assert sum(lines) == subtotal
    assert sum(amounts(part)[-1] for part in parts) == page.money("total")
    receipt = visitor.open(f"/receipt/{attempt}/")
    shown, *lines, total = amounts(receipt.root.one(data_test="receipt"))
    assert shown == total == sum(lines)
    assert live.moved(attempt)[0].amount.amount == total


def test_the_text_receipt_says_the_same_and_hides_the_number(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    _placed, attempt = buy(live, visitor, sim, "mtn")

    page = visitor.open(f"/receipt/{attempt}/?format=txt")

    text = page.answer.text.replace("\u00a0", " ")
    assert page.answer.headers["Content-Type"].startswith("text/plain")
    assert "Total débité: 46 500 FCFA" in text
    prices = [line.rsplit(": ", 1)[1] for line in text.splitlines() if line.startswith("  ")]
    assert sum(int("".join(c for c in p if c.isdigit())) for p in prices) == 46_500
    assert sim.local not in text
    assert sim.e164 not in text


def test_the_list_of_payments_is_filtered_by_its_address(live: Live) -> None:
    sim, visitor = new_sim("mtn"), live.visitor()
    order(live, visitor, sim)
    refused = pay(live, visitor, sim, "mtn")
    live.world.refuse(live.prompt(refused, "mtn").id)
    wait_for(live, visitor, refused, "failed")
    _placed, paid = buy(live, visitor, sim, "wave")

    def listed(state: str = "", operator: str = "") -> list[str]:
        page = visitor.open("/payments/")
        form = next(f for f in page.root.all("form") if f.all("select", name="etat"))
        page = visitor.submit(form, etat=state, operateur=operator)
        rows = page.root.all(data_test="payment-row")
        return [row.all("a")[0]["href"].split("/")[2] for row in rows]

    assert listed() == [paid, refused]
    assert listed("payes") == [paid]
    assert listed("non-aboutis") == [refused]
    assert listed("attente") == []
    assert listed(operator="mtn") == [refused]
    assert listed("payes", "mtn") == []


def test_an_error_leads_to_its_field_and_keeps_what_was_typed(live: Live) -> None:
    visitor, sim = live.visitor(), new_sim("mtn")
    order(live, visitor, sim)

    page = visitor.submit(visitor.page.form(test="pay-form"), phone="12 34", method="mtn-ci")

    assert page.status == 422
    assert page.title.startswith("Erreur :")
    (link,) = page.root.one(id="erreurs").all("a")
    field = page.root.one("input", id=link["href"].removeprefix("#"))
    assert field["value"] == "12 34"
    assert field["aria-invalid"] == "true"
    assert page.root.one("input", id="method-mtn-ci").attributes.get("checked") is not None


def test_an_old_beninese_number_is_proposed_with_its_new_head(live: Live) -> None:
    visitor, sim = live.visitor(), new_sim("moov")
    order(live, visitor, sim)

    assert visitor.page.root.one("input", name="country")["value"] == "BJ"

    page = visitor.submit(visitor.page.form(test="pay-form"), phone="64000001", method="moov-bj")

    assert page.status == 422
    assert page.root.one("input", name="phone")["value"].split() == ["01", "64", "00", "00", "01"]
    page = visitor.submit(page.form(test="pay-form"), method="moov-bj")
    assert page.path.startswith("/payment/")


def test_a_number_of_another_operator_is_said_and_not_refused(live: Live) -> None:
    visitor, orange = live.visitor(), new_sim("orange")
    order(live, visitor, orange)
    assert "checked" in visitor.page.root.one("input", id="method-orange-ci").attributes

    pay(live, visitor, orange, "mtn")

    assert "Ce numéro ressemble à un numéro Orange" in visitor.page.text


@pytest.mark.parametrize("name", ["Voiture", "Bonbon"])
def test_an_amount_out_of_limits_cannot_be_picked(live: Live, name: str) -> None:
    visitor, sim = live.visitor(), new_sim("mtn")
    placed = order(live, visitor, sim, [name])
    choice = visitor.page.root.one("input", id="method-mtn-ci")
    total = visitor.page.form(test="pay-form")
    obstructed = "disabled" in choice.attributes
    limits = (100, 2_000_000)
    owed = amounts(total)[-1]

    data = visitor.filled(total) | {"method": "mtn-ci"}
    answer = visitor.http.post(f"{live.origin}/order/{placed}/payment/", data=data)

    assert obstructed is not (limits[0] <= owed <= limits[1])
    if obstructed:
        assert answer.status_code == 422
        assert "N’accepte pas ce montant" in answer.text
        assert live.payments_of(placed) == 0


def test_a_form_without_its_token_is_refused(live: Live) -> None:
    visitor, sim = live.visitor(), new_sim("mtn")
    placed = order(live, visitor, sim)
    data = visitor.filled(visitor.page.form(test="pay-form"), method="mtn-ci")
    del data["csrf_token"]

    answer = visitor.http.post(f"{live.origin}/order/{placed}/payment/", data=data)

    assert answer.status_code == 400
    assert live.payments_of(placed) == 0


def test_the_page_refreshes_itself_only_when_asked(live: Live) -> None:
    visitor, sim = live.visitor(), new_sim("mtn")
    order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "mtn")

    assert "Refresh" not in visitor.page.answer.headers
    page = visitor.open(f"/payment/{attempt}/status/?auto=1")
    assert page.answer.headers["Refresh"] == "15"


def test_the_waiting_page_has_four_ages(live: Live) -> None:
    visitor, sim = live.visitor(), new_sim("mtn")
    order(live, visitor, sim)
    attempt = pay(live, visitor, sim, "mtn")
    live.prompt(attempt, "mtn")
    phases = []
    for wait_s in (10, 90, 260, 840):
        live.time.skip(seconds=wait_s)
        page = visitor.open(f"/payment/{attempt}/status/")
        status = page.root.one(data_test="pay-status")
        phases.append(status["data-phase"])
        if status["data-state"] == "failed":
            break

    assert phases[:2] == ["approve", "still"]
    assert phases[2] in ("verifying", "failed")
