"""`python -m tests.chaos --payments 20 --kills 15`: kill everything while money moves, then count.

A driver pays over plain HTTP and payers answer on their phones, a seller takes money out, and a killer
takes processes and Valkey away on a seeded timetable. When it stops, everything must converge: our
receipts and payouts are the providers' own book, `flask ledger check` is clean, nobody paid twice and
nothing left twice. Exit 0 if so.
"""

from __future__ import annotations

import argparse
import random
import re
import sys
import threading
import time
from collections import Counter
from contextlib import suppress

import requests
import sqlalchemy as sa
from flask import Flask

import config
from shop import create_app
from shop.db import session
from shop.payments.models import Payment, PaymentEvent, Receipt
from shop.payments.states import ENDED
from tests.chaos.sending import Sellers
from tests.chaos.town import Town
from tests.marketplace import make_order, make_product, make_user, new_phone, sign_in

#: The longest an undecided attempt may take: lease, time limit, visibility lag, polls (V1).
CONVERGE_S = 300.0
METHODS = ("mtn-ci", "wave-ci")
PAYER = {"mtn-ci": "0501020304", "wave-ci": "0701020304"}


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


class Killer(threading.Thread):
    """Takes something away every second or so."""

    def __init__(self, town: Town, kills: int, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.town, self.kills, self.chance = town, kills, chance
        self.done: Counter[str] = Counter()
        self.finished, self.go_home = threading.Event(), threading.Event()

    def run(self) -> None:
        self.work()
        self.finished.set()
        # The kernel ends the processes a thread started together with that thread: stay.
        self.go_home.wait()

    def work(self) -> None:
        for _ in range(self.kills):
            time.sleep(self.chance.uniform(0.5, 2.0))
            what = self.chance.choice(["web", "worker", "worker", "clock", "valkey", "freeze"])
            self.done[what] += 1
            if what == "valkey":
                self.town.forget()
            elif what == "freeze":
                self.town.freeze("worker", self.chance.uniform(1, 4))
            else:
                self.town.kill(what)


class Payers(threading.Thread):
    """Answer every request that appears on a phone: most accept, some refuse."""

    def __init__(self, town: Town, chance: random.Random) -> None:
        super().__init__(daemon=True)
        self.town, self.chance, self.stop = town, chance, threading.Event()
        self.answers: dict[int, str] = {}

    def run(self) -> None:
        while not self.stop.wait(0.3):
            with suppress(requests.RequestException):
                prompts = requests.get(f"{self.town.phones}/api/prompts", timeout=5).json()
                for prompt in prompts["prompts"]:
                    self.answer(prompt)

    def answer(self, prompt: dict[str, object]) -> None:
        refuses = prompt["provider"] == "mtn" and self.chance.random() < 0.3
        act = self.answers.setdefault(int(str(prompt["id"])), "refuse" if refuses else "accept")
        body = {} if prompt["phone"] else {"phone": "+2250701020304"}
        url = f"{self.town.phones}/api/prompts/{prompt['id']}/{act}"
        requests.post(url, json=body, timeout=5)


class Buyer:
    """A signed-in person who pays one order after another, and tries again when the site is away."""

    def __init__(self, town: Town, app: Flask) -> None:
        self.town, self.http = town, requests.Session()
        phone = new_phone()
        self.user = make_user(phone=phone)
        self.product = make_product(price=1_000, stock=10_000)
        client = app.test_client()
        sign_in(client, phone)
        cookie = client.get_cookie("session")
        assert cookie is not None, "signing in leaves a cookie"
        self.http.cookies.set("session", cookie.value, domain="127.0.0.1", path="/")

    def pay(self, method: str) -> str:
        """Pay a new order; give the reference of the attempt."""
        order = make_order((self.product, 1), user=self.user)
        url = f"{self.town.site}/order/{order.reference}/payment/"
        session.rollback()
        page = self.insist("GET", url)
        form = {
            name: re.search(rf'name="{name}"[^>]* value="([^"]+)"', page.text).group(1)  # type: ignore[union-attr]
            for name in ("csrf_token", "form_key")
        }
        form |= {"country": "CI", "phone": PAYER[method], "method": method}
        # The same form again and again: the site may have died after it heard us.
        answer = self.insist("POST", url, data=form)
        assert answer.status_code == 303, f"{answer.status_code}: {answer.text[:500]}"
        return answer.headers["Location"].rstrip("/").split("/")[-2]

    def insist(self, method: str, url: str, **how: object) -> requests.Response:
        deadline, heard = time.monotonic() + 60, "nothing"
        while True:
            try:
                answer = self.http.request(method, url, timeout=10, allow_redirects=False, **how)  # type: ignore[arg-type]
                if answer.status_code < 500:
                    return answer
                heard = f"HTTP {answer.status_code}"
            except requests.RequestException as error:
                heard = str(error)
            if time.monotonic() > deadline:
                raise RuntimeError(f"{url}: {heard}\n{self.town.log('web')[-3000:]}")
            time.sleep(0.3)


def undecided(references: list[str]) -> Counter[str]:
    """Count the attempts that are still without an end."""
    session.rollback()
    statuses = session.scalars(
        sa.select(Payment.status).where(
            Payment.reference.in_(references), Payment.status.not_in(ENDED)
        )
    ).all()
    session.rollback()
    return Counter(statuses)


def differences(town: Town) -> list[str]:
    """Compare our receipts with the providers' own book, and let the books prove themselves."""
    book = requests.get(f"{town.phones}/api/book", timeout=10).json()["movements"]
    theirs = {
        (m["provider"], m["transaction_id"]): (int(m["amount"]), m["reference"]) for m in book
    }
    rows = session.execute(
        sa.select(Receipt, Payment.reference).join(Payment, Payment.id == Receipt.payment_id)
    )
    ours = {(r.provider, r.transaction_ref): (r.amount, reference) for r, reference in rows}
    found = [
        f"{key}: ours {ours.get(key)}, theirs {theirs.get(key)}"
        for key in ours.keys() ^ theirs.keys()
    ]
    found += [
        f"{key}: ours {ours[key]}, theirs {theirs[key]}"
        for key in ours.keys() & theirs.keys()
        if ours[key] != theirs[key]
    ]
    twice = [name for name, times in Counter(m["reference"] for m in book).items() if times > 1]
    found += [f"{reference} was paid twice" for reference in twice]
    session.rollback()
    checked = town.command("ledger", "check")
    if checked.returncode:
        found.append(f"flask ledger check: {checked.stdout}{checked.stderr}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--payments", type=int, default=20)
    parser.add_argument("--payouts", type=int, default=30)
    parser.add_argument("--kills", type=int, default=15)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6))
    options = parser.parse_args()
    amounts = f"{options.payments} payments, {options.payouts} payouts, {options.kills} kills"
    say(f"seed {options.seed}: {amounts}")
    town = Town()
    try:
        return campaign(town, options)
    finally:
        town.close()


