"""A seller's way: open a shop, put a product on the shelf, see it sold."""

from tests.live import Live, new_sim
from tests.shopping import approve, order, pay, sign_in, wait_for
from tests.visitor import Visitor


def open_shop(live: Live, seller: Visitor) -> None:
    sign_in(live, seller, new_sim("orange"), "/store/")
    assert seller.page.path == "/store/open/"
    page = seller.submit(
        seller.page.root.one("main").one("form"),
        name="Chez Mariam",
        about="Savons et huiles, faits à Bassam.",
        town="Abidjan",
        quarter="Treichville",
        delivery="1 500",
    )
    assert page.path == "/store/products/new/"


def test_two_forms_from_nothing_to_the_first_sale(live: Live) -> None:
    seller, buyer, sim = live.visitor(), live.visitor(), new_sim("mtn")
    open_shop(live, seller)
    page = seller.submit(
        seller.page.root.one("main").one("form"), name="Savon noir", price="12 500", stock="4"
    )
    code = page.path.split("/")[2]
    assert page.path == f"/p/{code}/"
    assert page.root.one("h1").text == "Savon noir"

    live.products["Savon noir"] = code
    order(live, buyer, sim, ["Savon noir"])
    attempt = pay(live, buyer, sim, "mtn")
    assert seller.open("/store/orders/").root.all(data_test="order-row") == []
    approve(live, buyer, sim, "mtn", attempt)
    wait_for(live, buyer, attempt, "succeeded")

    page = seller.open("/store/orders/")
    page.root.one(data_test="order-row")
    assert (page.money("items"), page.money("delivery"), page.money("total")) == (
        12_500,
        1_500,
        14_000,
    )
    assert abs(page.money("commission")) == 625
    assert page.money("net") == 13_375
    assert "3" in seller.open("/store/").root.one(data_test="product-row").text


def test_a_price_with_half_a_franc_is_refused_and_kept(live: Live) -> None:
    seller = live.visitor()
    open_shop(live, seller)

    page = seller.submit(
        seller.page.root.one("main").one("form"), name="Savon", price="12,5", stock="4"
    )

    assert page.status == 422
    assert page.title.startswith("Erreur :")
    assert page.root.one("input", name="price")["value"] == "12,5"
    assert page.root.one(id="erreurs").all("a", href="#price")


def test_a_buyer_sees_nobodys_sales(live: Live) -> None:
    visitor = live.visitor()

    page = visitor.open("/store/orders/")

    assert page.path == "/login/"
