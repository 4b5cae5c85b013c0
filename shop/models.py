"""Every table of the house, imported together: for migrations and for tests that walk them all."""

from shop.accounts.models import Device, SignInCode, User
from shop.ledger.models import Block, LedgerAccount, Snapshot, Transfer
from shop.orders.models import Order, OrderLine, SellerOrder, StockHold
from shop.stores.models import Category, DeliveryZone, Product, ProductPhoto, Store

__all__ = [
    "Block",
    "LedgerAccount",
    "Snapshot",
    "Transfer",
    "Category",
    "DeliveryZone",
    "Device",
    "Order",
    "OrderLine",
    "Product",
    "ProductPhoto",
    "SellerOrder",
    "SignInCode",
    "StockHold",
    "Store",
    "User",
]