def campaign(town: Town, options: argparse.Namespace) -> int:
    """Pay under fire, wait for peace, and count."""
    chance = random.Random(options.seed)
    app = create_app(config.from_environment(town.environment))
    app.config.update(TESTING=True, WTF_CSRF_ENABLED=False)
    payers = Payers(town, random.Random(options.seed + 1))
    killer = Killer(town, options.kills, random.Random(options.seed + 2))
    with app.app_context():
        buyer = Buyer(town, app)
        session.rollback()
        sellers = Sellers(town, buyer.user.id, random.Random(options.seed + 3))
        session.rollback()
        payers.start()
        killer.start()
        references: list[str] = []
        while len(references) < options.payments or len(sellers.asked) < options.payouts:
            if len(sellers.asked) < options.payouts:
                sellers.withdraw()
            if len(references) < options.payments and chance.random() < 0.7:
                references.append(buyer.pay(chance.choice(METHODS)))
            time.sleep(chance.uniform(0, 0.7))
        killer.finished.wait()
        deadline = time.monotonic() + CONVERGE_S
        while (left := undecided(references)) and time.monotonic() < deadline:
            time.sleep(2)
        unsent = sellers.wait(deadline)
        payers.stop.set()
        payers.join()
        found = differences(town) + sellers.differences()
        found += [f"{count} attempts are still {status}" for status, count in left.items()]
        found += [f"{count} payouts are still {status}" for status, count in unsent.items()]
        report(references, killer.done)
        say(sellers.report())
        session.remove()
        killer.go_home.set()
    for line in found:
        say(f"WRONG {line}")
    return 1 if found else 0


def report(references: list[str], killed: Counter[str]) -> None:
    """Say what happened, and how often it was dangerous."""
    ends = Counter(
        session.scalars(sa.select(Payment.status).where(Payment.reference.in_(references)))
    )
    lost = session.scalar(
        sa.select(sa.func.count(PaymentEvent.id)).where(PaymentEvent.new == "unknown")
    )
    say(f"killed: {dict(killed)}")
    say(f"ended: {dict(ends)}; of these {lost} were unknown for a while")


if __name__ == "__main__":
    sys.exit(main())
