"""Telephone numbers in the one form that is stored and compared: E.164."""

import phonenumbers
from phonenumbers import CountryCodeSource

_WITH_COUNTRY = (CountryCodeSource.FROM_NUMBER_WITH_PLUS_SIGN, CountryCodeSource.FROM_NUMBER_WITH_IDD)


def e164(number: str, region: str) -> str | None:
    """None for what cannot be called back from anywhere: short codes, `anonymous`, half a number.

    `region` (ISO 3166) is where a number without its country code belongs. With the code written out, the length
    decides: numbering plans grow faster than any list of them.
    """
    try:
        parsed = phonenumbers.parse(number, region, keep_raw_input=True)
    except phonenumbers.NumberParseException:
        return None
    written_out = parsed.country_code_source in _WITH_COUNTRY
    plausible = phonenumbers.is_possible_number if written_out else phonenumbers.is_valid_number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164) if plausible(parsed) else None
