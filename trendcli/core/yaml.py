"""Writing YAML by hand, where comments have to stay beside the values."""

from __future__ import annotations

import json
import re

# characters of which plain scalars are made here; all others are quoted, although YAML would allow some of them
_PLAIN_SCALAR = re.compile(r"[A-Za-z/][\w./:@+ -]*")


def quote_yaml(text: str) -> str:
    """Return text as a YAML scalar that is read back as that text, also in a list; quoted only if it has to be."""
    import yaml  # late, because settings are read by every command

    if _PLAIN_SCALAR.fullmatch(text):
        try:
            if yaml.safe_load(f"[{text}]") == [text]:
                return text
        except yaml.YAMLError:
            pass
    if text.isprintable():
        return "'" + text.replace("'", "''") + "'"
    return json.dumps(text, ensure_ascii=False)  # line breaks survive only as escapes
