"""What people type to sign in. Fields keep what was typed, except codes and PINs."""

from __future__ import annotations

from typing import Any

from flask_babel import get_locale
from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, SelectField, StringField, ValidationError
from wtforms.fields import SelectChoice

from shop import phone as phones
from shop.accounts import pins
from shop.i18n import LANGUAGES, _, _l


def country_choices() -> list[SelectChoice]:
    """List the countries we serve, as a menu: `+225 Côte d’Ivoire`."""
    names = get_locale().territories
    return [SelectChoice(code, f"+{dial} {names[code]}") for code, dial in phones.COUNTRIES.items()]


def one_line(text: str | None) -> str:
    """Keep a short text on one line, without what is not printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text or "").split())


class PhoneFields(FlaskForm):  # type: ignore[misc]
    """A country and a number; after validation `number` holds the phone."""

    country = SelectField(_l("Pays"))
    phone = StringField(_l("Numéro de téléphone"))
    number: phones.Phone | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country.choices = country_choices()

    def validate_phone(self, field: Field) -> None:
        """Read the number in the chosen country."""
        if self.country.data not in phones.COUNTRIES:
            return
        try:
            self.number = phones.parse(field.data or "", self.country.data)
        except phones.PhoneError as error:
            raise ValidationError(_("Ce numéro n’est pas complet ou pas valable.")) from error


class NumberForm(PhoneFields):
    """Whose number signs in."""

    borrowed = BooleanField(_l("Ce n’est pas mon téléphone"))


class CodeForm(FlaskForm):  # type: ignore[misc]
    """The six digits received."""

    code = StringField(_l("Code reçu"), filters=[lambda text: "".join((text or "").split())])

    def validate_code(self, field: Field) -> None:
        """Accept six plain digits."""
        if len(field.data) != 6 or not (field.data.isascii() and field.data.isdigit()):
            raise ValidationError(_("Le code a 6 chiffres."))


class PinForm(FlaskForm):  # type: ignore[misc]
    """The PIN of a known device."""

    pin = PasswordField(_l("Code PIN"))


class NewForm(FlaskForm):  # type: ignore[misc]
    """A first time: what to call you, and the PIN you choose."""

    name = StringField(_l("Votre nom"), filters=[one_line])
    pin = PasswordField(_l("Choisissez un code PIN"))
    again = PasswordField(_l("Le même code PIN, encore une fois"))

    def validate_name(self, field: Field) -> None:
        """Ask for something to call people by."""
        check_name(field)

    def validate_pin(self, field: Field) -> None:
        """Refuse what is not five digits, and what anyone would try first."""
        if not pins.is_pin(field.data or ""):
            raise ValidationError(_("Le code PIN a 5 chiffres."))
        if pins.is_weak(field.data):
            raise ValidationError(
                _("Ce code PIN est trop facile à deviner. Évitez les suites et les années.")
            )

    def validate_again(self, field: Field) -> None:
        """Catch a slip of the thumb."""
        if field.data != self.pin.data:
            raise ValidationError(_("Les deux codes PIN ne sont pas les mêmes."))


class ProfileForm(FlaskForm):  # type: ignore[misc]
    """What may be changed of oneself."""

    name = StringField(_l("Votre nom"), filters=[one_line])
    language = SelectField(
        _l("Langue des messages"), choices=[SelectChoice(*item) for item in LANGUAGES.items()]
    )

    def validate_name(self, field: Field) -> None:
        """Ask for something to call people by."""
        check_name(field)


def check_name(field: Field) -> None:
    """Refuse a name that is empty or too long."""
    if not 2 <= len(field.data or "") <= 80:
        raise ValidationError(_("Écrivez un nom de 2 à 80 lettres."))
