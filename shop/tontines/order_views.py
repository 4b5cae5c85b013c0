"""Whose turn: locking the cycle, the draw anybody can check, turns for sale, turns exchanged."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from flask import redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from shop import clock
from shop.accounts.secrets import keyed
from shop.errors import NotFound
from shop.i18n import _
from shop.money import Money, MoneyError
from shop.tontines import (
    auction as sale,
)
from shop.tontines import (
    bidding,
    creation,
    drawing,
    locking,
    proofs,
    reading_people,
    reading_rounds,
    reading_turns,
    swapping,
)
from shop.tontines import (
    draw as recipe,
)
from shop.tontines.locking import Agreed
from shop.tontines.models import Accepted
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rules import Order
from shop.tontines.seats import Seat, bp, seat, show
from shop.tontines.states import AuctionStatus, DrawStatus
from shop.tontines.wording import sentence
from shop.web import signed_in

#: A word that hides a bid from the others is not guessed at once.
SECRET_LENGTH: Final = 6

Page = Response | str | tuple[str, int]


@bp.get("/<reference>/order/")
@signed_in
def order(reference: str) -> str:
    """Show the order of turns, the hash that keeps it, and the exchanges that are asked."""
    return _order_page(seat(reference))


def _order_page(here: Seat, problem: str | None = None, field: str = "") -> str:
    after = max(0, request.args.get("after", 0, int))
    rows = reading_rounds.rows(here.at, None, after=after)
    taken = reading_people.taken(here.at.cycle.id)
    return show(
        "order",
        here,
        rows=rows,
        after=after + reading_people.ON_A_PAGE if len(rows) == reading_people.ON_A_PAGE else None,
        full=taken == here.at.rules.shares,
        codes=reading_turns.codes(here.at.cycle.id) if here.at.cycle.status == "enrolling" else [],
        mine=reading_turns.unserved(here.at.cycle.id, member_id=here.member.id),
        others=reading_turns.unserved(here.at.cycle.id, besides=here.member.id),
        swaps=reading_turns.swaps(here.at.cycle.id),
        problem=problem,
        field=field,
        errors=problem,
    )


@bp.post("/<reference>/lock/")
@signed_in
def lock(reference: str) -> Page:
    """Lock a full cycle: its order is fixed and hashed, its rounds are dated."""
    here = seat(reference)
    typed = request.form.get("typed", "").upper().replace(",", " ").split()
    agreed = Agreed(typed=tuple(typed)) if here.at.rules.order is Order.FIXED else Agreed()
    try:
        locking.lock(here.tontine.id, current_user.id, agreed)
    except TontineRefused as refusal:
        if refusal.why is Why.NOT_ALLOWED:
            raise
        return _order_page(seat(reference), sentence(refusal), "typed"), 422
    return redirect(url_for("tontines.home", reference=reference), 303)


@bp.post("/<reference>/cycles/")
@signed_in
def next_cycle(reference: str) -> Response:
    """Begin to enrol for the next cycle, once the one before has ended."""
    creation.next_cycle(seat(reference).tontine.id, current_user.id)
    return redirect(url_for("tontines.home", reference=reference), 303)


@bp.post("/<reference>/swaps/")
@signed_in
def ask_swap(reference: str) -> Page:
    """Propose to exchange one's turn with somebody's; the other has 48 hours."""
    here = seat(reference)
    own, other = request.form.get("own", ""), request.form.get("other", "")
    try:
        swapping.ask(here.tontine.id, current_user.id, own, other)
    except TontineRefused as refusal:
        return _order_page(seat(reference), sentence(refusal), "own"), 422
    return redirect(url_for("tontines.order", reference=reference) + "#echanges", 303)


@bp.post("/<reference>/swaps/<int:swap_id>/")
@signed_in
def answer_swap(reference: str, swap_id: int) -> Page:
    """Confirm an exchange with one's PIN, or say no; the president may veto with a reason."""
    here = seat(reference)
    reading_turns.swap_here(here.at.cycle.id, swap_id)
    if request.form.get("answer") != "yes":
        swapping.refuse(swap_id, current_user.id, request.form.get("reason", ""))
        return redirect(url_for("tontines.order", reference=reference), 303)
    proof = proofs.proven(request.form.get("proof", ""))
    if not isinstance(proof, Accepted):
        return _order_page(here, proof, f"proof-{swap_id}"), 422
    try:
        swapping.accept(swap_id, current_user.id)
    except TontineRefused as refusal:
        return _order_page(seat(reference), sentence(refusal), f"proof-{swap_id}"), 422
    return redirect(url_for("tontines.order", reference=reference), 303)


@bp.get("/<reference>/draw/")
@signed_in
def draw(reference: str) -> str:
    """Show the draw as far as it went: commitment, words, order, and how anybody checks it."""
    return _draw_page(seat(reference))


