"""Every table of the house, imported together: for migrations and for tests that walk them all."""

import shop.accounts.models
import shop.alerts.models
import shop.approvals.models
import shop.cashback.models
import shop.debts.models
import shop.earnings.models
import shop.health.models
import shop.ledger.models
import shop.notices.models
import shop.orders.models
import shop.orders.refund_models
import shop.orders.talk_models
import shop.payments.choice_models
import shop.payments.models
import shop.payouts.models
import shop.reconciliation.models
import shop.stores.models
import shop.switches.models
import shop.tontines.bureau_models
import shop.tontines.choice_models
import shop.tontines.cycle_models
import shop.tontines.models
import shop.wallets.models
import shop.webhooks.models  # noqa: F401 -- imported for their tables
