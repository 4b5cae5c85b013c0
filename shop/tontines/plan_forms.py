"""Five short steps to a circle's rules. What was said so far stands in the address: Back works, nothing
is stored before publishing, and a plan can be sent to friends as a link.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, time, timedelta
from typing import Any, Final

from wtforms import (
    DateField,
    Field,
    Form,
    IntegerField,
    RadioField,
    SelectField,
    StringField,
    TimeField,
    ValidationError,
)

from shop import clock
from shop.i18n import _, _l
from shop.money import Money, MoneyError
from shop.phone import COUNTRIES, CURRENCIES
from shop.tontines import limits
from shop.tontines.refusals import TontineRefused
from shop.tontines.rules import (
    Auction,
    Circle,
    Dividend,
    Fine,
    LateStep,
    Order,
    Period,
    Promise,
    Rules,
    Visibility,
    When,
)
from shop.tontines.states import JoinPolicy

ZONES: Final = {
    "CI": "Africa/Abidjan", "SN": "Africa/Dakar", "BJ": "Africa/Porto-Novo", "TG": "Africa/Lome",
    "BF": "Africa/Ouagadougou", "ML": "Africa/Bamako", "NE": "Africa/Niamey", "GN": "Africa/Conakry",
    "CM": "Africa/Douala", "CG": "Africa/Brazzaville", "CD": "Africa/Kinshasa",
}  # fmt: skip
KINDS: Final = {
    Circle.ROTATIVE: _l("Chacun reçoit le pot à son tour"),
    Circle.AUCTION: _l("Le tour va à la plus forte décote (enchère)"),
    Circle.SOLIDARITY: _l("Une caisse de secours seulement"),
}
PERIODS: Final = {
    Period.WEEKLY: _l("Chaque semaine"),
    Period.TWICE_A_WEEK: _l("Deux fois par semaine"),
    Period.EVERY_TWO_WEEKS: _l("Toutes les deux semaines"),
    Period.TWICE_A_MONTH: _l("Deux fois par mois"),
    Period.MONTHLY: _l("Chaque mois"),
    Period.EVERY_N_DAYS: _l("Tous les quelques jours (marché)"),
}
WEEKDAYS: Final = (
    _l("lundi"), _l("mardi"), _l("mercredi"), _l("jeudi"), _l("vendredi"), _l("samedi"),
    _l("dimanche"),
)  # fmt: skip
ORDERS: Final = {
    Order.RANDOM: _l("Tiré au sort, vérifiable par chacun"),
    Order.SENIORITY: _l("Par ancienneté"),
    Order.FIXED: _l("Écrit par le bureau"),
    Order.NEED: _l("Selon les besoins, par vote"),
    Order.NEGOTIATED: _l("Par échanges libres avant le départ"),
}
DOORS: Final = {
    JoinPolicy.CLOSED: _l("Sur invitation seulement"),
    JoinPolicy.REQUEST: _l("Sur demande, le bureau accepte"),
    JoinPolicy.OPEN: _l("Ouvert à tous"),
}
SEEN: Final = {
    Visibility.PRIVATE: _l("Par ses membres"),
    Visibility.UNLISTED: _l("Par qui a le lien"),
    Visibility.PUBLIC: _l("Par tout le monde"),
}
DIVIDENDS: Final = {
    Dividend.NOW: _l("Partagée tout de suite entre toutes les parts"),
    Dividend.OTHERS: _l("Partagée entre les autres parts"),
    Dividend.END: _l("Gardée, puis partagée à la fin du cycle"),
}
_C, _R, _G = LateStep.COVER_CAUTION, LateStep.COVER_RETENUE, LateStep.COVER_GARANT
_K, _W, _P = LateStep.COVER_CAISSE, LateStep.WAIT, LateStep.PARTIAL
LATE: Final = {
    "boxes": (_C, _R, _K, _P),
    "guarantor": (_C, _R, _G, _K, _P),
    "wait": (_W, _P),
    "plain": (_P,),
}
LATE_WORDS: Final = {
    "boxes": _l("La caution, la retenue, puis la caisse ; le reste est dû"),
    "guarantor": _l("La caution, la retenue, le garant, puis la caisse ; le reste est dû"),
    "wait": _l("On attend trois jours, puis on verse ce qui est là"),
    "plain": _l("On verse ce qui est là ; le reste est dû"),
}


_DAY_NAMES: Final = {str(n): name for n, name in enumerate(WEEKDAYS)}
#: What each field offers.
CHOICES: Final[dict[str, Mapping[Any, Any]]] = {
    "country": {code: code for code in COUNTRIES},
    "kind": KINDS,
    "period": PERIODS,
    "recipient_pays": {"1": _l("Oui, comme tout le monde"), "0": _l("Non")},
    "weekday": _DAY_NAMES,
    "weekday2": _DAY_NAMES,
    "order": ORDERS,
    "sealed": {"1": _l("Secrètes jusqu’à la clôture"), "0": _l("Visibles par tous")},
    "dividend": DIVIDENDS,
    "seen": SEEN,
    "door": DOORS,
    "late": LATE_WORDS,
}


class MoneyField(StringField):  # type: ignore[misc]
    """An amount as people type it; empty is nothing."""

    def pre_validate(self, form: Form) -> None:
        """Refuse what is not a whole amount."""
        try:
            self.money("XOF")
        except MoneyError as error:
            raise ValidationError(_("Écrivez un montant entier, sans virgule.")) from error

    def money(self, currency: str) -> Money:
        """Read the amount."""
        return Money.typed(self.data, currency) if self.data else Money(0, currency)


class Whole(IntegerField):  # type: ignore[misc]
    """A whole number between two others."""

    def __init__(self, label: Any, low: int, high: int, **more: Any) -> None:
        super().__init__(label, **more)
        self.low, self.high = low, high

    def pre_validate(self, form: Form) -> None:
        """Refuse what is outside."""
        if self.errors:
            raise ValidationError(_("Écrivez un nombre en chiffres."))
        if self.data is None or not self.low <= self.data <= self.high:
            raise ValidationError(
                _("Écrivez un nombre de %(low)s à %(high)s.", low=self.low, high=self.high)
            )


class PlanForm(Form):  # type: ignore[misc]
    """Everything a circle is made of, shown a few fields at a time."""

    name = StringField(_l("Nom du groupe"))
    country = SelectField(_l("Pays"))
    kind = RadioField(_l("Ce que vous faites ensemble"), default="rotative")

    contribution = MoneyField(_l("Cotisation d’une part à chaque tour"))
    shares = Whole(_l("Nombre de parts"), 2, limits.MAX_SHARES, default=12)
    period = SelectField(_l("Rythme"), default=Period.WEEKLY.value)
    recipients = Whole(_l("Parts servies à chaque tour"), 1, 10, default=1)
    recipient_pays = SelectField(_l("Celui qui reçoit cotise-t-il ce tour-là ?"), default="1")
    share_label = StringField(_l("Le mot pour une part"), default="part")

    starts_on = DateField(_l("Jour de départ"))
    weekday = SelectField(_l("Jour de l’échéance"), default="4")
    weekday2 = SelectField(_l("Second jour"), default="1")
    monthday = Whole(_l("Jour du mois (31 : le dernier)"), 1, 31, default=1)
    monthday2 = Whole(_l("Second jour du mois"), 1, 31, default=15)
    every = Whole(_l("Tous les combien de jours"), 1, 31, default=5)
    due_time = TimeField(_l("Heure de l’échéance"), default=time(20, 0))
    grace = Whole(_l("Délai de grâce, en heures"), 0, 168, default=24)

    order = RadioField(_l("L’ordre des tours"), default=Order.RANDOM.value)
    sealed = SelectField(_l("Les offres"), default="1")
    auction_cap = Whole(_l("Décote la plus forte, en pour cent du pot"), 5, 40, default=30)
    dividend = SelectField(_l("La décote est"), default=Dividend.NOW.value)
    seen = SelectField(_l("Le groupe est vu"), default="private")
    door = SelectField(_l("Pour entrer"), default="closed")
    most_shares = Whole(_l("Parts au plus par personne"), 1, 10, default=3)

    guarantee = Whole(_l("Caution de chaque part, en cotisations"), 0, 3, default=1)
    retention = Whole(_l("Part du pot gardée jusqu’à la fin, en pour cent"), 0, 20, default=0)
    fine = MoneyField(_l("Amende par semaine de retard"))
    late = RadioField(_l("Si quelqu’un manque"), default="boxes")
    relief = MoneyField(_l("Pour la caisse de secours, par part et par tour"))
    exit_fee = Whole(_l("Frais de départ, en pour cent"), 0, 20, default=5)
    bring = Whole(_l("Personnes que chaque membre doit amener"), 0, 1000, default=0)
    bonus = MoneyField(_l("Prime par personne amenée"))
    entry_fee = MoneyField(_l("Droit d’entrée"))
    promised = StringField(_l("Montants annoncés, rang par rang, séparés par des points-virgules"))

    def __init__(self, said: Any = None, *, country: str, **kwargs: Any) -> None:
        super().__init__(said, **kwargs)
        for name, table in CHOICES.items():
            self[name].choices = [(str(word), text) for word, text in table.items()]
        if self.country.data is None:
            self.country.data = country
        if self.starts_on.data is None and not self.starts_on.raw_data:
            self.starts_on.data = clock.now().date()

    def validate_name(self, field: Field) -> None:
        """Refuse a group nobody could call."""
        if not 2 <= len((field.data or "").strip()) <= 80:
            raise ValidationError(_("Donnez un nom de 2 à 80 lettres."))

    def validate_starts_on(self, field: Field) -> None:
        """Refuse a start in the past, or so far away that nobody can promise it."""
        field.errors = []
        today = clock.now().date()
        if field.data is None or not today <= field.data <= today + timedelta(days=366):
            raise ValidationError(_("Choisissez un jour, d’aujourd’hui à dans un an."))

    def validate_promised(self, field: Field) -> None:
        """Refuse what is not a list of amounts."""
        try:
            self._promised("XOF")
        except MoneyError as error:
            raise ValidationError(_("Écrivez des montants séparés par « ; ».")) from error

    @property
    def currency(self) -> str:
        """The currency of the country."""
        return CURRENCIES[self.country.data]

    @property
    def circle(self) -> Circle:
        """What the group does together."""
        return Circle(self.kind.data)

    def _promised(self, currency: str) -> tuple[Money, ...]:
        parts = (self.promised.data or "").split(";")
        return tuple(Money.typed(part, currency) for part in parts if part.strip())

    def days(self) -> tuple[int, ...]:
        """The days this rhythm needs, in order."""
        match Period(self.period.data):
            case Period.WEEKLY | Period.EVERY_TWO_WEEKS:
                return (int(self.weekday.data),)
            case Period.TWICE_A_WEEK:
                return tuple(sorted({int(self.weekday.data), int(self.weekday2.data)}))
            case Period.MONTHLY:
                return (self.monthday.data,)
            case Period.TWICE_A_MONTH:
                return tuple(sorted({self.monthday.data, self.monthday2.data}))
            case Period.EVERY_N_DAYS:
                return ()

    def rules(self) -> Rules:
        """Write the rules that were said; only after validation of every step."""
        c, kind = self.currency, self.circle
        alone = kind is Circle.SOLIDARITY
        contribution = Money(0, c) if alone else self.contribution.money(c)
        relief = self.relief.money(c)
        return Rules(
            contribution=contribution, shares=self.shares.data, when=self.when(),
            fine=self._fine(contribution), auction=self._auction(), currency=c, kind=kind,
            visibility=Visibility(self.seen.data), order=self._order(),
            share_label=(self.share_label.data or "part").strip(),
            recipients_per_round=self.recipients.data,
            recipient_pays=self.recipient_pays.data == "1",
            max_shares_per_member=self.most_shares.data, late_policy=LATE[self.late.data],
            min_partial=min(Money(500 * 10**contribution.exponent, c), relief if alone else contribution),
            guarantee_contributions=0 if alone else self.guarantee.data,
            retention_bp=self.retention.data * 100, relief=relief,
            exit_fee_bp=self.exit_fee.data * 100, promise=self._promise(),
        )  # fmt: skip

    def when(self) -> When:
        """Write the rhythm that was said."""
        return When(
            starts_on=self.starts_on.data or date.min,
            period=Period(self.period.data),
            days=self.days(),
            every_days=self.every.data,
            due_time=self.due_time.data or time(20, 0),
            timezone=ZONES[self.country.data],
            grace_hours=self.grace.data,
        )

    def _order(self) -> Order:
        match self.circle:
            case Circle.AUCTION:
                return Order.AUCTION
            case Circle.SOLIDARITY:
                # Nobody receives a pot in turn: the draw is never asked for.
                return Order.RANDOM
            case _:
                return Order(self.order.data)

    def _fine(self, contribution: Money) -> Fine:
        flat = self.fine.money(contribution.currency)
        return Fine(flat, cap=contribution.share(2_000) if flat and contribution else None)

    def _auction(self) -> Auction:
        step = Money(500 * 10 ** Money(0, self.currency).exponent, self.currency)
        return Auction(
            step,
            sealed=self.sealed.data == "1",
            cap_bp=self.auction_cap.data * 100,
            dividend=Dividend(self.dividend.data),
        )

    def _promise(self) -> Promise:
        c = self.currency
        bonus, entry = self.bonus.money(c), self.entry_fee.money(c)
        return Promise(
            received_by_rank=self._promised(c),
            members_to_bring=self.bring.data,
            bonus_per_member_brought=bonus or None,
            entry_fee=entry or None,
        )


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the five: its title and the fields it asks for."""

    title: Any
    fields: tuple[str, ...]


