"""The schema as a resource of the stack: CloudFormation asks for it, and gets an answer before it stops waiting.

Used by the migrate function. CloudFormation's side of it: the request names a URL, and nothing but a PUT to that URL
ends its waiting; a failure's reason is shown to whoever deploys, and rolls the stack back.
https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/crpg-ref-requests.html
"""

from __future__ import annotations

import http.client
import json
import logging
import threading
import time
import traceback
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from metta.errors import MettaError, MigrationError

if TYPE_CHECKING:
    from metta.persistence.migrate import MigrationReport

RESOURCE_ID = "metta-schema"
"""The same for every release: another one would make CloudFormation delete the resource of the one before."""
ANSWER_SECONDS = 25.0
"""Kept back from the function's time, for the answer and its repetitions."""
UNDO_SECONDS = 10.0
"""Kept back from the migration's time, so that what it began is undone before the answer."""
MAX_REASON = 500
"""Characters; CloudFormation takes 4,096 bytes, and one character may need six of them."""
_TRIES = 5

log = logging.getLogger(__name__)

Answer = dict[str, Any]
Put = Callable[[str, bytes, float], None]
"""URL, body, seconds that it may take."""


def put(url: str, body: bytes, seconds: float) -> None:
    """PUT ``body``, as an address that was signed without a content type wants it.

    Raises:
        OSError: it did not arrive.
        ValueError: the address is none of http or https.
    """
    if not url.startswith(("https://", "http://")):
        raise ValueError("the address for the answer is neither https nor http")
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    try:
        urllib.request.urlopen(request, timeout=seconds).close()  # noqa: S310
    except urllib.error.HTTPError as refused:
        refused.close()
        raise


@dataclass(frozen=True)
class SchemaResource:
    """Answers the requests for the newest schema.

    Attributes:
        migrate: brings the database to the newest schema within so many seconds, or raises.
        put: sends an answer.
        pause: waits between two tries to send it.
    """

    migrate: Callable[[float], MigrationReport]
    put: Put = put
    pause: Callable[[float], None] = field(default=time.sleep)

    def handle(self, event: Mapping[str, Any], context: Any) -> Answer:
        """Migrate for CloudFormation, or, without a ``ResponseURL`` in the event, for whoever calls.

        Returns:
            ``{"schema", "applied", "missing_roles"}``; empty for a deletion, which touches nothing.

        Raises:
            MigrationError: it failed, and nobody but the caller waits for the reason.
            OSError: the answer did not reach CloudFormation, which gives up after its ``ServiceTimeout``; a later
                deployment migrates again, and migrating twice is safe.
        """
        if "ResponseURL" not in event:
            return self._migrated(context)
        try:
            done = {} if event.get("RequestType") == "Delete" else self._migrated(context)
        except MigrationError as error:
            self._answer(event, context, Status="FAILED", Reason=str(error)[:MAX_REASON])
            return {}
        data = {"Schema": str(done["schema"]), "Applied": ",".join(done["applied"])[:MAX_REASON]} if done else {}
        self._answer(event, context, Status="SUCCESS", Data=data)
        return done

    def _migrated(self, context: Any) -> Answer:
        """Run it in a thread, because a call that hangs (a name that does not resolve) can't be ended, only left."""
        seconds = _seconds_left(context) - ANSWER_SECONDS
        ended: list[MigrationReport | BaseException] = []

        def run() -> None:
            try:
                ended.append(self.migrate(seconds - UNDO_SECONDS))
            except BaseException as error:  # noqa: BLE001 - whatever it is, CloudFormation is told
                ended.append(error)

        thread = threading.Thread(target=run, name="migrate", daemon=True)
        thread.start()
        thread.join(max(0.0, seconds))
        if not ended:
            raise MigrationError("the migration did not end within the function's time; run it again")
        (end,) = ended
        if isinstance(end, BaseException):
            raise MigrationError(_reason(end)) from None
        for role in end.missing_roles:
            log.warning("role %s does not exist: create it and migrate again", role)
        log.info("the database has schema %d", end.schema, extra={"applied": list(end.applied)})
        return {"schema": end.schema, "applied": list(end.applied), "missing_roles": list(end.missing_roles)}

    def _answer(self, event: Mapping[str, Any], context: Any, **said: object) -> None:
        body = {
            "PhysicalResourceId": event.get("PhysicalResourceId") or RESOURCE_ID,
            **{name: event.get(name, "") for name in ("StackId", "RequestId", "LogicalResourceId")},
            **said,
        }
        text = json.dumps(body).encode()
        for tried in range(1, _TRIES + 1):
            try:
                self.put(str(event["ResponseURL"]), text, max(1.0, min(4.0, _seconds_left(context) - 1)))
            except (OSError, http.client.HTTPException) as error:  # its text may name the address, which is a key
                log.warning("CloudFormation was not reached", extra={"tried": tried, "kind": type(error).__name__})
                if tried == _TRIES or _seconds_left(context) < 2 * tried:
                    raise OSError("the answer did not reach CloudFormation") from None
                self.pause(0.25 * 2**tried)
            else:
                return


def _seconds_left(context: Any) -> float:
    return float(context.get_remaining_time_in_millis()) / 1000


def _reason(error: BaseException) -> str:
    """Words for whoever deploys. Texts of others' errors may hold a connection string, and stay out."""
    if isinstance(error, MettaError):
        log.error("the database was not migrated: %s", error)
        return str(error)
    frames = [f"{frame.name}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
    log.error("unexpected error", extra={"kind": type(error).__name__, "frames": frames})
    return f"unexpected {type(error).__name__}; the migrate function's log says where"
