"""The pay form: whose phone, which method, and the code typed beforehand where one is needed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, RadioField, StringField, ValidationError

from shop import phone as phones
from shop.i18n import _, _l, amount_text
from shop.payments.choosing import Obstacle
from shop.payments.offering import Option
from shop.phone import Phone, PhoneError
from shop.providers import methods
from shop.providers.methods import Consent


def obstacle_sentence(option: Option) -> str | None:
    """Say why an operator is out of reach just now; None when it can be picked."""
    words = {
        "label": option.label,
        "amount": amount_text(option.nearest) if option.nearest else "",
    }
    return str(_OBSTACLES[option.obstacle]) % words if option.obstacle else None


_OBSTACLES: Final[dict[Obstacle, Any]] = {
    Obstacle.AMOUNT: _l("N’accepte pas ce montant. Le plus proche : %(amount)s."),
    Obstacle.RESTING: _l("%(label)s est perturbé en ce moment."),
    Obstacle.OFF: _l("%(label)s est suspendu par la boutique."),
}


class PayForm(FlaskForm):  # type: ignore[misc]
    """Pay an order by mobile money."""

    form_key = HiddenField()
    totals = HiddenField()
    """What the page showed under each method, so that this and nothing else is charged."""
    country = HiddenField()
    phone = StringField(_l("Numéro mobile money"))
    method = RadioField(_l("Payer avec"))
    otp = StringField(_l("Code reçu"))
    pin = PasswordField(_l("Votre code PIN"))
    """Asked where the wallet pays a large part beside the phone."""

    def __init__(self, offered: Sequence[Option], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {option.method.code: option for option in offered}
        self.method.choices = [
            (code, option.label) for code, option in self.offered.items() if not option.obstacle
        ]
        self.method.validate_choice = False
        self.number: Phone | None = None
        self.proposed: str | None = None

    @property
    def chosen(self) -> Option | None:
        """The option that was picked, among those that can be."""
        option = self.offered.get(self.method.data or "")
        return option if option is not None and not option.obstacle else None

    def show_totals(self) -> None:
        """Write into the form what its page shows under each method."""
        shown = (f"{code}={option.total.amount}" for code, option in self.offered.items())
        self.totals.data = " ".join(shown)

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
        """Accept what the page offered, if it can still be had as it was shown."""
        picked = field.data or ""
        option = next((o for o in self.offered.values() if picked in o.choice.ranking), None)
        if option is None:
            raise ValidationError(_("Choisissez un moyen de paiement."))
        sentence = obstacle_sentence(option)
        if sentence is not None:
            raise ValidationError(sentence)
        if option.method.code != picked or not self._was_shown(option):
            field.data = option.method.code
            raise ValidationError(
                _(
                    "Le chemin vers %(label)s vient de changer. Le total est maintenant %(total)s :"
                    " vérifiez et payez.",
                    label=option.label,
                    total=amount_text(option.total),
                )
            )

    def _was_shown(self, option: Option) -> bool:
        """Say whether the total is still the one under which it was picked."""
        shown = dict(pair.partition("=")[::2] for pair in (self.totals.data or "").split())
        amount = str(option.total.amount)
        return bool(shown.get(option.method.code, amount) == amount)

    def validate_otp(self, field: Any) -> None:
        """Ask for the code where the operator wants one before we call."""
        method = self.chosen.method if self.chosen else None
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


def countries_for(currency: str) -> list[str]:
    """The countries from which this currency can be paid, in menu order."""
    served = {m.country for m in methods.all_methods() if m.currency == currency}
    return [country for country in phones.COUNTRIES if country in served]
