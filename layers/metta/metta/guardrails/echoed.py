"""Figures that only the customer named: they may be repeated as theirs, never stated as the company's.

``You wrote that you paid 60 euros`` says what the customer said; ``the lamp costs 1 euro`` would be an offer, whoever
made the assistant say it.
"""

from __future__ import annotations

from metta.guardrails.described import is_about_money, is_about_parcel, is_about_time
from metta.guardrails.figures import Figure, Sort
from metta.guardrails.patterns import regex

_SENTENCE = regex(r"[.!?\n](?=\s|$)")
_CLAUSE = regex(r"[.!?\n,;:](?=\s|$)")
_THEIRS = regex(
    r"\b(?:you (?:say|said|write|wrote|mention\w{0,2}|ask\w{0,2}|told|tell|paid|pay|gave|were charged|have paid"
    r"|were promised)|your (?:message|question|words)"
    r"|sie (?:schreiben|sagen|sagten|fragen|nennen|haben|zahlten)|geschrieben|gesagt|genannt|ihre (?:nachricht|frage)"
    r"|(?:usted )?(?:dice|dijo|menciona|pregunta|pago|escribe|escribio)|su (?:mensaje|pregunta)"
    r"|vous (?:dites|ecrivez|mentionnez|demandez|avez (?:paye|dit|ecrit|mentionne))|votre (?:message|question)"
    r"|(?:voce )?(?:disse|escreveu|mencionou|perguntou|pagou)|sua (?:mensagem|pergunta)"
    r"|(?:lei )?(?:ha (?:scritto|detto|pagato|menzionato|chiesto)|scrive|dice|menziona)"
    r"|u (?:schrijft|schreef|zegt|noemt|vraagt|betaalde|heeft betaald)|uw (?:bericht|vraag))\b"
)
"""In the sentence, these make a figure the customer's."""
_NOT_SAID = regex(
    r"\b(?:if|whether|cannot|can'?t|could not|couldn'?t|unable|not|no|never|don'?t|doesn'?t|didn'?t|won'?t"
    r"|unfortunately|ob|wenn|falls|nicht|kein\w{0,2}|nie|leider|si|nunca|lamentablemente|ne|pas|jamais|malheureusement|se|nao"
    r"|infelizmente|non|mai|purtroppo|of|als|niet|geen|nooit|helaas)\b"
)
"""Before the figure in its clause, these make it a refusal or a question."""
_NOT_AFTER = regex(r"\b(?:nicht|kein\w{0,2}|leider|niet|geen|helaas)\b")
"""German and Dutch refuse behind the figure as well."""


def may_echo(figure: Figure, folded: str) -> bool:
    """Whether the customer's own words may vouch for a figure at this place of a reply.

    Args:
        figure: in the reply.
        folded: the reply, folded, with its places.
    """
    if not _would_bind(figure, folded):
        return True
    return _is_theirs(figure.start, figure.end, folded)


def may_echo_day(start: int, end: int, folded: str) -> bool:
    """The same for a date or a time of day."""
    if not is_about_time(start, end, folded):
        return True
    return _is_theirs(start, end, folded)


def _would_bind(figure: Figure, folded: str) -> bool:
    if figure.sort is Sort.AMOUNT or (figure.sort is Sort.MEASURE and figure.unit in ("percent", "stock")):
        return True
    if figure.sort is Sort.NUMBER:
        return is_about_money(figure.start, folded) or is_about_parcel(figure.start, folded)
    if figure.sort is Sort.CODE:
        return is_about_parcel(figure.start, folded)
    return figure.sort is Sort.MEASURE and is_about_time(figure.start, figure.end, folded)


def _is_theirs(start: int, end: int, folded: str) -> bool:
    before = folded[max(0, start - 200) : start]
    after = folded[end : end + 200]
    if _NOT_SAID.search(_CLAUSE.split(before)[-1]) or _NOT_AFTER.search(_CLAUSE.split(after)[0]):
        return True
    sentence = f"{_SENTENCE.split(before)[-1]} {_SENTENCE.split(after)[0]}"
    return _THEIRS.search(sentence) is not None
