"""Stop buttons and warning lights: what is out of use now, for whoever starts something new.

Payments and payouts ask here, by plain names, whether they may begin. Nothing here ever stops the
verification of what began before.
"""

from shop.switches.service import Board, board, may_collect, may_pay_out

__all__ = ["Board", "board", "may_collect", "may_pay_out"]
