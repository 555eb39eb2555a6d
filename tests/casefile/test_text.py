import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from casefile.text import clean_filename, clean_header, clean_text

ANY = st.text(st.characters(exclude_categories=()))  # lone surrogates too


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\r\nb\rc\nd", "a\nb\nc\nd"),
        ("a\u2028b\u2029c\u0085d", "a\nb\nc\nd"),
        ("nul\x00bell\x07", "nul\ufffdbell\ufffd"),
        ("lone \ud800", "lone \ufffd"),
        ("e\u0301", "é"),
        ("\t投诉:贷款利率\n", "\t投诉:贷款利率\n"),
        ("👨‍👩‍👧", "👨‍👩‍👧"),
    ],
)
def test_clean_text(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("Loan\r\nBcc: li.wei@customer.example", "Loan Bcc: li.wei@customer.example"),
        ("  回音\t 投诉 ", "回音 投诉"),
        ("\u202egnp.exe", "gnp.exe"),
        ("a\u200bb", "a b"),
        ("\ud83d", "\ufffd"),
        ("\x00\x01", ""),
    ],
)
def test_clean_header(dirty: str, clean: str) -> None:
    assert clean_header(dirty) == clean


def test_clean_header_cuts_at_the_limit_and_leaves_no_space_there() -> None:
    assert clean_header("投诉 编号", limit=3) == "投诉"


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\li\\合同.pdf", "合同.pdf"),
        (".htaccess", "htaccess"),
        ("a\u202efdp.exe", "a fdp.exe"),
        ('what? "this" <is>|it:*.txt', "what_ _this_ _is__it__.txt"),
        ("...", "attachment"),
        ("", "attachment"),
        ("folder/", "attachment"),
        ("CON .txt", "CON .txt"),
    ],
)
def test_clean_filename(dirty: str, clean: str) -> None:
    assert clean_filename(dirty) == clean


def test_clean_filename_keeps_the_suffix_of_a_long_name() -> None:
    name = clean_filename("合" * 300 + ".pdf")
    assert len(name) == 100
    assert name.endswith("合.pdf")


@given(ANY)
def test_any_text_can_be_stored(text: str) -> None:
    clean = clean_text(text)
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert "\x00" not in clean
    assert "\r" not in clean
    assert unicodedata.is_normalized("NFC", clean)
    assert clean_text(clean) == clean


@given(ANY)
def test_any_header_is_one_short_line(text: str) -> None:
    clean = clean_header(text)
    assert clean.encode("utf-8").decode("utf-8") == clean
    assert len(clean.splitlines()) <= 1
    assert len(clean) <= 200
    assert clean_header(clean) == clean


@given(ANY)
def test_any_filename_is_only_a_name(text: str) -> None:
    name = clean_filename(text)
    assert name.encode("utf-8")
    assert 0 < len(name) <= 100
    assert not name.startswith(".")
    assert not set(name) & set('/\\:*?"<>|\x00\n')
