"""Why an attempt to pay cannot begin; nothing is written then."""

from __future__ import annotations

from shop.errors import Conflict, Refusal


class AttemptUnderWay(Conflict):
    """Another attempt may still take the money; the buyer watches it or gives it up first."""

    code = "attempt_under_way"

    def __init__(self, reference: str) -> None:
        super().__init__(f"payment {reference} is under way")
        self.reference = reference


class NotPayable(Conflict):
    """It is paid, cancelled, or somebody else's."""

    code = "not_payable"


class MethodStopped(Conflict):
    """The shop stopped this method, or its provider's collections, since the page was shown."""

    code = "method_stopped"


class TooManyAttempts(Refusal):
    """One phone was asked so often that another request would only be a nuisance to its owner."""

    code = "too_many_attempts"
    http_status = 429
