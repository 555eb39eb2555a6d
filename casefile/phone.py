"""Telephone numbers in the one form that is stored and compared: E.164."""

import phonenumbers


def e164(number: str, region: str) -> str | None:
    """None for what cannot be called back from anywhere: short codes, `anonymous`, half a number.

    `region` (ISO 3166) is where a number without its country code belongs. With the code written out, the length
    decides: numbering plans grow faster than any list of them.
    """
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    written_out = "+" in number or "＋" in number
    plausible = phonenumbers.is_possible_number if written_out else phonenumbers.is_valid_number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if plausible(parsed) else None
