"""What sellers fill in. Fields keep what was typed; each refusal says how to mend it."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import MultipleFileField
from wtforms import (
    BooleanField,
    Field,
    HiddenField,
    IntegerField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    ValidationError,
)
from wtforms.widgets import TextInput

from shop.i18n import _, _l
from shop.money import Money, MoneyError
from shop.phone import COUNTRIES, CURRENCIES, Phone, PhoneError, parse
from shop.stores import service, words
from shop.stores.member_models import Role
from shop.stores.models import Store
from shop.web import form_key

#: The smallest coin in hand; prices nobody can pay in cash are refused (UX §3.1).
COIN = 5


def tidy(text: str | None) -> str:
    """Drop spaces around and between words, and anything that is not printed."""
    printable = "".join(c if c.isprintable() or c == "\n" else " " for c in text or "")
    return "\n".join(" ".join(line.split()) for line in printable.strip().split("\n"))


def one_line(text: str | None) -> str:
    """Keep a short text on one line."""
    return " ".join(tidy(text).split())


class Length:
    """Refuse a text that is too short or too long, with a sentence of its own."""

    def __init__(self, low: int, high: int, sentence: Any) -> None:
        self.low, self.high, self.sentence = low, high, sentence

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Check the field."""
        if not self.low <= len(field.data or "") <= self.high:
            raise ValidationError(self.sentence)


class AmountField(StringField):  # type: ignore[misc]
    """An amount as people type it; `money(currency)` reads it, validation says if it can be read."""

    widget = TextInput()

    def money(self, currency: str) -> Money:
        """Read the amount; only after validation."""
        return Money.typed(self.data, currency)


class Amount:
    """Accept a whole amount, in steps of the smallest coin, from `low` up."""

    def __init__(self, low: int) -> None:
        self.low = low

    def __call__(self, form: FlaskForm, field: Field) -> None:
        """Check the field."""
        try:
            money = Money.typed(field.data or "", "XOF")
        except MoneyError as error:
            raise ValidationError(_("Écrivez un montant entier, sans virgule.")) from error
        if money.amount < self.low or money.amount > 100_000_000:
            raise ValidationError(_("Ce montant est hors limites."))
        if money.amount % COIN:
            raise ValidationError(
                _("Écrivez un multiple de 5 : il n’y a pas de pièce plus petite.")
            )


class StoreForm(FlaskForm):  # type: ignore[misc]
    """Open a shop."""

    name = StringField(
        _l("Nom de la boutique"),
        [Length(3, 60, _l("Donnez un nom de 3 à 60 lettres."))],
        filters=[one_line],
    )
    about = TextAreaField(
        _l("Ce que vous vendez"),
        [Length(10, 500, _l("Dites en quelques mots ce que vous vendez (10 à 500 lettres)."))],
        filters=[tidy],
    )
    country = SelectField(_l("Pays"))
    town = StringField(
        _l("Ville"), [Length(2, 60, _l("Écrivez le nom de votre ville."))], filters=[one_line]
    )
    quarter = StringField(
        _l("Commune ou quartier"),
        [Length(2, 60, _l("Écrivez votre commune ou votre quartier."))],
        filters=[one_line],
    )
    delivery = AmountField(_l("Prix d’une livraison dans votre ville"), [Amount(0)])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.country.choices = [(code, words.country_name(code)) for code in COUNTRIES]

    def draft(self) -> service.StoreDraft:
        """Give what was said; only after validation."""
        return service.StoreDraft(
            name=self.name.data, about=self.about.data, country=self.country.data,
            town=self.town.data, quarter=self.quarter.data,
            delivery=self.delivery.money(CURRENCIES[self.country.data]),
        )  # fmt: skip


class ProductForm(FlaskForm):  # type: ignore[misc]
    """Describe a product."""

    photos = MultipleFileField(_l("Photos"))
    name = StringField(
        _l("Nom du produit"),
        [Length(3, 80, _l("Donnez un nom de 3 à 80 lettres."))],
        filters=[one_line],
    )
    category = SelectField(_l("Rayon"), coerce=int)
    price = AmountField(_l("Prix"), [Amount(COIN)])
    stock = IntegerField(_l("Combien en avez-vous ?"))
    description = TextAreaField(
        _l("Description"),
        [Length(0, 2000, _l("2 000 lettres au plus."))],
        filters=[tidy],
    )
    prepaid_only = BooleanField(_l("Jamais payé à la porte"))
    form_key = HiddenField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        english = words.english()
        self.category.choices = [
            (c.id, c.name_en if english else c.name_fr) for c in service.categories()
        ]

    def validate_stock(self, field: Field) -> None:
        """Accept a count that one person can have at home."""
        field.errors = []
        if field.data is None or not 0 <= field.data <= 100_000:
            raise ValidationError(_("Écrivez un nombre entier, de 0 à 100 000."))

    def validate_form_key(self, field: Field) -> None:
        """Replace a key that we cannot have made: the form then counts as a new one."""
        if not 16 <= len(field.data or "") <= 64 or not field.data.isprintable():
            field.data = form_key()

    def sent_photos(self) -> list[Any]:
        """List the files that were really chosen."""
        return [upload for upload in self.photos.data or [] if getattr(upload, "filename", "")]

    def draft(self, store: Store) -> service.ProductDraft:
        """Give what was said; only after validation."""
        return service.ProductDraft(
            name=self.name.data, category_id=self.category.data, stock=self.stock.data,
            price=self.price.money(store.currency), description=self.description.data,
            prepaid_only=bool(self.prepaid_only.data),
        )  # fmt: skip


class EditForm(ProductForm):
    """Change a product: the stock that the page showed travels with it."""

    seen_stock = HiddenField()
    dropped = SelectMultipleField(_l("Photos à retirer"), validate_choice=False)


class InviteForm(FlaskForm):  # type: ignore[misc]
    """Invite somebody to work in the shop."""

    country = SelectField(_l("Pays du numéro"))
    number = StringField(_l("Numéro de la personne"))
    role = SelectField(_l("Ce que la personne peut faire"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.parsed: Phone | None = None
        self.country.choices = [(code, words.country_name(code)) for code in COUNTRIES]
        self.role.choices = [(str(r), words.RIGHTS[r]) for r in (Role.CASHIER, Role.SELLER)]

    def validate_number(self, field: Field) -> None:
        """Accept a number that a telephone can have."""
        try:
            self.parsed = parse(field.data or "", self.country.data or "CI")
        except PhoneError as error:
            raise ValidationError(
                _("Écrivez un numéro de téléphone complet, par exemple 07 01 02 03 04.")
            ) from error
