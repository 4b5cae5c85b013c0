"""What an owner fills in about being paid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField, ValidationError

from shop.accounts.forms import PhoneFields
from shop.earnings.models import Schedule
from shop.i18n import _, _l
from shop.money import Money, MoneyError

SCHEDULES = {
    Schedule.ON_DEMAND: _l("Quand je le demande"),
    Schedule.DAILY: _l("Chaque jour"),
    Schedule.WEEKLY: _l("Chaque lundi"),
    Schedule.THRESHOLD: _l("Dès que j’atteins un montant"),
}


class TermsForm(FlaskForm):  # type: ignore[misc]
    """When a shop is paid, and by which operator."""

    schedule = RadioField(_l("Quand vous verser votre argent"))
    threshold = StringField(_l("Montant à atteindre"))
    operator = RadioField(_l("Recevoir sur"))

    def __init__(self, operators: Sequence[tuple[str, str]], currency: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.schedule.choices = [(str(word), label) for word, label in SCHEDULES.items()]
        self.operator.choices = list(operators)
        self.operator.validate_choice = False
        self.currency = currency
        self.money: Money | None = None

    def validate_threshold(self, field: Any) -> None:
        """Read the amount where it is asked for."""
        if self.schedule.data != Schedule.THRESHOLD:
            return
        try:
            self.money = Money.typed(field.data or "", self.currency)
        except MoneyError as error:
            raise ValidationError(
                _("Écrivez un montant en chiffres, par exemple 5 000.")
            ) from error
        if not Money(0, self.currency) < self.money <= Money(100_000_000, self.currency):
            raise ValidationError(_("Ce montant est hors limites."))

    def validate_operator(self, field: Any) -> None:
        """Accept an operator that the page offered, or none where it offered none."""
        known = [code for code, _label in self.operator.choices]
        if known and field.data not in known:
            raise ValidationError(_("Choisissez où recevoir l’argent."))


class NewNumberForm(PhoneFields):
    """Another number to be paid on, and the PIN that says it is really you."""

    pin = PasswordField(_l("Votre code PIN"))
