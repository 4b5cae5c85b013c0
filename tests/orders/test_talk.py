"""Two people talk about an order: masked until paid, told quietly, kept for ever, flat in time."""

from __future__ import annotations

import re
from io import BytesIO

import phonenumbers
import pytest
import sqlalchemy as sa
from PIL import Image
from sqlalchemy.exc import DBAPIError

from shop.db import session
from shop.errors import NotFound
from shop.notices.models import Notice
from shop.orders import disputes, talk
from shop.orders.masking import HIDDEN, masked
from shop.orders.refusals import BadWords
from shop.orders.states import Stage
from shop.orders.talk_models import OrderMessage
from shop.phone import COUNTRIES
from shop.stores import photos
from tests.databases import connect
from tests.marketplace import make_order, make_product, make_store, make_user, new_phone, sign_in
from tests.orders.paid import again, buyer_of, make_part, report, seller_of
from tests.test_statements import listened

# What is hidden


def mobiles() -> list[tuple[str, str]]:
    """The library's example of a mobile number of each of our countries, and its code."""
    found = []
    for country in COUNTRIES:
        example = phonenumbers.example_number_for_type(country, phonenumbers.PhoneNumberType.MOBILE)
        found.append((phonenumbers.national_significant_number(example), str(example.country_code)))
    return found


@pytest.mark.parametrize(("number", "code"), mobiles())
@pytest.mark.parametrize("between", ["", " ", ".", "-", " - ", "\u00a0", "_", "/"])
def test_numbers_of_our_countries_are_hidden_however_they_are_written(number, code, between):
    pairs = between.join(re.findall("..?", number))
    single = between.join(number)
    for written in (
        pairs,
        single,
        f"+{code} {pairs}",
        f"00{code}{between}{pairs}",
        f"(+{code}) {single}",
    ):
        text = f"Appelez le {written}, merci"
        hidden = masked(text)
        assert HIDDEN in hidden, written
        assert sum(c.isdigit() for c in hidden) <= 0 or not hidden.endswith(number[-4:]), written
        assert hidden.endswith(", merci")
        assert not re.search(r"\d", hidden), hidden


@pytest.mark.parametrize(
    "text",
    [
        "2 pagnes à 12 500 F et 3 à 15 000 F",
        "Le 21/11/2026 à 14:30",
        "Commande PX7K 4M2Q, 24 500 000 F",
        "1 000 000 F pour 10 pièces",
        "taille 38, 40, 42",
        "",
    ],
)
def test_prices_dates_and_sizes_stay_readable(text):
    assert masked(text) == text


@pytest.mark.parametrize(
    "address",
    ["awa@mail.com", "awa.k+1@mail.co.ci", "awa (at) mail.com", "awa arobase mail point com"],
)
def test_addresses_are_hidden(address):
    assert masked(f"Écrivez à {address} svp") == f"Écrivez à {HIDDEN} svp"


def test_digits_of_other_scripts_and_two_numbers_in_a_row_are_hidden():
    assert masked("٠٧٠١٠٢٠٣٠٤") == HIDDEN
    assert masked("0701020304/0504030201") == f"{HIDDEN}/{HIDDEN}"


# What is said


def said(part) -> list[str]:
    session.rollback()
    return [row.text for row in talk.page(part).rows]


def test_numbers_are_read_once_the_order_is_paid(app, time):
    unpaid = make_order().seller_orders[0]
    text = "Mon numéro : 07 01 02 03 04"
    talk.say(buyer_of(unpaid), unpaid.reference, text, "a-form-of-the-buyer")

    assert said(unpaid) == [text], "it is kept as it was written"
    assert talk.readable(unpaid, text) == f"Mon numéro : {HIDDEN}"
    paid = make_part()
    assert talk.readable(paid, text) == text


@pytest.mark.parametrize("text", ["", " \n ", "x" * 1_001])
def test_too_little_and_too_much_is_refused(app, time, text):
    part = make_part()

    with pytest.raises(BadWords):
        talk.say(buyer_of(part), part.reference, text, "a-form-key")
    assert said(part) == []


def test_two_taps_are_one_message_and_another_order_is_nobodys(app, time):
    part, other = make_part(), make_part()
    for _tap in range(2):
        talk.say(buyer_of(part), part.reference, "Bonjour", "one-form-key")

    assert said(part) == ["Bonjour"]
    with pytest.raises(NotFound):
        talk.say(buyer_of(part), other.reference, "Bonjour", "another-key")
    [row] = talk.page(part).rows
    for _tap in range(2):
        talk.pin(buyer_of(part), part.reference, row.id)
    assert [kept.id for kept in talk.pinned(part)] == [row.id]
    with pytest.raises(NotFound):
        talk.pin(seller_of(other), other.reference, row.id)


