"""What all functions are wired with: AWS clients, the check of their variables, tracing, and one start per process."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from metta.errors import SettingsError
from metta.observability import NoTracing, Tracing
from metta.settings import SECRET_NAMES, Settings, fetch_secret, load

T = TypeVar("T")

AWS_CONFIG = Config(
    connect_timeout=3,
    read_timeout=5,
    retries={"total_max_attempts": 3, "mode": "standard"},
    max_pool_connections=50,
    parameter_validation=False,  # all parameters are built in code; a seventh of a call's CPU
    user_agent="metta",  # botocore's own is put together anew for each request; a tenth of a call's CPU
)


PLACEHOLDER = "placeholder"


def aws_client(service: str, *, endpoint_url: str | None) -> Any:
    """A boto3 client with bounded timeouts and retries."""
    make: Any = boto3.client
    return make(service, endpoint_url=endpoint_url, config=AWS_CONFIG)


def check(settings: Settings, views: Sequence[str] = ("chatwoot", "odoo", "model", "state", "database")) -> None:
    """Raise one ``SettingsError`` that names everything that ``views`` lack, those of a worker unless given."""
    problems = []
    for view in views:
        try:
            getattr(settings, view)
        except SettingsError as error:
            problems.append(str(error).removeprefix("not set: "))
    if problems:
        raise SettingsError(f"not set: {', '.join(problems)}")


def tracing(settings: Settings) -> Tracing:
    """What ``METTA_TRACING`` asks for, unless Powertools' own switch turns it off; X-Ray's daemon is in Lambda alone.

    Raises:
        SettingsError: what it asks for is not installed.
    """
    in_lambda = bool(os.environ.get("AWS_LAMBDA_FUNCTION_NAME"))
    off = os.environ.get("POWERTOOLS_TRACE_DISABLED", "").lower() in ("1", "true", "yes")
    kind = "off" if off else settings.metta_tracing or "xray"
    if kind == "otel":
        from metta.observability.otel import OtelTracing

        return OtelTracing(settings.powertools_service_name)
    if kind == "xray" and in_lambda:
        from metta.observability.xray import XRayTracing  # costs an eighth of a second, so only where it is used

        return XRayTracing(settings.powertools_service_name)
    return NoTracing()


def stop_tracing() -> None:
    """Close what ``tracing`` opened; it can be called again."""
    if xray := sys.modules.get("metta.observability.xray"):
        xray.close()


def settings_as_they_are_now(client: Callable[[], Any]) -> Settings:
    """The environment's settings with the secret read anew, since it may have been rotated.

    Args:
        client: gives the Secrets Manager client, bounded in time.

    Raises:
        SettingsError: the secret cannot be read, or a variable is malformed.
    """
    from aws_lambda_powertools.utilities import parameters

    def secret(arn: str) -> Mapping[str, Any]:
        return fetch_secret(arn, max_age=0, get=parameters.SecretsProvider(boto3_client=client()).get)

    return load(secret=secret)


def placeholder_client(service: str, *, endpoint_url: str | None) -> Any:
    """An AWS client that looks for no credentials: for a rehearsal, in which it is never used."""
    session: Any = boto3.Session(aws_access_key_id=PLACEHOLDER, aws_secret_access_key=PLACEHOLDER)
    return session.client(service, endpoint_url=endpoint_url, config=AWS_CONFIG)


@dataclass(frozen=True)
class _Stream:
    """The body of an HTTP response, as botocore reads it."""

    body: bytes

    def stream(self, *_: object, **__: object) -> Iterator[bytes]:
        yield self.body


@contextmanager
def rehearsing(client: Any, answer: bytes) -> Iterator[None]:
    """Nothing that a boto3 client is told in this block is sent; botocore builds, once per process, what calls need.

    Args:
        client: has credentials.
        answer: JSON that stands for AWS's.
    """

    def unsent(request: Any, **_: object) -> AWSResponse:
        headers: Any = {"content-type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, _Stream(answer))

    client.meta.events.register("before-send", unsent)
    try:
        yield
    finally:
        client.meta.events.unregister("before-send", unsent)


def without_secrets() -> Settings:
    """The environment's settings with placeholders for all secrets; reads no secret.

    Raises:
        SettingsError: a variable is malformed.
    """
    environ = {name: value for name, value in os.environ.items() if name.upper() not in SECRET_NAMES}
    urls = f"postgresql://{PLACEHOLDER}@127.0.0.1/{PLACEHOLDER}"
    secrets = {name: urls if name.startswith("DATABASE_") else PLACEHOLDER for name in SECRET_NAMES}
    return load({**environ, "METTA_SECRET_ARN": PLACEHOLDER}, secret=lambda _arn: secrets)


def started(build: Callable[[Settings], T], settings: Callable[[], Settings] = load) -> T:
    """What ``build`` makes of the environment's settings; says on standard error why a function does not start.

    Raises:
        SettingsError: names what is missing; Lambda then reports a failed init.
    """
    try:
        return build(settings())
    except SettingsError as error:
        sys.stderr.write(f"Metta does not start: {error}\n")
        raise
