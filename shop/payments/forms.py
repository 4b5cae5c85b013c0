"""The pay form: whose phone, which method, and the code typed beforehand where one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask_wtf import FlaskForm
from wtforms import HiddenField, RadioField, StringField, ValidationError

from shop import phone as phones
from shop.i18n import _, _l, amount_text
from shop.money import Money
from shop.phone import Phone, PhoneError
from shop.providers import methods
from shop.providers.methods import AmountRefused, Consent, Method


@dataclass(frozen=True, slots=True)
class Choice:
    """A method as the page offers it: the exact total, and why it cannot be picked, if so."""

    method: Method
    total: Money
    suggested: bool
    obstacle: str | None


def choices(
    usable: Sequence[Method], owed: Money, guess: Method | None, resting: Sequence[str]
) -> list[Choice]:
    """Price every method, the suggested one first; say why one is out of reach just now."""
    offered = []
    for method in sorted(usable, key=lambda m: m is not guess):
        total = method.total(owed)
        offered.append(Choice(method, total, method is guess, _obstacle(method, total, resting)))
    return offered


def _obstacle(method: Method, total: Money, resting: Sequence[str]) -> str | None:
    refused: AmountRefused | None = method.refusal(total)
    if refused is not None:
        return str(
            _(
                "N’accepte pas ce montant. Le plus proche : %(amount)s.",
                amount=amount_text(refused.nearest),
            )
        )
    if method.provider in resting:
        return str(_("%(label)s est perturbé en ce moment.", label=method.label))
    return None


class PayForm(FlaskForm):  # type: ignore[misc]
    """Pay an order by mobile money."""

    form_key = HiddenField()
    country = HiddenField()
    phone = StringField(_l("Numéro mobile money"))
    method = RadioField(_l("Payer avec"))
    otp = StringField(_l("Code reçu"))

    def __init__(self, offered: Sequence[Choice], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {choice.method.code: choice for choice in offered}
        self.method.choices = [
            (code, choice.method.label)
            for code, choice in self.offered.items()
            if choice.obstacle is None
        ]
        self.method.validate_choice = False
        self.number: Phone | None = None
        self.proposed: str | None = None

    @property
    def chosen(self) -> Method | None:
        """The method that was picked, among those that can be."""
        choice = self.offered.get(self.method.data or "")
        return choice.method if choice is not None and choice.obstacle is None else None

    def validate_form_key(self, field: Any) -> None:
        """Refuse a form that was not ours."""
        if not 16 <= len(field.data or "") <= 64:
            raise ValidationError(_("Rechargez la page et recommencez."))

    def validate_phone(self, field: Any) -> None:
        """Read the number; an old Beninese one is written the new way and shown first."""
        try:
            number = phones.parse(field.data or "", self.country.data or "CI")
        except PhoneError as error:
            raise ValidationError(
                _("Écrivez un numéro de téléphone complet, par exemple 07 01 02 03 04.")
            ) from error
        if number.upgraded:
            self.proposed = field.data = phones.local(number.e164)
            raise ValidationError(
                _(
                    "Ce numéro s’écrit maintenant %(number)s. Vérifiez et continuez.",
                    number=field.data,
                )
            )
        self.number = number

    def validate_method(self, field: Any) -> None:
        """Accept a method the page offered, reachable now."""
        choice = self.offered.get(field.data or "")
        if choice is None:
            raise ValidationError(_("Choisissez un moyen de paiement."))
        if choice.obstacle is not None:
            raise ValidationError(choice.obstacle)

    def validate_otp(self, field: Any) -> None:
        """Ask for the code where the operator wants one before we call."""
        method = self.chosen
        if method is None or method.consent is not Consent.OTP_BEFORE:
            field.data = None
            return
        code = "".join((field.data or "").split())
        if not (code.isascii() and code.isdigit() and 4 <= len(code) <= 8):
            raise ValidationError(
                _("Composez %(ussd)s et recopiez ici le code reçu.", ussd=method.ussd)
            )
        field.data = code


class ClaimForm(FlaskForm):  # type: ignore[misc]
    """The buyer says it is paid, with the reference of the operator's SMS."""

    typed = StringField(_l("Référence dans le SMS de l’opérateur"))

    def validate_typed(self, field: Any) -> None:
        """Keep it as typed, within 4 to 40 printable characters."""
        field.data = " ".join((field.data or "").split())
        if not 4 <= len(field.data) <= 40 or not field.data.isprintable():
            raise ValidationError(_("Recopiez la référence du SMS : de 4 à 40 caractères."))


def usable_for(country: str, owed: Money) -> Sequence[Method]:
    """The methods of a payer's country that pay in this currency."""
    return methods.for_country(country, owed.currency)


def countries_for(currency: str) -> list[str]:
    """The countries from which this currency can be paid, in menu order."""
    served = {m.country for m in methods.all_methods() if m.currency == currency}
    return [country for country in phones.COUNTRIES if country in served]
