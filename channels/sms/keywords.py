"""Words that switch text messages off and on. Only a message that is nothing but the word counts, in any case."""

import unicodedata
from collections.abc import Mapping

from casefile.envelope import Nature

_OPT_OUT = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout", "退订", "td", "t"})
# Without YES, which Twilio takes too: a customer who says it is answering our question.
_OPT_IN = frozenset({"start", "unstop"})
_DECIDED = {"STOP": Nature.OPT_OUT, "START": Nature.OPT_IN, "HELP": Nature.MESSAGE}


def nature_of(values: Mapping[str, str]) -> Nature:
    """`OptOutType`, which Twilio sends when it has judged the message by the account's own words, is final."""
    decided = _DECIDED.get(values.get("OptOutType", "").upper())
    return decided or _judge(values.get("Body", ""))


def _judge(body: str) -> Nature:
    word = unicodedata.normalize("NFKC", body).strip().casefold()
    if word in _OPT_OUT:
        return Nature.OPT_OUT
    return Nature.OPT_IN if word in _OPT_IN else Nature.MESSAGE
