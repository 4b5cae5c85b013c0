"""Every table of the house, imported together: for migrations and for tests that walk them all."""

import shop.accounts.models
import shop.ledger.models
import shop.notices.models
import shop.orders.models
import shop.payments.models
import shop.payouts.models
import shop.stores.models
import shop.webhooks.models  # noqa: F401 -- imported for their tables
