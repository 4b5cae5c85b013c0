"""What the simulated providers know of the demo's one merchant. None of it opens a real door."""

from __future__ import annotations

from typing import Final

MERCHANT: Final = "Cauri"

WAVE: Final = {
    "api_key": "wave_ci_prod_sandbox0000000000000000000000",
    "webhook_secret": "wave_ci_WHS_sandbox000000000000000000000000000000000000000000",
}
MTN: Final = {
    "subscription_key": "c0ffee00000000000000000000000001",
    "api_user": "7f3c2b1a-0d4e-4f6a-9b8c-5d2e1f0a9c8b",
    "api_key": "0123456789abcdef0123456789abcdef",
    "disbursement_subscription_key": "c0ffee00000000000000000000000002",
    "disbursement_api_user": "2d9e8f70-6b5a-4c3d-8e1f-a0b9c8d7e6f5",
    "disbursement_api_key": "fedcba9876543210fedcba9876543210",
}
ORANGE: Final = {
    "client_id": "sandbox-orange-client",
    "client_secret": "sandbox-orange-secret",
    "merchant_key": "a1b2c3d4",
}
MOOV: Final = {"username": "demo-merchant", "password": "demo-secret"}
#: Whose balance the merchant may read.
MOOV_NUMBER: Final = "+2290195000001"
FEEXPAY: Final = {
    "api_key": "fp_sandbox0000000000000000000000000000",
    "shop_id": "67ad2f5c9e1b4a0012ab34cd",
}
#: Signs webhooks when the switch says so; a shop that checks them is given it by hand.
FEEXPAY_SIGNED: Final = {"webhook_secret": "demo-feexpay-secret"}
GETMIPAY: Final = {
    "api_key": "gmp_pk_sandbox000000000000000000000000",
    "secret_key": "gmp_sk_sandbox000000000000000000000000",
    "webhook_secret": "gmp_whs_sandbox00000000000000000000000",
}

FEDAPAY: Final = {
    "secret_key": "sk_sandbox_cauri0000000000000000",
    "webhook_secret": "wh_sandbox_cauri0000000000000000",
}
CINETPAY: Final = {
    "api_key": "125217465262b1b9e8cauri0.00000000",
    "site_id": "445160",
    "secret_key": "sandbox-cinetpay-signing-key",
    "transfer_password": "sandbox-cinetpay-transfers",
}

ALL: Final = {
    "wave": WAVE, "mtn": MTN, "orange": ORANGE, "moov": MOOV | {"merchant_number": MOOV_NUMBER},
    "fedapay": FEDAPAY,
    "cinetpay": CINETPAY,
    "feexpay": FEEXPAY, "getmipay": GETMIPAY,
}  # fmt: skip
