"""Where to deliver, as people say it: town, quarter, landmark, and who receives."""

from __future__ import annotations

import re
from typing import Any

from wtforms import Field, HiddenField, SelectField, StringField, ValidationError
from wtforms.fields import SelectChoice

from shop import phone as phones
from shop.accounts.forms import PhoneFields, check_name, one_line
from shop.accounts.models import User
from shop.checkout.service import Guest
from shop.i18n import _, _l
from shop.orders.service import Contact

_FORM_KEY = re.compile(r"[A-Za-z0-9_-]{16,64}")


class CheckoutForm(PhoneFields):
    """One page: who you are, where it goes. Signed-in buyers are not asked who they are."""

    name = StringField(_l("Votre nom"), filters=[one_line])
    town = SelectField(_l("Ville"))
    quarter = StringField(_l("Commune ou quartier"), filters=[one_line])
    landmark = StringField(_l("Point de repère"), filters=[one_line])
    other_name = StringField(_l("Son nom"), filters=[one_line])
    other_phone = StringField(_l("Son numéro"))
    form_key = HiddenField()
    seen = HiddenField()
    """The price of the articles the page showed, in minor units: only to say that it changed."""

    other_number: phones.Phone | None = None

    def __init__(
        self, payer: User | None, towns: list[str], *, fetched: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.fetched = fetched
        self.town.choices = [SelectChoice(town, town) for town in towns]
        self.payer = payer
        if payer is not None and payer.verified_at is not None:
            del self.name
            del self.phone

    @property
    def for_other(self) -> bool:
        """Say whether somebody else was named to receive."""
        return bool(self.other_name.data or (self.other_phone.data or "").strip())

    @property
    def buyer(self) -> User | Guest:
        """Who orders: the user we know, else the guest described; only after validation."""
        if self.payer is not None and self.payer.verified_at is not None:
            return self.payer
        assert self.number is not None, "validate first"
        if self.payer is not None and self.payer.phone == self.number.e164:
            return self.payer
        return Guest(self.name.data, self.number)

    @property
    def contact(self) -> Contact:
        """Who receives, and where; only after validation."""
        if self.other_number is not None:
            name, number = self.other_name.data, self.other_number.e164
        else:
            buyer = self.buyer
            name = buyer.name
            number = buyer.number.e164 if isinstance(buyer, Guest) else buyer.phone
        return Contact(name, number, self.town.data, self.quarter.data, self.landmark.data)

    def validate_name(self, field: Field) -> None:
        """Ask a guest for a name."""
        check_name(field)

    def validate_quarter(self, field: Field) -> None:
        """Ask for a quarter, unless nothing is brought there."""
        if self.fetched:
            field.data = (field.data or "")[:60]
        elif not 2 <= len(field.data or "") <= 60:
            raise ValidationError(_("Écrivez votre commune ou votre quartier."))

    def validate_landmark(self, field: Field) -> None:
        """Ask for what a driver can find, if one comes."""
        if self.fetched:
            field.data = (field.data or "")[:160]
            return
        if len(field.data or "") < 10:
            raise ValidationError(_("Écrivez un point de repère de 10 lettres ou plus."))
        if len(field.data) > 160:
            raise ValidationError(_("Écrivez un point de repère plus court : 160 lettres au plus."))

    def validate_other_name(self, field: Field) -> None:
        """Ask who receives, when it is somebody else."""
        if self.for_other:
            check_name(field)

    def validate_other_phone(self, field: Field) -> None:
        """Ask for the number to call, when somebody else receives."""
        if not self.for_other or self.country.data not in phones.COUNTRIES:
            return
        try:
            self.other_number = phones.parse(field.data or "", self.country.data)
        except phones.PhoneError as error:
            raise ValidationError(_("Ce numéro n’est pas complet ou pas valable.")) from error

    def validate_form_key(self, field: Field) -> None:
        """Refuse a key that no page of ours made."""
        if not _FORM_KEY.fullmatch(field.data or ""):
            raise ValidationError(_("Rechargez la page et recommencez."))
