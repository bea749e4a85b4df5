"""AWS for the doctor: clients that give up soon, and what a refusal means, without AWS's words."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    ReadTimeoutError,
    SSLError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

from metta.settings import Settings, fetch_secret
from metta_local.doctor import clock
from metta_local.doctor.check import Check, fail
from metta_local.doctor.clock import Reading

CONFIG = Config(connect_timeout=2, read_timeout=4, retries={"total_max_attempts": 1})
"""One try, and not for long: a person waits."""
_KEYS = "set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN), or `aws sso login`"
_NO_CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    ProfileNotFound,
    SSOError,
    TokenRetrievalError,
)
_UNREACHABLE = (EndpointConnectionError, ConnectTimeoutError, ReadTimeoutError, ConnectionClosedError)
_CODE = re.compile(r"[A-Za-z.]{1,80}")
_REFUSED_KEYS = frozenset(
    {
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "InvalidAccessKeyId",
        "SignatureDoesNotMatch",
        "InvalidSignatureException",
        "IncompleteSignature",
        "MissingAuthenticationToken",
        "AuthFailure",
    }
)
_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException"})
_DENIED = ("AccessDenied", "UnauthorizedOperation", "NotAuthorized")
_SKEWED = frozenset({"RequestTimeTooSkewed", "RequestExpired"})


def secret(arn: str, endpoint: str | None) -> Mapping[str, Any]:
    """The JSON object that a secret holds, as it is now; boto3 itself would try for minutes.

    Raises:
        SettingsError: it cannot be read; boto3's error is among its causes.
    """
    import boto3
    from aws_lambda_powertools.utilities.parameters import SecretsProvider

    def get(name: str, **given: Any) -> Any:
        session: Any = boto3.session.Session()
        client = session.client("secretsmanager", endpoint_url=endpoint, config=CONFIG)
        return SecretsProvider(boto3_client=client).get(name, **given)

    return fetch_secret(arn, max_age=0, get=get)


class AwsError(Exception):
    """A call did not bring an answer; the text says why, ``fix`` what to do, ``code`` is AWS's word for it, if any."""

    def __init__(self, found: str, fix: str, code: str = "") -> None:
        super().__init__(found)
        self.fix = fix
        self.code = code

    @property
    def denied(self) -> bool:
        """Whether the credentials are good but may not do this."""
        return any(word in self.code for word in _DENIED)

    @property
    def missing(self) -> bool:
        """Whether what was asked for is not there."""
        return "NonExistentQueue" in self.code or "QueueDoesNotExist" in self.code or "NotFound" in self.code

    def as_failure(self, name: str) -> Check:
        """The check that it makes."""
        return fail(name, str(self), self.fix)


class Aws:
    """One area's access to AWS. Calls block; ``reading`` is the clock that the latest answer told.

    Args:
        settings: for the endpoint.
    """

    def __init__(self, settings: Settings) -> None:
        import boto3

        self._endpoint = settings.aws_endpoint_url
        self._new_session: Callable[[], Any] = boto3.session.Session
        self._session: Any = None
        self.reading: Reading | None = None

    def client(self, service: str) -> Any:
        """A boto3 client.

        Raises:
            AwsError: no region or profile is known.
        """
        try:
            self._session = self._session or self._new_session()
            return self._session.client(service, endpoint_url=self._endpoint, config=CONFIG)
        except (BotoCoreError, ValueError) as error:
            raise meaning(error, "", self._endpoint) from None

    def ask(self, call: Callable[..., Mapping[str, Any]], right: str, **given: Any) -> Mapping[str, Any]:
        """What a client's method answers.

        Args:
            call: the method.
            right: the action that it takes, as IAM calls it.
            given: its arguments.

        Raises:
            AwsError: it was refused, or nothing answered.
        """
        asked = clock.now()
        try:
            answer = call(**given)
        except (ClientError, BotoCoreError, ResponseParserError, ValueError) as error:
            if isinstance(error, ClientError):
                self._read_clock(error.response, asked)
            raise meaning(error, right, self._endpoint) from None
        self._read_clock(answer, asked)
        return answer

    def _read_clock(self, answer: Mapping[str, Any], asked: float) -> None:
        self.reading = Reading.of(answer.get("ResponseMetadata", {}).get("HTTPHeaders", {}), asked)


def meaning(error: Exception, right: str, endpoint: str | None) -> AwsError:
    """What boto3's error means.

    Args:
        error: as a call or a client raised it.
        right: the action that was asked for, as IAM calls it; empty when only a client was made.
        endpoint: the override, if any.
    """
    if isinstance(error, ClientError):
        return _refusal(error, right)
    kind = type(error).__name__
    if isinstance(error, _NO_CREDENTIALS):
        return AwsError(f"there are no AWS credentials that work ({kind})", _KEYS)
    if isinstance(error, NoRegionError | InvalidRegionError):
        return AwsError("no AWS region is known", "set AWS_DEFAULT_REGION")
    if isinstance(error, SSLError):
        return AwsError("AWS's certificate is not accepted", "is there a proxy between? name its CA: AWS_CA_BUNDLE")
    if isinstance(error, _UNREACHABLE):
        where = "what AWS_ENDPOINT_URL names" if endpoint else "AWS"
        fix = "is it running there?" if endpoint else "can this machine reach it (firewall, proxy, region)?"
        return AwsError(f"{where} does not answer ({kind})", fix)
    if isinstance(error, ValueError) and endpoint:
        return AwsError("AWS_ENDPOINT_URL is no address", "scheme, host and port, for example http://127.0.0.1:4566")
    what = f"AWS cannot be asked for {right}" if right else "AWS cannot be asked"
    return AwsError(f"{what} ({kind})", "check AWS_ENDPOINT_URL, AWS_DEFAULT_REGION and AWS_PROFILE")


def _refusal(error: ClientError, right: str) -> AwsError:
    code = str(error.response.get("Error", {}).get("Code", ""))
    short = code.rpartition(".")[2] if _CODE.fullmatch(code) else "unknown"
    if any(word in short for word in _DENIED):
        return AwsError(f"access denied: these credentials have no right to {right}", f"allow {right} to them", short)
    if short in _EXPIRED:
        return AwsError("the AWS credentials have expired", f"get new ones: {_KEYS}", short)
    if short in _SKEWED:
        return AwsError("AWS refuses the request's time: this machine's clock is wrong", "set the clock", short)
    if short in _REFUSED_KEYS:
        return AwsError("AWS does not accept the credentials", _KEYS, short)
    return AwsError(f"AWS refuses {right} ({short})", "see what that word means in AWS's documentation", short)
