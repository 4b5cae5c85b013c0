"""Making a circle: five short steps, the plan as it would be, and the door opened to members."""

from __future__ import annotations

from dataclasses import dataclass

from flask import redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from shop.money import Money
from shop.tontines import creation, plan_forms, simulation
from shop.tontines.plan_forms import PlanForm
from shop.tontines.refusals import TontineRefused, Why
from shop.tontines.rights import Doing
from shop.tontines.seats import Seat, bp, seat
from shop.tontines.states import CycleStatus, JoinPolicy
from shop.tontines.wording import sentence
from shop.web import form_key, signed_in

Page = Response | str | tuple[str, int]

#: The page after the five steps.
PLAN = 6


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan as far as it was said, and the step that is shown."""

    form: PlanForm
    step: int
    problems: tuple[str, ...] = ()


def _draft(values: MultiDict[str, str], asked: int) -> Draft:
    form = PlanForm(values, country=current_user.country)
    wrong = plan_forms.first_wrong(form, min(asked, PLAN))
    if wrong is not None:
        return Draft(form, wrong)
    if asked < PLAN:
        return Draft(form, max(1, asked))
    refused = tuple(sentence(problem) for problem in plan_forms.problems(form))
    return Draft(form, PLAN, refused)


@bp.get("/new/")
@signed_in
def new() -> Page:
    """Show one step of the plan, or the whole plan with its dates, turns and risks."""
    draft = _draft(request.args, request.args.get("step", 1, int))
    return _page(draft, form_key())


def _page(draft: Draft, key: str, here: Seat | None = None) -> str:
    steps = plan_forms.steps(draft.form)
    address = url_for("tontines.new")
    if here is not None:
        address = url_for("tontines.change_rules", reference=here.tontine.reference)
    if draft.step == PLAN:
        plan = None if draft.problems else simulation.of(draft.form.rules(), request.args)
        return render_template(
            "tontines/plan.html",
            draft=draft,
            seat=here,
            address=address,
            plan=plan,
            form=draft.form,
            said=plan_forms.said(draft.form),
            key=key,
            zone=draft.form.when().timezone,
            zero=Money(0, draft.form.currency),
        )
    step = steps[draft.step - 1]
    return render_template(
        "tontines/new.html",
        step=step,
        seat=here,
        address=address,
        number=draft.step,
        steps=len(steps),
        form=draft.form,
        errors=draft.form.errors,
        said=plan_forms.said(draft.form, besides=step.fields),
        all_said=plan_forms.said(draft.form),
    )


@bp.post("/new/")
@signed_in
def create() -> Page:
    """Publish the plan: a circle whose founder is its president; the same form makes one."""
    draft = _draft(request.form, PLAN)
    key = request.form.get("form_key", "")
    if draft.step != PLAN or draft.problems or not 16 <= len(key) <= 64:
        return _page(draft, form_key()), 422
    form = draft.form
    made = creation.create(
        current_user.id,
        form.name.data,
        form.rules(),
        country=form.country.data,
        join_policy=JoinPolicy(form.door.data),
        form_key=key,
    )
    creation.open_to_members(made.id, current_user.id)
    return redirect(url_for("tontines.home", reference=made.reference), 303)


@bp.get("/<reference>/rules/change/")
@signed_in
def change_rules(reference: str) -> str:
    """Walk the same five steps from the present rules; officers may propose, by sending the address."""
    here = _changing(reference)
    asked = request.args.get("step", 2, int)
    return _page(_draft(_said_of(here, request.args), max(2, asked)), form_key(), here)


@bp.post("/<reference>/rules/change/")
@signed_in
def publish_rules(reference: str) -> Page:
    """Publish the next version of the rules, before the start; everybody accepts again (R14)."""
    here = _changing(reference)
    here.must(Doing.CHANGE_RULES)
    draft = _draft(_said_of(here, request.form), PLAN)
    if draft.step != PLAN or draft.problems:
        return _page(draft, form_key(), here), 422
    rules = plan_forms.keeping(here.at.rules, draft.form.rules())
    creation.publish(here.tontine.id, current_user.id, rules)
    return redirect(url_for("tontines.rules", reference=reference), 303)


def _changing(reference: str) -> Seat:
    here = seat(reference)
    here.must(Doing.PROPOSE_RULES)
    if here.at.cycle.status != CycleStatus.ENROLLING:
        raise TontineRefused(Why.NOT_NOW)
    return here


def _said_of(here: Seat, values: MultiDict[str, str]) -> MultiDict[str, str]:
    """What was said over what the rules say now; a circle keeps its name, its country and its door."""
    tontine = here.tontine
    fixed = {"name": tontine.name, "country": tontine.country, "door": tontine.join_policy}
    return MultiDict({**plan_forms.of_rules(here.at.rules), **values.to_dict(), **fixed})


@bp.get("/<reference>/plan/")
@signed_in
def plan(reference: str) -> str:
    """Show what the rules make of a cycle: dates, turns, what is at risk (J8)."""
    here = seat(reference)
    return render_template(
        "tontines/exposure.html",
        seat=here,
        tontine=here.tontine,
        zone=here.zone,
        plan=simulation.of(here.at.rules, request.args),
    )
