"""Addresses of customers where they need not be read in full."""

_SHOWN_DIGITS = 2


def mask(address: str) -> str:
    """`l***@customer.example`, `+86***00`; empty stays empty."""
    name, at, domain = address.rpartition("@")
    if at:
        return f"{name[:1]}***@{domain}"
    return f"{address[:3]}***{address[-_SHOWN_DIGITS:]}" if len(address) > 3 + _SHOWN_DIGITS else "***" * bool(address)
