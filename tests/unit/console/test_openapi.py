"""``docs/openapi.json`` is the API as it is, and says of each field what it takes."""

from __future__ import annotations

import json
from typing import Any

from metta.console import HEALTH, SIMULATE
from metta.console.request import MOST_CHARS, MOST_MESSAGES, SimulationRequest
from metta_local.openapi import PATH, document

DOCUMENT: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))


def test_the_file_is_what_the_code_gives() -> None:
    assert PATH.read_text(encoding="utf-8") == document(), "run `python -m metta_local.openapi`"


def test_both_routes_say_what_they_answer_and_that_requests_are_signed() -> None:
    health, simulate = DOCUMENT["paths"][HEALTH]["get"], DOCUMENT["paths"][SIMULATE]["post"]

    assert set(DOCUMENT["paths"]) == {HEALTH, SIMULATE}
    assert set(health["responses"]) == {"200", "403", "503"}
    assert set(simulate["responses"]) == {"200", "400", "403", "413", "415", "422"}
    assert DOCUMENT["security"] == [{"iam": []}]
    assert DOCUMENT["components"]["securitySchemes"]["iam"]["name"] == "Authorization"


def test_every_reference_leads_somewhere() -> None:
    names = {part.split('"')[0] for part in json.dumps(DOCUMENT).split("#/components/schemas/")[1:]}

    assert names <= set(DOCUMENT["components"]["schemas"])


def test_the_request_is_closed_and_bounded() -> None:
    schema = DOCUMENT["components"]["schemas"]["SimulationRequest"]

    assert schema["additionalProperties"] is False
    assert schema["required"] == ["content"]
    assert set(schema["properties"]) == set(SimulationRequest.model_fields)
    one, many = schema["properties"]["content"]["anyOf"]
    assert (one["maxLength"], many["maxItems"], many["items"]["maxLength"]) == (MOST_CHARS, MOST_MESSAGES, MOST_CHARS)
    assert schema["properties"]["history"]["maxItems"] == MOST_MESSAGES
    for name, described in schema["properties"].items():
        assert described.get("description"), name
