"""The error tree; the branch an error is on decides what the queue does with the record.

::

    MettaError
    ├── SettingsError            a variable is missing or malformed: the process does not start
    ├── MigrationError           the database's schema cannot be brought up to date; nothing was changed
    ├── Retry                    back to the queue, soon
    │   ├── DependencyDown         a dependency failed for now; counts as an attempt
    │   │   ├── ChatwootDown
    │   │   │   └── SendUnknown      a POST may or may not have taken effect: look before sending again
    │   │   ├── OdooDown
    │   │   ├── ModelDown
    │   │   ├── AuditDown            PostgreSQL; never stands between a customer and the answer
    │   │   └── StateDown            DynamoDB
    │   └── NotYet                 nothing was tried; does not count as an attempt
    │       ├── ConversationBusy     another worker holds the conversation's lease
    │       ├── QuietWindow          a burst may still be going on
    │       ├── Overtaken            a newer customer message made the running reply stale
    │       ├── Unsettled            a send broke off moments ago: too early to look for its message
    │       ├── Paused               a dependency is known to be down
    │       └── NotStarted           the deadline came before the record's turn could begin
    ├── HandOff                  a person takes over; the record is done
    │   ├── ModelRefused           the model declined to answer
    │   ├── TooManyModelTurns      the agent did not come to an end
    │   ├── BudgetExhausted        time, tokens or money ran out
    │   ├── GuardrailBroken        a check raised: nothing a model wrote may leave
    │   └── ChatwootRefused        Chatwoot will never accept this call (rights, validation, unknown conversation)
    └── Reject                   will never work: dead-letter queue at once, unchanged
        └── MalformedRecord        the body is not a Chatwoot webhook; ``field`` names what is wrong

Messages of these errors are for operators' logs. They never reach a customer or a model.
"""

from __future__ import annotations


class MettaError(Exception):
    """Root of everything Metta raises on purpose."""


class SettingsError(MettaError):
    """A variable is missing or malformed; the text names it."""


class MigrationError(MettaError):
    """The database's schema cannot be brought up to date; nothing was changed. The text says what to do."""


class Retry(MettaError):  # noqa: N818 - the branch is named after what happens
    """Back to the queue, soon.

    Attributes:
        after_seconds: how long the dependency asked us to wait, or None for the usual backoff.
        counts: whether a real try was made, so that the attempt is counted in turn state.
        tries: real tries so far, this one included; None where turn state could not be asked.
    """

    counts = True
    tries: int | None = None

    def __init__(self, message: str, *, after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.after_seconds = after_seconds


class DependencyDown(Retry):
    """A dependency failed in a way that may pass."""

    dependency = "dependency"


class ChatwootDown(DependencyDown):
    """Chatwoot timed out, refused the connection or answered 429/5xx."""

    dependency = "chatwoot"


class SendUnknown(ChatwootDown):
    """A message may or may not have been created; it must be looked up before anything is sent again."""


class OdooDown(DependencyDown):
    """Odoo timed out, is restarting or refuses the key for now."""

    dependency = "odoo"


class ModelDown(DependencyDown):
    """The model timed out, answered 429/5xx or broke off."""

    dependency = "model"


class AuditDown(DependencyDown):
    """PostgreSQL is unreachable or refuses to write."""

    dependency = "audit"


class StateDown(DependencyDown):
    """DynamoDB is unreachable: no guarantee can be given, so nothing is done."""

    dependency = "state"


class NotYet(Retry):
    """Nothing was tried; the record comes back without an attempt being counted."""

    counts = False


class ConversationBusy(NotYet):
    """Another worker holds the conversation's lease."""


class QuietWindow(NotYet):
    """A burst may still be going on; its followers shall join it."""


class Overtaken(NotYet):
    """A newer customer message made the running reply stale."""


class Unsettled(NotYet):
    """A send broke off moments ago; a look now could miss a message that is still being saved."""


class Paused(NotYet):
    """A dependency is known to be down: the circuit is open, or its only trial failed.

    Attributes:
        dependency: which one, as ``DependencyDown`` names them.
    """

    def __init__(self, message: str, *, dependency: str, after_seconds: float) -> None:
        super().__init__(message, after_seconds=after_seconds)
        self.dependency = dependency


class NotStarted(NotYet):
    """The invocation's deadline came before the record's turn could begin."""


class HandOff(MettaError):  # noqa: N818 - the branch is named after what happens
    """A person takes over; the record is done once that is arranged.

    Attributes:
        reason: a stable, machine-readable word for audit and metrics.
    """

    reason = "requested"

    def __init__(self, message: str, *, reason: str | None = None) -> None:
        super().__init__(message)
        if reason is not None:
            self.reason = reason


class ModelRefused(HandOff):
    """The model declined to answer."""

    reason = "model_refused"


class TooManyModelTurns(HandOff):
    """The agent used all its model turns without an answer."""

    reason = "too_many_model_turns"


class BudgetExhausted(HandOff):
    """Time, tokens or money for this turn ran out."""

    reason = "budget_exhausted"


class GuardrailBroken(HandOff):
    """A guardrail raised; nothing that a model wrote may leave."""

    reason = "guardrail_broken"


class ChatwootRefused(HandOff):
    """Chatwoot will never accept this call.

    Attributes:
        status: the HTTP status code it answered with.
    """

    reason = "chatwoot_refused"

    def __init__(self, message: str, *, status: int) -> None:
        super().__init__(message)
        self.status = status


class Reject(MettaError):  # noqa: N818 - the branch is named after what happens
    """Will never work: goes to the dead-letter queue at once, unchanged."""


class MalformedRecord(Reject):
    """The record's body is not a Chatwoot webhook.

    Attributes:
        field: dotted path of what is wrong, for example ``conversation.id``; ``body`` for the whole.
    """

    def __init__(self, message: str, *, field: str = "body") -> None:
        super().__init__(f"{field}: {message}")
        self.field = field
