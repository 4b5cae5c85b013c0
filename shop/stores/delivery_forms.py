"""What sellers fill in about deliveries and discount codes."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import DateField, Field, IntegerField, SelectField, StringField, ValidationError
from wtforms.fields import SelectChoice

from shop.i18n import _, _l
from shop.money import Money
from shop.stores.delivery import PointDraft, ZoneDraft
from shop.stores.discounts import CODE, MOST_USES, CodeDraft, tidy
from shop.stores.forms import COIN, Amount, AmountField, Length, one_line
from shop.stores.models import Store

#: Delays as sellers say them, in hours.
DELAYS: Final = {
    12: _l("le jour même"),
    24: _l("en 24 heures"),
    48: _l("en 2 jours"),
    96: _l("en 4 jours"),
    168: _l("en une semaine"),
}
CHOICES: Final = [SelectChoice(hours, words) for hours, words in DELAYS.items()]


class Optional:
    """Accept an empty amount as none, and any other as `Amount` does."""

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Check the field."""
        if (field.data or "").strip():
            Amount(COIN)(form, field)


def _or_none(field: AmountField, currency: str) -> Money | None:
    return field.money(currency) if (field.data or "").strip() else None


class ZoneForm(FlaskForm):  # type: ignore[misc]
    """Say what a delivery costs in a town, or in one of its quarters."""

    town = StringField(
        _l("Ville"), [Length(2, 60, _l("Écrivez le nom de la ville."))], filters=[one_line]
    )
    quarter = StringField(
        _l("Commune ou quartier (facultatif)"),
        [Length(0, 60, _l("60 lettres au plus."))],
        filters=[one_line],
    )
    price = AmountField(_l("Prix de cette livraison"), [Amount(0)])
    hours = SelectField(_l("Délai"), coerce=int, choices=CHOICES, default=48)
    free_from = AmountField(_l("Offerte à partir de (facultatif)"), [Optional()])
    door_limit = AmountField(_l("Payable à la porte jusqu’à (facultatif)"), [Optional()])

    def draft(self, store: Store) -> ZoneDraft:
        """Give what was said; only after validation."""
        return ZoneDraft(
            self.town.data, self.quarter.data or None, self.price.money(store.currency),
            self.hours.data, _or_none(self.free_from, store.currency),
            _or_none(self.door_limit, store.currency),
        )  # fmt: skip

    def validate_door_limit(self, field: Field) -> None:
        """Ask for a delivery that costs something: an order that is free to place is placed by anybody."""
        free = not self.price.errors and not self.price.money("XOF")
        if (field.data or "").strip() and not field.errors and free:
            raise ValidationError(
                _("Donnez d’abord un prix à cette livraison : c’est ce que l’acheteur paie avant.")
            )


class PointForm(FlaskForm):  # type: ignore[misc]
    """Say where an order can be fetched."""

    name = StringField(
        _l("Nom du point"),
        [Length(3, 60, _l("Donnez un nom de 3 à 60 lettres."))],
        filters=[one_line],
    )
    town = StringField(
        _l("Ville"), [Length(2, 60, _l("Écrivez le nom de la ville."))], filters=[one_line]
    )
    place = StringField(
        _l("Comment le trouver"),
        [Length(10, 90, _l("Écrivez un point de repère de 10 à 90 lettres."))],
        filters=[one_line],
    )
    hours = StringField(
        _l("Heures d’ouverture"),
        [Length(3, 80, _l("Écrivez quand il est ouvert."))],
        filters=[one_line],
    )
    price = AmountField(_l("Prix du retrait"), [Amount(0)])
    ready = SelectField(_l("Prête"), coerce=int, choices=CHOICES, default=24)

    def draft(self, store: Store) -> PointDraft:
        """Give what was said; only after validation."""
        return PointDraft(
            self.name.data, self.town.data, self.place.data, self.hours.data,
            self.price.money(store.currency), self.ready.data,
        )  # fmt: skip


class CodeForm(FlaskForm):  # type: ignore[misc]
    """Make a discount code: a percentage, or an amount."""

    code = StringField(_l("Code"), filters=[tidy])
    percent = IntegerField(_l("Réduction en pour cent"))
    off = AmountField(_l("Ou en francs"), [Optional()])
    least = AmountField(_l("À partir de combien d’articles"), [Amount(0)])
    starts_on = DateField(_l("Premier jour"))
    ends_on = DateField(_l("Dernier jour"))
    most_uses = IntegerField(_l("Combien de fois en tout"))
    most_per_buyer = IntegerField(_l("Combien de fois par acheteur"))

    def validate_code(self, field: Field) -> None:
        """Ask for a word that can be dictated."""
        if not CODE.fullmatch(field.data or ""):
            raise ValidationError(_("Écrivez 3 à 20 lettres sans accent ou chiffres."))

    def validate_percent(self, field: Field) -> None:
        """Ask for a percentage or an amount, never both."""
        field.errors = []
        if (field.data is None) == (not (self.off.data or "").strip()):
            raise ValidationError(_("Donnez un pourcentage, ou un montant en francs."))
        if field.data is not None and not 1 <= field.data <= 90:
            raise ValidationError(_("Écrivez un nombre de 1 à 90."))

    def validate_least(self, field: Field) -> None:
        """Ask for a basket that still costs something after the discount."""
        off = (self.off.data or "").strip()
        if off and not self.off.errors and _amount(field) <= _amount(self.off):
            raise ValidationError(_("Le panier doit dépasser la réduction."))

    def validate_ends_on(self, field: Field) -> None:
        """Ask for a last day that comes after the first."""
        first = self.starts_on.data
        if first is None or field.data is None or not first <= field.data <= date(2100, 1, 1):
            raise ValidationError(_("Le dernier jour vient après le premier."))

    def validate_most_uses(self, field: Field) -> None:
        """Ask for a number of uses."""
        field.errors = []
        if field.data is None or not 1 <= field.data <= MOST_USES:
            raise ValidationError(_("Écrivez un nombre de 1 à 10 000."))

    def validate_most_per_buyer(self, field: Field) -> None:
        """Ask for no more uses per buyer than in all."""
        field.errors = []
        if field.data is None or not 1 <= field.data <= (self.most_uses.data or 1):
            raise ValidationError(_("Écrivez un nombre, pas plus que le total."))

    def draft(self, store: Store) -> CodeDraft:
        """Give what was said; only after validation."""
        return CodeDraft(
            code=self.code.data, percent=self.percent.data,
            off=_or_none(self.off, store.currency), least=self.least.money(store.currency),
            starts_on=self.starts_on.data, ends_on=self.ends_on.data,
            most_uses=self.most_uses.data, most_per_buyer=self.most_per_buyer.data,
        )  # fmt: skip


def _amount(field: Any) -> Money:
    return Money.typed(field.data, "XOF")
