"""Every table of the house, imported together: for migrations and for tests that walk them all."""

from shop.accounts.models import Device, SignInCode, User
from shop.ledger.models import Block, LedgerAccount, Snapshot, Transfer
from shop.notices.models import Notice
from shop.orders.models import Order, OrderLine, SellerOrder, StockHold
from shop.payments.models import Payment, PaymentEvent, Receipt
from shop.stores.models import Category, DeliveryZone, Product, ProductPhoto, Store
from shop.webhooks.models import WebhookEvent

__all__ = [
    "Block",
    "Category",
    "DeliveryZone",
    "Device",
    "LedgerAccount",
    "Notice",
    "Order",
    "OrderLine",
    "Payment",
    "PaymentEvent",
    "Product",
    "ProductPhoto",
    "Receipt",
    "SellerOrder",
    "SignInCode",
    "Snapshot",
    "StockHold",
    "Store",
    "Transfer",
    "User",
    "WebhookEvent",
]
import shop.accounts.models
import shop.ledger.models
import shop.notices.models
import shop.orders.models
import shop.payments.models
import shop.stores.models
import shop.webhooks.models  # noqa: F401 -- imported for their tables
