"""Figures that only a free text of the shop knows: they may say what goods are like, never what a customer gets.

``100% cotton`` and ``burns for 40 hours`` may come out of a description; a discount, a price, a date, a stock or a time
of delivery may not, since whoever wrote the text could promise in Metta's name.
"""

from __future__ import annotations

from metta.guardrails.figures import ANNOUNCED, Figure, Sort
from metta.guardrails.patterns import regex

_MONEY = (
    r"price[sd]?|costs?|pay(?:s|ing|ment)?|paid|charged?|total|amount|refund\w{0,4}|reimburs\w{1,6}|discount\w{0,3}"
    r"|rebate|vouchers?|coupons?|store credit|compensat\w{1,4}|for free|free of charge|cash ?back|money|cheaper"
    r"|reduc(?:tion|ed)"
    r"|preis\w{0,6}|kost\w{1,6}|zahl\w{0,6}|bezahl\w{0,4}|rabatt\w{0,2}|nachlass|erstatt\w{1,6}|gutschein\w{0,3}|gutschrift|gratis"
    r"|geld|geschenkt|gunstiger|ermassig\w{1,4}|prix|cout\w{1,4}|payer|paye\w{0,2}|rembours\w{1,6}|remises?|bon d'achat"
    r"|gratuit\w{0,4}|precios?|cuestan?|pagar?\w{0,2}|reembols\w{1,4}|descuentos?|preco|custam?|descontos?|prezz[io]|costan?o?"
    r"|rimbors\w{1,4}|sconti?o?|buono|prijs|kosten|korting\w{0,2}|terugbetal\w{0,4}|tegoed"
)
_TIME = (
    r"deliver\w{0,4}|ship(?:s|ped|ping|ment)?|arriv\w{1,4}|dispatch\w{0,4}|returns?|returned|exchanged?|comes?|sent"
    r"|(?:ge|aus)?liefer\w{0,6}|lieferung|versand\w{0,4}|verschick\w{1,2}|zustell\w{0,4}|ankommen|kommt|ruckgabe|umtausch\w{0,4}|zuruck\w{0,8}"
    r"|livr\w{1,6}|expedi\w{1,4}|arrive\w{0,2}|retour\w{0,4}|entreg\w{1,4}|envi\w{1,4}|llega\w{0,3}|devol\w{1,6}|chega\w{0,2}"
    r"|consegn\w{1,4}|spedi\w{1,6}|arriva|reso|lever\w{1,4}|bezorg\w{0,4}|verz\w{2,6}|aankomt"
)
_MONEY_BEFORE = regex(rf"\b(?:{_MONEY})\b[^.!?\n\d]{{0,30}}$")
_MONEY_AFTER = regex(rf"[^.!?\n\d]{{0,16}}\b(?:{_MONEY}|off|back|zuruck|de moins|menos|di meno|minder)\b")
_TIME_BEFORE = regex(rf"\b(?:{_TIME}|{_MONEY})\b[^.!?\n\d]{{0,40}}$")
_TIME_AFTER = regex(rf"[^.!?\n]{{0,30}}\b(?:{_TIME})\b")
_PARCEL_BEFORE = regex(
    r"\b(?:tracking|parcels?|packages?|shipments?|sendung\w{0,8}|paket\w{0,8}|colis|suivi|envio|paquete|rastreio|seguimiento"
    r"|encomenda|pacco|spedizione|pakket\w{0,6}|zending)\b[^.!?\n\d]{0,40}$"
)
"""A number after this is one that somebody can follow, or is sent after."""
_BACK = 80
_HOURS = regex(r"\d{1,2} ?(?:heures?|uur|h)")
"""In French and Dutch the hour of a clock is written like a number of hours."""
_SPANS = frozenset(("day", "week", "hour", "month", "year", "minute"))
_GLUED_MONEY = regex(r"(?i)\d(?:e|eur|usd|gbp)$")


def may_describe(figure: Figure, folded: str) -> bool:
    """Whether free text may vouch for a figure at this place of a reply.

    Args:
        figure: in the reply.
        folded: the reply, folded, with its places.
    """
    before = folded[max(0, figure.start - _BACK) : figure.start]
    if figure.sort is Sort.CODE:
        return not (ANNOUNCED.search(before) or _PARCEL_BEFORE.search(before))
    if figure.sort is Sort.NUMBER:
        return not (_MONEY_BEFORE.search(before) or _PARCEL_BEFORE.search(before))
    if figure.sort is not Sort.MEASURE or figure.unit == "stock":
        return False
    if figure.unit == "percent":
        after = folded[figure.end :].lstrip(" %")
        return not _MONEY_BEFORE.search(before) and not _MONEY_AFTER.match(after)
    if figure.unit in _SPANS:
        return not _TIME_BEFORE.search(before) and not _TIME_AFTER.match(folded, figure.end)
    return not _GLUED_MONEY.search(figure.text)


def is_about_money(start: int, folded: str) -> bool:
    """Whether a figure that begins here is said to be a price or a payment."""
    return _MONEY_BEFORE.search(folded[max(0, start - _BACK) : start]) is not None


def is_about_parcel(start: int, folded: str) -> bool:
    """Whether a figure that begins here is said to belong to a parcel."""
    return _PARCEL_BEFORE.search(folded[max(0, start - _BACK) : start]) is not None


def is_about_time(start: int, end: int, folded: str) -> bool:
    """Whether a figure at this place is said to be when something is delivered or returned."""
    before = folded[max(0, start - _BACK) : start]
    return _TIME_BEFORE.search(before) is not None or _TIME_AFTER.match(folded, end) is not None


def may_be_hours(start: int, end: int, folded: str) -> bool:
    """Whether a clock time at this place may be a number of hours that free text may vouch for."""
    hours = Figure(Sort.MEASURE, start, end, folded[start:end], (), "hour")
    return _HOURS.fullmatch(hours.text) is not None and may_describe(hours, folded)


def places_of(names: list[str], folded: str) -> list[tuple[int, int]]:
    """Where a reply repeats whole names, which may hold figures of any kind.

    Args:
        names: folded as ``folded`` is.
        folded: the reply.
    """
    places = []
    for name in names:
        at = folded.find(name)
        while at >= 0:
            end = at + len(name)
            if not folded[max(0, at - 1) : at].isalnum() and not folded[end : end + 1].isalnum():
                places.append((at, end))
            at = folded.find(name, end)
    return places
