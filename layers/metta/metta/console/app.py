"""The console's HTTP side: routes, what is refused before them, and the OpenAPI document that says so."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Protocol

from aws_lambda_powertools.event_handler import LambdaFunctionUrlResolver, Response
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.event_handler.openapi.models import APIKey, APIKeyIn
from aws_lambda_powertools.event_handler.openapi.params import Body
from aws_lambda_powertools.event_handler.openapi.types import OpenAPIResponse
from pydantic import Field

from metta.console import HEALTH, OPENAPI, SIMULATE
from metta.console.arranged import CannotBeError
from metta.console.health import Health, Status
from metta.console.request import SimulationRequest
from metta.console.simulate import Simulation
from metta.messages import JsonObject
from metta.nouns import Noun
from metta.observability import log_keys
from metta.queue.telling import frames_of

log = logging.getLogger(__name__)

MOST_BYTES = 512 * 1024
"""Of a request's body, whatever its fields would take."""
MARGIN_SECONDS = 20.0
"""Kept free of a simulation's time, for its last try and the answer."""
LEAST_SECONDS = 5.0
_JSON = "application/json"
_FIELD_CHARS = 100
_DESCRIPTION = (
    "Looks at every dependency, and runs a customer's messages through the real pipeline without sending anything. "
    "For operators: each request is signed with AWS Signature Version 4 by an identity that may invoke the function's "
    "URL. It is off in production unless the template's ConsoleEnabled says even-in-production."
)


class Problem(Noun):
    """What is wrong with one field."""

    field: str = Field(description="Which; dotted, empty for the whole body")
    problem: str = Field(description="What is wrong with it; never what it said")


class Refusal(Noun):
    """Why a request was not carried out."""

    error: str = Field(description="In a word or two")
    fields: tuple[Problem, ...] = Field((), description="What is wrong with the body, field by field")


