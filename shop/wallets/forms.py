"""The wallet's forms: how much to put in or take out, to which number, and the PIN that says it is you."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import HiddenField, PasswordField, RadioField, StringField, ValidationError

from shop.accounts.forms import PhoneFields
from shop.i18n import _, _l, amount_text
from shop.money import Money, MoneyError
from shop.providers.methods import Method

#: Amounts offered as one tap, in whole units of the currency; "all of it" is added when it is another.
CHIPS: Final = (5_000, 10_000, 50_000)


#: Amounts offered as one tap for a top-up (UX §4.6).
TOP_UPS: Final = (1_000, 2_000, 5_000, 10_000)


class TopUpForm(FlaskForm):  # type: ignore[misc]
    """Put money into one's own wallet."""

    form_key = HiddenField()
    amount = StringField(_l("Montant à recharger"))

    def __init__(self, currency: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.money: Money | None = None

    def validate_form_key(self, field: Any) -> None:
        """Refuse a form that was not ours."""
        if not 16 <= len(field.data or "") <= 64:
            raise ValidationError(_("Rechargez la page et recommencez."))

    def validate_amount(self, field: Any) -> None:
        """Read the amount."""
        try:
            self.money = Money.typed(field.data or "", self.currency)
        except MoneyError as error:
            raise ValidationError(
                _("Écrivez un montant en chiffres, par exemple 5 000.")
            ) from error
        if not self.money:
            raise ValidationError(_("Écrivez un montant en chiffres, par exemple 5 000."))


class NewNumberForm(PhoneFields):
    """Another number to receive withdrawals, and the PIN that says it is really you."""

    pin = PasswordField(_l("Votre code PIN"))


class WithdrawForm(FlaskForm):  # type: ignore[misc]
    """Send money from the wallet to one's own phone."""

    form_key = HiddenField()
    currency = HiddenField()
    amount = StringField(_l("Montant à retirer"))
    method = RadioField(_l("Recevoir sur"))
    pin = PasswordField(_l("Votre code PIN"))

    def __init__(
        self, offered: Sequence[Method], available: Money, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.offered = {method.code: method for method in offered}
        self.available = available
        self.method.choices = [(method.code, method.label) for method in offered]
        self.method.validate_choice = False
        self.money: Money | None = None

    @property
    def chosen(self) -> Method | None:
        """The way out that was picked, among those that were offered."""
        return self.offered.get(self.method.data or "")

    def validate_form_key(self, field: Any) -> None:
        """Refuse a form that was not ours."""
        if not 16 <= len(field.data or "") <= 64:
            raise ValidationError(_("Rechargez la page et recommencez."))

    def validate_method(self, field: Any) -> None:
        """Accept a way out the page offered."""
        if self.chosen is None:
            raise ValidationError(_("Choisissez où recevoir l’argent."))

    def validate_amount(self, field: Any) -> None:
        """Read the amount; it is within the wallet and what the operator takes."""
        try:
            money = Money.typed(field.data or "", self.available.currency)
        except MoneyError as error:
            raise ValidationError(
                _("Écrivez un montant en chiffres, par exemple 5 000.")
            ) from error
        if not money:
            raise ValidationError(_("Écrivez un montant en chiffres, par exemple 5 000."))
        if money > self.available:
            raise ValidationError(
                _("Vous pouvez retirer %(amount)s au plus.", amount=amount_text(self.available))
            )
        method = self.chosen
        refused = method.refusal(money) if method is not None else None
        if refused is not None:
            raise ValidationError(
                _(
                    "N’accepte pas ce montant. Le plus proche : %(amount)s.",
                    amount=amount_text(refused.nearest),
                )
            )
        self.money = money


def chips(available: Money) -> list[Money]:
    """The amounts to offer as one tap: those the wallet can give, and all of it."""
    unit = 10**available.exponent
    usual = [Money(chip * unit, available.currency) for chip in CHIPS]
    return [*(chip for chip in usual if chip < available), available]