def test_the_sellers_link_opens_before_the_order_is_paid(app, time, client):
    seller = make_user("Awa", phone=new_phone())
    [part] = make_order((make_product(store=make_store(owner=seller)), 1)).seller_orders
    talk.say(buyer_of(part), part.reference, "Encore en stock ?", "a-form-key")
    session.rollback()
    text = session.scalars(sa.select(Notice.text).where(Notice.phone == seller.phone)).one()
    sign_in(client, seller.phone)

    link = re.search(r"/store/orders/\S+", text)
    assert link is not None
    assert "Encore en stock ?" in client.get(link[0]).text


def told_sms() -> int:
    session.rollback()
    return session.query(Notice).filter(Notice.key.startswith("message:")).count()


def test_the_other_side_is_told_once_in_a_quarter_of_an_hour(app, time):
    part = make_part()
    counts = []
    for minute in (0, 5, 10, 14.9, 15, 20, 29, 31):
        start = time.at
        time.pass_(minutes=minute)
        talk.say(buyer_of(part), part.reference, "Alors ?", f"form-key-{minute}")
        counts.append(told_sms())
        time.at = start

    assert counts == [1, 1, 1, 1, 2, 2, 2, 3]
    talk.say(seller_of(part), part.reference, "Oui", "the-sellers-key")
    assert told_sms() == 4, "each side has its own quarter of an hour"


def test_pages_are_flat_and_lead_to_the_first_message(app, time):
    part = make_part()
    for number in range(45):
        talk.say(buyer_of(part), part.reference, f"Message {number}", f"form-key-{number}")

    newest = talk.page(again(part))
    with listened() as sent:
        talk.page(part)
    middle = talk.page(part, str(newest.older))
    oldest = talk.page(part, str(middle.older))

    assert [len(p.rows) for p in (newest, middle, oldest)] == [20, 20, 5]
    assert (oldest.rows[0].text, oldest.older) == ("Message 0", None)
    assert len(sent) == 1
    assert talk.page(part, "²").rows[-1].text == "Message 44"


@pytest.mark.parametrize(
    "attack",
    [
        "UPDATE message SET text = 'rien'",
        "DELETE FROM message",
        "DELETE FROM message_pin",
        "UPDATE message_pin SET actor = 'seller'",
        "INSERT INTO message (seller_order_id, form_key, at, actor, text, told)"
        " SELECT 1, 'new', at, actor, '', told FROM message",
        "INSERT INTO message (seller_order_id, form_key, at, actor, text, told)"
        " SELECT 1, 'new', at, 'clock', text, told FROM message",
    ],
)
def test_what_was_said_was_said(app, time, database_url, attack):
    part = make_part()
    talk.say(buyer_of(part), part.reference, "Bonjour", "a-form-key")
    talk.pin(buyer_of(part), part.reference, talk.page(part).rows[0].id)
    session.remove()
    engine = connect(database_url)

    with engine.connect() as raw, pytest.raises(DBAPIError):
        raw.execute(sa.text(attack))
    engine.dispose()


# On pages


@pytest.fixture
def two(app, time):
    """A buyer's and a seller's browser, and one order of theirs on its way."""
    buyer, seller = make_user("Paul", phone=new_phone()), make_user("Awa", phone=new_phone())
    shop = make_store(owner=seller)
    part = make_part(Stage.SENT, make_order((make_product(store=shop), 1), user=buyer))
    browsers = (app.test_client(), app.test_client())
    for browser, user in zip(browsers, (buyer, seller), strict=True):
        sign_in(browser, user.phone)
    part = again(part)
    return (
        part,
        *browsers,
        f"/order/{part.order.reference}/{part.reference}/",
        f"/store/orders/{part.reference}/",
    )


def picture() -> bytes:
    """A JPEG that says where it was taken, with a tail that is no picture."""
    exif = Image.Exif()
    exif[0x010E] = "chez Paul, Cocody"
    out = BytesIO()
    Image.new("RGB", (400, 300), "#a6401c").save(out, "JPEG", exif=exif)
    return out.getvalue() + b"<script>"