def _draw_page(here: Seat, problem: str | None = None) -> str:
    row = drawing.of_cycle(here.at.cycle.id)
    shown = row is not None and row.status == DrawStatus.REVEALED
    closed = row is not None and clock.now() >= row.words_close_at
    held = reading_people.shares_of(here.at.cycle.id, [here.member.id]).get(here.member.id, [])
    return show(
        "draw",
        here,
        draw=row,
        closed=closed,
        late=row is not None and clock.now() > row.words_close_at + recipe.REVEAL_WITHIN,
        words=drawing.words_of(row) if row is not None and closed else {},
        mine=reading_turns.my_words(row, held) if row is not None else {},
        published=drawing.published(row) if row is not None and shown else None,
        verdict=drawing.verify(row) if row is not None and shown else None,
        recipe=recipe,
        full=reading_people.taken(here.at.cycle.id) == here.at.rules.shares,
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/draw/")
@signed_in
def commit(reference: str) -> Page:
    """Freeze the shares and publish the commitment, with the public number that will close it."""
    here = seat(reference)
    hours = min(max(request.form.get("hours", 48, int), 1), 168)
    beacon = " ".join(request.form.get("beacon", "").split())[:60] or None
    drawing.commit(
        here.tontine.id, current_user.id, words_for=timedelta(hours=hours), beacon_kind=beacon
    )
    return redirect(url_for("tontines.draw", reference=reference), 303)


@bp.post("/<reference>/draw/words/")
@signed_in
def word(reference: str) -> Page:
    """Add a word for one of one's shares; the last before the close counts."""
    here = seat(reference)
    code, text = request.form.get("share", ""), request.form.get("word", "").strip()
    try:
        drawing.add_word(here.tontine.id, current_user.id, code, text)
    except TontineRefused as refusal:
        return _draw_page(seat(reference), sentence(refusal)), 422
    return redirect(url_for("tontines.draw", reference=reference), 303)


@bp.post("/<reference>/draw/reveal/")
@signed_in
def reveal(reference: str) -> Page:
    """Show the seed and the order once the words are closed: anybody may ask for it."""
    here = seat(reference)
    beacon = request.form.get("beacon", "").strip() or None
    try:
        drawing.reveal(here.tontine.id, current_user.id, beacon=beacon)
    except TontineRefused as refusal:
        return _draw_page(seat(reference), sentence(refusal)), 422
    return redirect(url_for("tontines.draw", reference=reference), 303)


@bp.get("/<reference>/rounds/<int:index>/auction/")
@signed_in
def auction(reference: str, index: int) -> str:
    """Show the sale of a turn: until when, at most how much, and the offers that may be seen."""
    return _auction_page(seat(reference), index)


def _auction_page(here: Seat, index: int, problem: str | None = None, seal: str = "") -> str:
    round_ = reading_rounds.by_index(here.at.cycle.id, index)
    row = bidding.of_round(round_.id)
    if row is None:
        raise NotFound("auction")
    now = clock.now()
    return show(
        "auction",
        here,
        round=round_,
        auction=row,
        open=row.status == AuctionStatus.OPEN and row.opens_at <= now < row.closes_at,
        showing=row.status == AuctionStatus.OPEN and row.closes_at <= now <= row.shown_by,
        most=here.at.rules.pot.share(here.at.rules.auction.cap_bp),
        mine=reading_turns.unserved(here.at.cycle.id, member_id=here.member.id),
        bids=reading_turns.bids(row.id),
        winner=reading_turns.winner(row),
        seal=seal,
        problem=problem,
        errors=problem,
    )


@bp.post("/<reference>/rounds/<int:index>/auction/")
@signed_in
def bid(reference: str, index: int) -> Page:
    """Offer a discount, open or sealed under a secret word; or show what was sealed."""
    here = seat(reference)
    row = bidding.of_round(reading_rounds.by_index(here.at.cycle.id, index).id)
    if row is None:
        raise NotFound("auction")
    code, secret = request.form.get("share", ""), request.form.get("secret", "").strip()
    if row.sealed and len(secret) < SECRET_LENGTH:
        return _auction_page(here, index, _("Le mot secret a 6 signes au moins.")), 422
    try:
        discount = Money.typed(request.form.get("discount", ""), here.tontine.currency)
        _bid(here, row.id, index, code, discount, secret, sealed=row.sealed)
    except MoneyError:
        return _auction_page(here, index, _("Écrivez un montant entier, sans virgule.")), 422
    except TontineRefused as refusal:
        return _auction_page(seat(reference), index, sentence(refusal)), 422
    return redirect(url_for("tontines.auction", reference=reference, index=index), 303)


def _bid(
    here: Seat, sale_id: int, index: int, code: str, discount: Money, secret: str, *, sealed: bool
) -> None:
    if request.form.get("show"):
        bidding.show(sale_id, current_user.id, code, discount, _nonce(sale_id, code, secret))
        return
    if not sealed:
        bidding.bid(sale_id, current_user.id, code, discount=discount)
        return
    sale.check_discount(discount, here.at.rules)
    hashed = sale.seal(
        here.tontine.public_ref, index, code, discount, _nonce(sale_id, code, secret)
    )
    bidding.bid(sale_id, current_user.id, code, sealed_hash=hashed)


def _nonce(sale_id: int, code: str, secret: str) -> str:
    """Lengthen a word people can remember by the site's key: nobody finds the bid by trying words."""
    return keyed("sealed-bid", f"{sale_id}:{code}:{secret}")[:32]
