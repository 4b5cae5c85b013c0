"""Every table of the house, imported together: for migrations and for tests that walk them all."""

from shop.accounts.models import Device, SignInCode, User
from shop.notices.models import Notice
from shop.orders.models import Order, OrderLine, SellerOrder, StockHold
from shop.stores.models import Category, DeliveryZone, Product, ProductPhoto, Store

__all__ = [
    "Category",
    "DeliveryZone",
    "Device",
    "Notice",
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
