"""The model's API: is it one, does it take the key, does it have the model. Nothing is asked that costs anything.

``GET /models`` is free of charge. Whether there is a Responses API is told by an empty request to it, which names
neither a model nor a question: every such API refuses it, and whoever has none has nothing at that address.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from metta.ai.access import OFFICIAL_URL, Access
from metta.ai.usage import is_priced
from metta.errors import SettingsError
from metta.settings import ModelSettings
from metta_local.doctor import clock
from metta_local.doctor.check import Check, Status, fail, ok, warn
from metta_local.doctor.clock import Reading
from metta_local.doctor.given import Given
from metta_local.doctor.loopback import is_loopback
from metta_local.doctor.side_by_side import Tell

CALL_SECONDS = 4.0
CLOSE_NAMES = 3
_TROUBLE = 500
_REFUSED = (401, 403)
_EMPTY = (400, 422)
"""How a Responses API answers an empty request of a key that it takes."""
_NAME = re.compile(r"[\w.:/@-]{1,80}")
"""Names of models that are shown; anything else that a server calls one is not."""
_OWN_NAMES = (".azure.com", ".azure-api.net")
"""Hosts whose list has models, while what is asked for are deployments with names of their own."""
_BASE = "is OPENAI_BASE_URL the API's base, such as https://api.openai.com/v1?"
_TRY = "try a message out with the console's simulate (docs/console.md)"
_KEY = "make a new key at the model's provider and put it into OPENAI_API_KEY"


@dataclass(frozen=True)
class Answer:
    """An HTTP answer, as far as it matters.

    Attributes:
        status: of HTTP; 0 when nothing answered.
        body: parsed JSON, None when it is none.
        trouble: what stood in the way of an answer.
        reading: the clock that it told.
    """

    status: int
    body: object = None
    trouble: str = ""
    reading: Reading | None = None


async def look(given: Given, tell: Tell) -> None:
    """All checks of the model."""
    misnamed = False

    def told(check: Check) -> None:
        nonlocal misnamed
        misnamed = misnamed or (check.name == "model.name" and check.status is Status.FAIL)
        tell(check)

    await _look(given, told)
    if not misnamed:  # nobody should give a price to a slip
        tell(_price(given.settings.model.model, given))


async def _look(given: Given, tell: Tell) -> None:
    settings = given.settings.model
    try:
        Access(settings, CALL_SECONDS)
    except SettingsError as error:
        tell(fail("model.key", str(error), _KEY))
        return
    url = settings.base_url or OFFICIAL_URL
    tell(_tls(url))
    headers = {"Authorization": f"Bearer {settings.api_key.get_secret_value()}"}
    try:
        client = httpx.AsyncClient(headers=headers, timeout=CALL_SECONDS)
    except ValueError:
        tell(fail("model.connection", "a proxy's address is none", "mend HTTPS_PROXY, HTTP_PROXY or ALL_PROXY"))
        return
    async with client as http:
        listed = await _ask(http, "GET", f"{url}/models")
        if reading := listed.reading:
            tell(clock.check("model.clock", "the model's API's", reading))
        hidden = listed.status in _REFUSED  # a key may be allowed to ask and no more
        if (bad := _refusal(listed)) and not hidden:
            tell(bad)
            return
        refused = await _ask(http, "POST", f"{url}/responses")
    if hidden and refused.status not in _EMPTY and bad:
        tell(bad)
        return
    if refused.status >= _TROUBLE:
        found = f"whether there is a Responses API is not known: an empty request is answered with {refused.status}"
        tell(warn("model.connection", found, _TRY))
    elif bad := _refusal(refused) or _no_responses(refused):
        tell(bad)
        return
    else:
        tell(ok("model.connection", "the key is accepted, and there is a Responses API"))
    tell(_known("model.name", "OPENAI_MODEL", settings.model, settings, listed))
    judge = given.policy.second_opinion.judge
    if judge.enabled and judge.model:
        tell(_known("model.judge", "the policy's second_opinion.judge.model", judge.model, settings, listed))


async def _ask(http: httpx.AsyncClient, method: str, url: str) -> Answer:
    asked = clock.now()
    try:
        answer = await http.request(method, url, json={} if method == "POST" else None)
    except httpx.TimeoutException:
        return Answer(0, trouble=f"does not answer within {CALL_SECONDS:g} s")
    except httpx.HTTPError as error:
        return Answer(0, trouble=_trouble(str(error).lower()))
    try:
        body = json.loads(answer.content)
    except ValueError:
        body = None
    return Answer(answer.status_code, body, reading=Reading.of(answer.headers, asked))


def _trouble(text: str) -> str:
    if "certificate" in text:
        return "has a certificate that is not accepted"
    return "speaks no TLS there" if "ssl" in text else "cannot be reached"


def _refusal(answer: Answer) -> Check | None:
    """What is wrong with the address or the key."""
    name, status = "model.connection", answer.status
    if answer.trouble:
        fix = f"{_BASE} can this machine reach it (firewall, proxy)?"
        return fail(name, f"the model's API {answer.trouble}", fix)
    if status == 401:
        return fail("model.key", "OPENAI_API_KEY is refused (401)", _KEY)
    if status == 403:
        fix = "give the key's project access to models and responses, or see whether this country is served"
        return fail("model.key", "OPENAI_API_KEY may not do this (403)", fix)
    if 300 <= status < 400:
        return fail(name, f"the address leads elsewhere ({status})", _BASE)
    if status == 429:
        return fail(name, "the API takes no more requests for now (429)", "look at the project's limits and credit")
    if status >= _TROUBLE:
        return fail(name, f"the API is in trouble ({status})", "look at the provider's status page, try again")
    if status < 300 and not isinstance(answer.body, dict):
        return fail(name, "what answers is no model API (no JSON)", _BASE)
    return None


def _no_responses(answer: Answer) -> Check | None:
    if answer.status in _EMPTY:
        return None
    found = f"there is no Responses API at that address ({answer.status}), which Metta speaks"
    return fail("model.connection", found, f"{_BASE} choose an endpoint that has POST /responses")


def _known(name: str, variable: str, model: str, settings: ModelSettings, listed: Answer) -> Check:
    """Whether the endpoint has the model that ``variable`` names."""
    names = _names(listed.body)
    if listed.status != 200 or not names:
        who = "the key may not list models" if listed.status in _REFUSED else "the endpoint lists no models"
        found = f"{who}: whether it has {variable} is not known"
        return warn(name, found, _TRY)
    if model in names:
        return ok(name, f"{variable} is among the models")
    close = difflib.get_close_matches(model, [each for each in names if _NAME.fullmatch(each)], CLOSE_NAMES)
    found = f"{variable} is not among the {len(names)} models that this key may use"
    fix = f"did you mean {' or '.join(close)}?" if close else "name one of the provider's models, as they are listed"
    host = urlsplit(settings.base_url or OFFICIAL_URL).hostname or ""
    if host.endswith(_OWN_NAMES):
        found = f"{variable} is none of the {len(names)} models that are listed; it may be a deployment's own name"
        return warn(name, found, f"{_TRY}{f'; {fix}' if close else ''}")
    return fail(name, found, fix)


def _names(body: object) -> Sequence[str]:
    listed = body.get("data") if isinstance(body, dict) else None
    if not isinstance(listed, list):
        return ()
    return [str(each["id"]) for each in listed if isinstance(each, dict) and "id" in each]


def _price(model: str, given: Given) -> Check:
    name = "model.price"
    if is_priced(model, given.policy.prices):
        return ok(name, "the policy has a price for OPENAI_MODEL")
    found = (
        "the policy has no price for OPENAI_MODEL: costs count as the dearest model's, and the day's budget with them"
    )
    return warn(name, found, "add it under `prices` in the policy that METTA_POLICY names (docs/policy.md)")


def _tls(url: str) -> Check:
    name, parts = "model.tls", urlsplit(url)
    if parts.scheme == "https":
        return ok(name, "the connection is encrypted")
    if is_loopback(parts.hostname or ""):
        return ok(name, "not encrypted, but on this machine")
    return warn(name, "OPENAI_BASE_URL is not https: key and conversations travel in clear", "use https")
