"""A seller's way: open a shop, put a product on the shelf, see it sold."""

from tests.live import Live, new_sim
from tests.shopping import approve, buy, order, pay, sign_in, wait_for
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


def test_two_browsers_from_the_cart_to_the_sellers_money(live: Live) -> None:
    """The buyer's code is read on one page and typed on the other; both then say where the money went."""
    seller, buyer, sim = live.visitor(), live.visitor(), new_sim("wave")
    placed, _attempt = buy(live, buyer, sim, "wave", ["Pagne tissé"])
    sign_in(live, seller, live.seller, "/store/orders/?tab=todo")
    seller.open(seller.page.root.one(data_test="order-row").one("h2").one("a")["href"])
    net = seller.page.money("net")

    seller.submit(seller.page.form(test="step-accept"))
    code = buyer.open(f"/order/{placed}/").root.one(data_test="code").text
    assert "gardés" in buyer.page.root.one(data_test="whereabouts").text
    page = seller.submit(seller.page.form(test="step-hand-over"), code=code)

    assert page.root.one(data_test="order-state")["data-state"] == "handed_over"
    assert page.money("net") == net
    assert "versés dans votre portefeuille" in page.text
    assert "ont été payés à" in buyer.open(f"/order/{placed}/").text


def test_a_refusal_is_read_by_the_buyer_with_its_reason(live: Live) -> None:
    seller, buyer, sim = live.visitor(), live.visitor("en"), new_sim("mtn")
    placed, _attempt = buy(live, buyer, sim, "mtn", ["Pagne tissé"])
    sign_in(live, seller, live.seller, "/store/orders/?tab=todo")
    seller.open(seller.page.root.one(data_test="order-row").one("h2").one("a")["href"])

    seller.submit(seller.page.form(test="step-refuse"), words="Dernière pièce abîmée")
    page = buyer.open(f"/order/{placed}/")

    assert page.root.one(data_test="seller-order")["data-state"] == "refused"
    assert "Dernière pièce abîmée" in page.text
    assert "Refused by the seller: buyer refunded" in page.text
