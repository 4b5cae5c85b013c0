"""`flask reviews`: hide what does not belong on a shop's page, with a written reason."""

from __future__ import annotations

import click
from flask.cli import AppGroup

from shop import references
from shop.cli.options import name_option, reason_option
from shop.cli.output import Exit, emit, fail, json_option
from shop.errors import NotFound
from shop.reputation import service

group = AppGroup("reviews", help="What buyers say of shops: hide.")


@group.command("hide")
@click.argument("reference")
@reason_option
@name_option
@json_option
def hide(reference: str, reason: str, name: str, as_json: bool) -> None:
    """Hide the review of a seller order. Its seller still sees it, with the reason."""
    if not (reason.strip() and name.strip()):
        fail(Exit.USAGE, "needs_reason", "--reason and --as say why and who.", as_json=as_json)
    try:
        review = service.hide(references.parse(reference) or "", why=reason, author=name)
    except NotFound:
        fail(Exit.NOT_FOUND, "not_found", f"No review of {reference}.", as_json=as_json)
    emit(
        [
            {
                "reference": references.spaced(review.part.reference),
                "stars": review.stars,
                "words": review.words,
                "hidden": review.hidden_at.isoformat(timespec="seconds")
                if review.hidden_at
                else "-",
                "by": review.hidden_by,
                "why": review.hidden_why,
            }
        ],
        as_json=as_json,
    )
