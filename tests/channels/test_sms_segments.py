import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.sms.segments import Encoding, Segments, segments

GSM, UCS = Encoding.GSM_7, Encoding.UCS_2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (GSM, 0, 1)),
        ("a" * 160, (GSM, 160, 1)),
        ("a" * 161, (GSM, 161, 2)),
        ("a" * 306, (GSM, 306, 2)),
        ("a" * 307, (GSM, 307, 3)),
        ("€" * 80, (GSM, 160, 1)),
        ("€" * 81, (GSM, 162, 2)),
        ("a" * 152 + "€" + "a" * 7, (GSM, 161, 2)),
        ("€" * 153, (GSM, 306, 3)),  # 76 escaped pairs a part, one septet of each part is left free
        ("投" * 70, (UCS, 70, 1)),
        ("投" * 71, (UCS, 71, 2)),
        ("投" * 134, (UCS, 134, 2)),
        ("投" * 135, (UCS, 135, 3)),
        ("😡" * 35, (UCS, 70, 1)),
        ("😡" * 36, (UCS, 72, 2)),
        ("😡" * 67, (UCS, 134, 3)),  # 33 pairs a part
        ("a" * 159 + "“", (UCS, 160, 3)),
        ("`", (UCS, 1, 1)),
        ("ç", (UCS, 1, 1)),
        ("Ç", (GSM, 1, 1)),
        ("\t", (UCS, 1, 1)),
    ],
)
def test_known_vectors(text: str, expected: tuple[Encoding, int, int]) -> None:
    assert segments(text) == Segments(*expected)


@pytest.mark.parametrize("sign", "^{}\\[~]|€\f")
def test_signs_of_the_extension_table_take_two_septets(sign: str) -> None:
    assert segments(sign) == Segments(GSM, 2, 1)


def test_the_basic_table_has_its_127_characters_besides_escape() -> None:
    single = [chr(code) for code in range(0x10000) if segments(chr(code)) == Segments(GSM, 1, 1)]
    assert len(single) == 127
    assert {"@", "Δ", "Ω", "¤", "¿", "à", "\n", "\r"} <= set(single)
    assert not {"\x1b", "\x00", "Α", "á", "’"} & set(single)


@given(st.text())
def test_units_are_utf16_when_any_character_is_foreign(text: str) -> None:
    counted = segments(text + "投")
    assert counted.encoding is UCS
    assert counted.units == len((text + "投").encode("utf-16-le")) // 2


@given(st.text(), st.text())
def test_more_text_never_costs_less(text: str, more: str) -> None:
    assert segments(text + more).parts >= segments(text).parts


@given(st.text(max_size=2000))
def test_parts_hold_what_they_must_and_waste_at_most_one_unit_each(text: str) -> None:
    encoding, units, parts = segments(text)
    joined = 153 if encoding is GSM else 67
    assert parts == 1 or (parts - 1) * (joined - 1) < units <= parts * joined