_DAYS: Final = {
    Period.WEEKLY: ("weekday",),
    Period.EVERY_TWO_WEEKS: ("weekday",),
    Period.TWICE_A_WEEK: ("weekday", "weekday2"),
    Period.MONTHLY: ("monthday",),
    Period.TWICE_A_MONTH: ("monthday", "monthday2"),
    Period.EVERY_N_DAYS: ("every",),
}


def steps(form: PlanForm) -> list[Step]:
    """Give the five steps, each with only what the answers before it make needed."""
    kind = form.kind.data if form.kind.data in set(KINDS) else Circle.ROTATIVE
    alone, auction = kind == Circle.SOLIDARITY, kind == Circle.AUCTION
    money = ("relief",) if alone else ("contribution",)
    more = () if alone else ("recipients", "recipient_pays", "share_label")
    period = form.period.data if form.period.data in set(PERIODS) else Period.WEEKLY
    turns: tuple[str, ...] = () if alone else ("order",)
    if auction:
        turns = ("sealed", "auction_cap", "dividend")
    late = () if alone else ("guarantee", "retention", "fine", "late", "relief", "exit_fee")
    days = _DAYS[Period(period)]
    return [
        Step(_l("Le groupe"), ("name", "country", "kind")),
        Step(_l("L’argent"), (*money, "shares", "period", *more)),
        Step(_l("Les dates"), ("starts_on", *days, "due_time", "grace")),
        Step(_l("Les tours et les portes"), (*turns, "seen", "door", "most_shares")),
        Step(_l("Les promesses"), (*late, "bring", "bonus", "entry_fee", "promised")),
    ]


