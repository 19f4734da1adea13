from __future__ import annotations

from trendcli.core.text import MAX_MESSAGE_LENGTH, clean_message, clean_text


def test_control_characters_leave_and_lines_become_one() -> None:
    assert clean_text("\x1b[31mred\x1b]8;;http://x\x07 \x9b2J") == "[31mred]8;;http://x 2J"
    assert clean_text("a\tb\r\nc\u2028d\x85e") == "a b c d e"
    assert clean_text("\u202eevil\u2066\u2069\ufffe\x00") == "evil"
    assert clean_text("caf\udce9") == "caf\ufffd"


def test_text_of_every_script_stays() -> None:
    for text in ("Müller – “x”", "日本語", "עברית\u200f", "👩\u200d💻", "a  b", ""):
        assert clean_text(text) == text


def test_a_message_keeps_its_lines_its_beginning_and_its_end() -> None:
    assert clean_message("one\ntwo\x1b") == "one\ntwo"
    cut = clean_message("No topic " + "x" * 10**6 + ". See `trend topics list`.")
    assert cut.startswith("No topic xxx") and cut.endswith("xxx. See `trend topics list`.")
    assert len(cut) < MAX_MESSAGE_LENGTH + 10
