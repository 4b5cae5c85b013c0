"""What a member fills in to contribute: how much, for which share, from where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from flask_wtf import FlaskForm
from wtforms import Field, HiddenField, PasswordField, RadioField, SelectField, StringField
from wtforms import ValidationError as Wrong

from shop.i18n import _, _l, amount_text
from shop.money import Money, MoneyError

#: Above this, in whole units of the currency, the wallet asks for the PIN (UX §4.7).
PIN_ABOVE: Final = 50_000


def is_large(money: Money) -> bool:
    """Say whether an amount leaves a wallet only with the PIN."""
    return money > Money(PIN_ABOVE * int(10**money.exponent), money.currency)


class PayForm(FlaskForm):  # type: ignore[misc]
    """Pay what one owes, or ahead, from the wallet or by mobile money."""

    form_key = HiddenField()
    amount = StringField(_l("Montant"))
    share = SelectField(_l("Pour quelle part"), default="")
    source = RadioField(_l("Depuis"), default="wallet")
    pin = PasswordField(_l("Votre code PIN"))

    def __init__(self, held: Sequence[str], wallet: Money, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.wallet = wallet
        self.money: Money | None = None
        self.share.choices = [
            ("", _("Ce qui est dû d’abord, dans l’ordre")),
            *((code, _("La part %(code)s d’abord", code=code)) for code in held),
        ]
        self.source.choices = [
            ("wallet", _("Mon portefeuille (%(amount)s)", amount=amount_text(wallet))),
            ("payment", _("Mobile money")),
        ]

    @property
    def asks_pin(self) -> bool:
        """Say whether this amount leaves the wallet only with the PIN."""
        from_wallet = self.source.data == "wallet"
        return from_wallet and self.money is not None and is_large(self.money)

    def validate_form_key(self, field: Field) -> None:
        """Refuse a form that was not ours."""
        if not 16 <= len(field.data or "") <= 64:
            raise Wrong(_("Rechargez la page et recommencez."))

    def validate_amount(self, field: Field) -> None:
        """Read the amount."""
        self.money = read_amount(field, self.wallet.currency)


class CashForm(FlaskForm):  # type: ignore[misc]
    """The treasurer writes down cash she was given."""

    form_key = HiddenField()
    member = SelectField(_l("Donné par"), coerce=int)
    amount = StringField(_l("Montant reçu en espèces"))

    def __init__(self, people: Sequence[tuple[int, str]], currency: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.member.choices = list(people)
        self.currency = currency
        self.money: Money | None = None

    def validate_form_key(self, field: Field) -> None:
        """Refuse a form that was not ours."""
        if not 16 <= len(field.data or "") <= 64:
            raise Wrong(_("Rechargez la page et recommencez."))

    def validate_amount(self, field: Field) -> None:
        """Read the amount."""
        self.money = read_amount(field, self.currency)


def read_amount(field: Field, currency: str) -> Money:
    """Read a whole amount above zero, in multiples of the smallest coin."""
    try:
        money = Money.typed(field.data or "", currency)
    except MoneyError as error:
        raise Wrong(_("Écrivez un montant entier, sans virgule.")) from error
    if not money:
        raise Wrong(_("Écrivez un montant entier, sans virgule."))
    return money