class Context(Protocol):
    """What is needed of Lambda's context."""

    aws_request_id: str

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds left."""
        ...


class ConsoleApp:
    """Answers Function URL requests; one at a time, as Lambda sends them.

    Args:
        health: looks at all dependencies.
        simulate: runs a simulation within so many seconds.
    """

    def __init__(
        self, health: Callable[[], Health], simulate: Callable[[SimulationRequest, float], Simulation]
    ) -> None:
        self._health = health
        self._simulate = simulate
        self._app = LambdaFunctionUrlResolver(enable_validation=True)
        self._route()

    def handle(self, event: Mapping[str, Any], context: Context) -> JsonObject:
        """Answer one request.

        Args:
            event: as a Function URL sends it.
            context: Lambda's context; its deadline bounds a simulation.
        """
        with log_keys(function_request_id=str(context.aws_request_id)):
            refused = refusal(event)
            if refused is not None:
                status, why = refused
                log.warning("console: refused: %s", why)
                return answer(status, Refusal(error=why))
            try:
                done: JsonObject = self._app.resolve(dict(event), context)  # type: ignore[arg-type]
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller learns no more than this
                _note(error)
                return answer(500, Refusal(error="internal error"))
            return done

    def openapi(self) -> str:
        """The OpenAPI document as JSON."""
        signed = APIKey(
            name="Authorization",
            in_=APIKeyIn.header,
            description="AWS Signature Version 4 (service lambda) of an identity that may lambda:InvokeFunctionUrl",
        )
        found = self._app.get_openapi_json_schema(
            title="Metta's console",
            version="1.0.0",
            description=_DESCRIPTION,
            security_schemes={"iam": signed},
            security=[{"iam": []}],
        )
        document = json.loads(found)
        del document["paths"][HEALTH]["get"]["responses"]["422"]  # it takes nothing that could be wrong
        for name in ("HTTPValidationError", "ResponseValidationError", "ValidationError"):  # Powertools' own, unused
            document["components"]["schemas"].pop(name, None)
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

    def _route(self) -> None:
        app = self._app
        refusals: dict[int, OpenAPIResponse] = {403: _shown(Refusal, "The request carries no IAM identity")}

        @app.get(
            HEALTH,
            summary="How is Metta",
            description="Looks at all dependencies at the same time. 200 when customers are answered, else 503.",
            operation_id="health",
            responses={
                200: _shown(Health, "ok or degraded"),
                503: _shown(Health, "down"),
                **refusals,
            },
        )
        def health() -> Response[Health]:
            found = self._health()
            return Response(503 if found.status is Status.DOWN else 200, _JSON, found)

        @app.post(
            SIMULATE,
            summary="What would Metta say",
            description=(
                "Runs the messages through the real pipeline (guardrails, model, Odoo, policy) on a Chatwoot in "
                "memory. Nothing is sent to Chatwoot, nothing is written to the audit log or turn state; what the "
                "model costs is real and counts for the day's money."
            ),
            operation_id="simulate",
            responses={
                200: _shown(Simulation, "The whole turn"),
                400: _shown(Refusal, "The body is not JSON"),
                413: _shown(Refusal, "The body is too large"),
                415: _shown(Refusal, "The body is said to be something else than JSON"),
                422: _shown(Refusal, "A field is wrong, unknown or missing; it is named"),
                **refusals,
            },
        )
        def simulate(request: Annotated[SimulationRequest, Body()]) -> Response[Simulation]:
            left = app.lambda_context.get_remaining_time_in_millis() / 1000
            return Response(200, _JSON, self._simulate(request, max(LEAST_SECONDS, left - MARGIN_SECONDS)))

        @app.get(OPENAPI, include_in_schema=False)
        def openapi() -> Response[str]:
            return Response(200, _JSON, self.openapi())

        app.exception_handler(RequestValidationError)(_wrong_fields)
        app.exception_handler(CannotBeError)(_cannot_be)
        app.exception_handler(NotFoundError)(_not_found)
        app.exception_handler(Exception)(_unexpected)  # before Powertools logs it with its text


def _shown(model: type[Noun], description: str) -> OpenAPIResponse:
    return {"description": description, "content": {_JSON: {"model": model}}}


def refusal(event: Mapping[str, Any]) -> tuple[int, str] | None:
    """Status and reason of a request that no route gets to see; None for others."""
    if not has_identity(event):
        return 403, "no IAM identity"
    if not event.get("body"):
        return None
    headers = {str(name).lower(): str(value) for name, value in dict(event.get("headers") or {}).items()}
    if headers.get("content-type", _JSON).partition(";")[0].strip().lower() != _JSON:
        return 415, "not JSON"
    try:
        body = str(event["body"])
        raw = base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        if len(raw) > MOST_BYTES:
            return 413, "too large"
        json.loads(raw.decode())
    except (ValueError, RecursionError):
        return 400, "not JSON"
    return None


def has_identity(event: Mapping[str, Any]) -> bool:
    """Whether AWS says which IAM identity signed the request; it does only where the URL's AuthType is AWS_IAM.

    The caller cannot write into the request's context, so a URL that is open by mistake opens nothing.
    """
    found: Any = event
    for name in ("requestContext", "authorizer", "iam", "userArn"):
        found = found.get(name) if isinstance(found, Mapping) else None
    return isinstance(found, str) and found.startswith("arn:")


def answer(status: int, body: Noun) -> JsonObject:
    """What a Function URL makes a response of."""
    return {
        "statusCode": status,
        "headers": {"Content-Type": _JSON},
        "body": body.model_dump_json(),
        "isBase64Encoded": False,
    }


def _wrong_fields(error: RequestValidationError) -> Response[str]:
    """Each field that is wrong itself; not those that are wrong for what is in them alone."""
    found = {".".join(str(part) for part in each["loc"][1:]): str(each["msg"]) for each in error.errors()}
    inner = [name for name in found if not any(other.startswith(f"{name}.") for other in found)]
    return _invalid(*(Problem(field=name[:_FIELD_CHARS], problem=found[name][:_FIELD_CHARS]) for name in inner))


def _cannot_be(error: CannotBeError) -> Response[str]:
    return _invalid(Problem(field=error.field, problem=str(error)))


def _not_found(_: NotFoundError) -> Response[str]:
    return Response(404, _JSON, Refusal(error="not found").model_dump_json())


def _unexpected(error: Exception) -> Response[str]:
    _note(error)
    return Response(500, _JSON, Refusal(error="internal error").model_dump_json())


def _note(error: Exception) -> None:
    """Class and place of an error; its text may quote a customer."""
    log.error("console: unexpected error", extra={"error": type(error).__name__, "frames": frames_of(error)})


def _invalid(*problems: Problem) -> Response[str]:
    return Response(422, _JSON, Refusal(error="invalid request", fields=problems).model_dump_json())