def test_a_problem_is_talked_over_shared_and_seen_by_both(two):
    part, buyer, seller, theirs, sales = two
    buyer.post(f"{theirs}messages/", data={"text": "Il est déchiré <b>", "form_key": "k" * 16})
    assert "Il est déchiré &lt;b&gt;" in seller.get(f"{sales}messages/").text
    [number] = session.scalars(sa.select(OrderMessage.id))
    seller.post(f"{sales}messages/{number}/pin/")
    assert 'data-test="pinned"' in buyer.get(f"{theirs}messages/").text

    assert f"{theirs}problem/" in buyer.get(f"/order/{part.order.reference}/").text
    data = {"reason": "damaged", "words": "Déchiré", "photo": (BytesIO(picture()), "p.jpg")}
    assert buyer.post(f"{theirs}problem/", data=data).status_code == 303
    photo = seller.get(f"{sales}dispute/photo/")
    assert photo.status_code == 200
    assert b"Cocody" not in photo.data
    assert b"script" not in photo.data
    photo.close()
    page = seller.get(f"{sales}messages/").text
    assert 'data-test="dispute" data-state="open"' in page
    assert "gelés" in page
    assert "step-hand-over" not in seller.get(sales).text
    assert seller.post(f"{sales}hand-over/", data={"code": "1"}).status_code == 409

    seller.post(f"{sales}dispute/propose/", data={"kind": "share", "percent": "30"})
    page = buyer.get(f"{theirs}messages/").text
    assert 'data-test="accept"' in page
    assert 'data-test="accept"' not in seller.get(f"{sales}messages/").text
    [offer] = re.findall(r'name="offer" value="(\d+)"', page)
    for _tap in range(2):
        assert buyer.post(f"{theirs}dispute/accept/", data={"offer": offer}).status_code == 303

    part = again(part)
    assert (part.escrow, part.refunded_amount) == ("split", 8_100)
    assert "8\u00a0100\u00a0FCFA" in buyer.get(f"{theirs}messages/").text
    assert "8\u00a0100\u00a0FCFA" in seller.get(f"{sales}messages/").text


def test_what_is_wrong_on_a_form_is_said_on_it(two):
    part, buyer, seller, theirs, sales = two
    bad = {"reason": "damaged", "words": "Déchiré", "photo": (BytesIO(b"no picture"), "p.jpg")}

    assert buyer.post(f"{theirs}problem/", data=bad).status_code == 422
    assert buyer.post(f"{theirs}problem/", data={"reason": "x", "words": "a"}).status_code == 422
    assert buyer.post(f"{theirs}problem/", data={"reason": "damaged"}).status_code == 422
    assert disputes.of_part(again(part)) is None
    assert (
        buyer.post(f"{theirs}messages/", data={"text": "", "form_key": "k" * 16}).status_code == 422
    )
    assert buyer.post(f"{theirs}messages/", data={"text": "a"}).status_code == 400
    report(part, "damaged")
    answer = buyer.post(f"{theirs}problem/", data={"reason": "damaged", "words": "a"})
    assert answer.status_code == 303, "a second tap leads to the problem that is open"
    for data in (
        {"kind": "share", "percent": "0"},
        {"kind": "share", "percent": "x"},
        {"kind": "all"},
    ):
        assert seller.post(f"{sales}dispute/propose/", data=data).status_code == 422
    assert seller.post(f"{sales}dispute/withdraw/").status_code == 404
    assert seller.post(f"{sales}dispute/accept/", data={"offer": "9"}).status_code == 422


def test_before_it_is_paid_the_pay_button_stands_in_the_conversation(app, time, client):
    user = make_user("Paul", phone=new_phone())
    order = make_order(user=user)
    sign_in(client, user.phone)
    [part] = order.seller_orders
    base = f"/order/{order.reference}/{part.reference}/messages/"
    client.post(base, data={"text": "Appelez le 07 01 02 03 04", "form_key": "k" * 16})

    page = client.get(f"/order/{order.reference}/messages/", follow_redirects=True).text

    assert f'href="/order/{order.reference}/payment/"' in page
    assert f"Appelez le {HIDDEN}" in page
    assert "07 01 02" not in page


def test_a_photo_is_kept_by_its_key_only(two):
    part, buyer, _seller, theirs, _sales = two
    buyer.post(f"{theirs}problem/", data={"reason": "damaged", "words": "x"})

    dispute = disputes.of_part(again(part))
    assert dispute is not None
    assert dispute.photo is None
    assert buyer.get(f"{theirs}dispute/photo/").status_code == 404
    assert photos.path("../../etc/passwd", 600, "jpg") is None
