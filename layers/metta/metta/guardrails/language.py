"""Guesses the language of a customer's text, offline, from frequent words and letters, so that replies match it."""

from __future__ import annotations

from metta.guardrails.patterns import regex

_HEAD_CHARS = 2000
"""No more of a text is needed to know its language."""

_SCRIPTS = (
    (regex(r"[\u3040-\u30ff]"), "ja"),
    (regex(r"[\uac00-\ud7af]"), "ko"),
    (regex(r"[\u4e00-\u9fff]"), "zh"),
    (regex(r"[\u0590-\u05ff]"), "he"),
    (regex(r"[\u0600-\u06ff]"), "ar"),
    (regex(r"[\u0900-\u097f]"), "hi"),
    (regex(r"[\u0e00-\u0e7f]"), "th"),
    (regex(r"[\u0370-\u03ff]"), "el"),
    (regex(r"[\u0400-\u04ff]"), "ru"),
)

_WORDS = {
    "en": "the is are was were my your where what when how can could please you and to of have has not it for with do "
    "does i'm i've don't hello hi hey thanks thank order want need this that which from would will still yet "
    "help me am an a i get got been there they about any but know return",
    "es": "el la los las es está están mi mis su dónde donde qué que cuándo cuando cómo como puedo por favor usted y "
    "de del no hola gracias pedido quiero necesito este esta cuál una un con para he ha tiene tengo muy pero buenos "
    "buenas días tardes todavía aún también sí me se ayuda hablar llegado cuánto cuesta envío",
    "fr": "le la les est sont mon ma mes votre vos où quand comment puis-je je vous s'il plaît et de du des ne pas "
    "bonjour salut merci commande veux besoin ce cette quel quelle une un avec pour ai a avez toujours mais c'est "
    "n'ai j'ai est-ce il elle au aux sur qui dans combien livraison colis reçu encore aide",
    "de": "der die das ist sind war mein meine meiner meinen ihr ihre wo was wann wie kann könnte bitte sie und zu von "
    "nicht hallo danke bestellung möchte will brauche dieser diese welche ein eine einen mit für habe hat ich es "
    "noch immer aber auf den dem im am guten tag moin hilfe paket lieferung wird bei sich auch nach geht kostet gibt",
    "pt": "o a os as é são está meu minha meus seu onde quando como posso por favor você e de do da não olá oi "
    "obrigado obrigada encomenda pedido quero preciso este esta qual uma um com para eu tem tenho muito mas bom boa "
    "dia obrigado tarde ainda também sim me se ajuda falar chegou quanto custa entrega isso em na no",
    "it": "il lo la gli le è sono mio mia miei suo dove quando come posso per favore lei e di del della non ciao salve "
    "grazie ordine voglio vorrei bisogno questo questa quale una un con ho ha avete molto ma buongiorno buonasera "
    "ancora anche sì mi si aiuto parlare arrivato quanto costa spedizione pacco che in nel perché è",
    "nl": "de het een is zijn was mijn uw jullie waar wat wanneer hoe kan kunt alstublieft u en te van niet hallo hoi "
    "dank bedankt bestelling wil nodig deze dit welke met voor heb heeft ik je nog steeds maar op goedendag hulp "
    "pakket levering wordt bij ook naar gaat kost er dag graag",
}
_VOICES: dict[str, list[str]] = {}
for _code, _list in _WORDS.items():
    for _word in dict.fromkeys(_list.split()):
        _VOICES.setdefault(_word, []).append(_code)

_LETTERS = {
    "ß": "de", "ä": "de", "ö": "de", "ü": "de",
    "ñ": "es", "¿": "es", "¡": "es",
    "ã": "pt", "õ": "pt",
    "œ": "fr", "ê": "fr", "û": "fr", "î": "fr", "ë": "fr", "ç": "fr",
    "ì": "it", "ò": "it",
}  # fmt: skip
_TOKEN = regex(r"[^\W\d_]{1,30}+(?:['’-][^\W\d_]{1,30}+){0,2}")
_SURE = 2.0
"""Points by which a text must lead before it overrules what the browser said."""


_TELLING = 8.0
"""Points that a text needs before it is taken for one in another language than the expected."""
_SHARE = 4.0
"""How many times the expected language's points they must be."""
_FOREIGN_LETTERS = 20


def _points(text: str) -> dict[str, float]:
    points: dict[str, float] = {}
    for token in _TOKEN.findall(text):
        word = token.replace("’", "'")
        codes = _VOICES.get(word)
        if codes:
            for code in codes:
                points[code] = points.get(code, 0.0) + 1.0 / len(codes)
    for letter, code in _LETTERS.items():
        if letter in text:
            points[code] = points.get(code, 0.0) + 0.75
    return points


def detect_language(text: str, hint: str | None, default: str, allowed: tuple[str, ...]) -> str:
    """The two-letter code of the language to answer in, always one of ``allowed`` (or ``default``).

    Args:
        text: what the customer wrote.
        hint: the browser's language, for example ``de`` or ``pt_BR``; decides only where the text does not.
        default: the answer where neither text nor hint says anything that is allowed.
        allowed: the languages that the policy lets Metta answer in.
    """
    head = text[:_HEAD_CHARS].lower()
    hinted = (hint or "").strip().lower().replace("_", "-").split("-")[0]
    fallback = hinted if hinted in allowed else default
    for letters, code in _SCRIPTS:
        if code in allowed and letters.search(head):
            return code
    points = {code: score for code, score in _points(head).items() if code in allowed}
    if not points:
        return fallback
    best = max(points, key=lambda code: (points[code], code == fallback))
    lead = points[best] - points.get(fallback, 0.0)
    if best == fallback or lead >= _SURE or (lead >= 0.5 and (not hinted or points.get(fallback, 0.0) == 0.0)):
        return best
    return fallback


def surely_other(text: str, expected: str) -> bool:
    """Whether a text is without doubt in another language than ``expected``, a two-letter code.

    Short texts, texts full of names, and languages of which nothing is known are given the benefit of the doubt.
    """
    head = text[:_HEAD_CHARS].lower()
    written = {code for letters, code in _SCRIPTS if len(letters.findall(head)) >= _FOREIGN_LETTERS}
    if written:
        known_scripts = {code for _, code in _SCRIPTS}
        return expected in _WORDS or (expected in known_scripts and expected not in written and "zh" not in written)
    if expected not in _WORDS:
        return False
    points = _points(head)
    most = max((score for code, score in points.items() if code != expected), default=0.0)
    return most >= _TELLING and most >= _SHARE * points.get(expected, 0.0)
