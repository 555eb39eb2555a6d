import re
import uuid

import pytest

from casefile.token import REPLY_TOKEN, digest, link_token, read_reply_token, reply_token, tracking_secret

KEY, OTHER_KEY = b"k" * 32, b"o" * 32
NOTICE = uuid.UUID("0190163d-8694-739b-aea5-966c26f8ad91").hex


def test_reply_token_leads_back_to_its_notice() -> None:
    assert read_reply_token(KEY, reply_token(KEY, NOTICE)) == NOTICE


def test_reply_token_survives_a_mail_system_that_changes_case() -> None:
    assert read_reply_token(KEY, reply_token(KEY, NOTICE).upper()) == NOTICE


def test_reply_address_fits_a_local_part() -> None:
    """64 octets (RFC 5321 section 4.5.3.1.1), with a prefix such as `reply+`."""
    assert len("reply+" + reply_token(KEY, NOTICE)) <= 64
    assert re.fullmatch(r"[a-z0-9.]+", reply_token(KEY, NOTICE))


def test_reply_token_is_found_in_an_address() -> None:
    token = reply_token(KEY, NOTICE)
    found = REPLY_TOKEN.search(f"complaints+{token}@bank.example")
    assert found
    assert found[0] == token


@pytest.mark.parametrize("position", [0, 10, 27, 40, 52])
def test_a_changed_reply_token_is_refused(position: int) -> None:
    token = reply_token(KEY, NOTICE)
    changed = "b" if token[position] == "a" else "a"
    assert read_reply_token(KEY, token[:position] + changed + token[position + 1 :]) is None


@pytest.mark.parametrize("token", ["", ".", "hello", "a" * 26, "a" * 26 + "." + "a" * 25, "1" * 26 + "." + "1" * 26])
def test_what_is_no_reply_token_is_refused(token: str) -> None:
    assert read_reply_token(KEY, token) is None


def test_a_reply_token_of_another_site_is_refused() -> None:
    assert read_reply_token(OTHER_KEY, reply_token(KEY, NOTICE)) is None


def test_tracking_secret_is_the_same_again_and_differs_per_case_and_key() -> None:
    secret = tracking_secret(KEY, "case-1")
    assert re.fullmatch(r"[a-z2-7]{5}(-[a-z2-7]{5}){3}", secret)
    assert secret == tracking_secret(KEY, "case-1")
    assert len({secret, tracking_secret(KEY, "case-2"), tracking_secret(OTHER_KEY, "case-1")}) == 3


def test_purposes_do_not_mix() -> None:
    """The MAC of a tracking secret says nothing about a reply token of the same id."""
    assert tracking_secret(KEY, NOTICE).replace("-", "") not in reply_token(KEY, NOTICE)


def test_links_are_new_each_time_and_stored_as_digests() -> None:
    first, second = link_token(), link_token()
    assert first != second
    assert len(first) == 43
    assert re.fullmatch(r"[0-9a-f]{64}", digest(first))
    assert digest(first) != digest(second)