def first_wrong(form: PlanForm, until: int) -> int | None:
    """Validate the steps before this one; give the first that has a problem, with only its errors."""
    form.validate()
    found = dict(form.errors)
    wrong = None
    for number, step in enumerate(steps(form)[: until - 1], start=1):
        if wrong is None and any(name in found for name in step.fields):
            wrong = number
    kept = steps(form)[wrong - 1].fields if wrong is not None else ()
    for name, field in form._fields.items():
        if name not in kept:
            field.errors = []
    return wrong


def said(form: PlanForm, besides: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Give everything said so far as pairs for an address or for hidden fields."""
    pairs = []
    for name, field in form._fields.items():
        value = field._value() if hasattr(field, "_value") else field.data
        if name not in besides and value not in (None, ""):
            pairs.append((name, str(value)))
    return pairs


def of_rules(rules: Rules) -> dict[str, str]:
    """Say rules as the five steps would: what a change begins with."""
    days, monthly = rules.when.days, rules.when.period in (Period.MONTHLY, Period.TWICE_A_MONTH)
    names = ("monthday", "monthday2") if monthly else ("weekday", "weekday2")
    late = next((word for word, way in LATE.items() if way == rules.late_policy), "boxes")
    unit = 10**rules.contribution.exponent
    return {
        "kind": rules.kind, "contribution": str(rules.contribution.amount // unit),
        "shares": str(rules.shares), "period": rules.when.period,
        "recipients": str(rules.recipients_per_round), "share_label": rules.share_label,
        "recipient_pays": "1" if rules.recipient_pays else "0",
        "starts_on": rules.when.starts_on.isoformat(), "every": str(rules.when.every_days),
        **dict(zip(names, map(str, days), strict=False)),
        "due_time": rules.when.due_time.strftime("%H:%M"), "grace": str(rules.when.grace_hours),
        "order": rules.order if rules.order is not Order.AUCTION else Order.RANDOM,
        "sealed": "1" if rules.auction.sealed else "0",
        "auction_cap": str(rules.auction.cap_bp // 100), "dividend": rules.auction.dividend,
        "seen": rules.visibility, "most_shares": str(rules.max_shares_per_member),
        "guarantee": str(rules.guarantee_contributions), "late": late,
        "retention": str(rules.retention_bp // 100), "fine": str(rules.fine.flat.amount // unit),
        "relief": str(rules.relief.amount // unit), "exit_fee": str(rules.exit_fee_bp // 100),
    }  # fmt: skip


def keeping(before: Rules, said: Rules) -> Rules:
    """Keep of the rules before what no step asks for."""
    return replace(
        said,
        cover_floor_bp=before.cover_floor_bp,
        caisse_cap_bp=before.caisse_cap_bp,
        wait_days=before.wait_days,
        set_off_contributions=before.set_off_contributions,
        max_concentration_bp=before.max_concentration_bp,
    )


def problems(form: PlanForm) -> list[TontineRefused]:
    """Every reason why nobody may be asked to accept this plan (J19)."""
    return list(limits.problems(replace(form.rules(), version=1)))
