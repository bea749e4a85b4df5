"""What the policy says about replies beside their content: disclosures, lengths per channel, the team's hours."""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from typing import Annotated, Any, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from metta.nouns import Noun

_LANGUAGES = frozenset(
    """aa ab ae af ak am an ar as av ay az ba be bg bh bi bm bn bo br bs ca ce ch co cr cs cu cv cy da de dv dz
    ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz ia id ie ig ii ik io
    is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li ln lo lt lu lv mg mh mi mk ml mn mr
    ms mt my na nb nd ne ng nl nn no nr nv ny oc oj om or os pa pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si
    sk sl sm sn so sq sr ss st su sv sw ta te tg th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh
    yi yo za zh zu""".split()  # noqa: SIM905 - reads better so
)
"""ISO 639-1."""


def iso_language(code: str) -> str:
    """``code``, unless it is no language.

    Raises:
        ValueError: it is none of ISO 639-1.
    """
    if code not in _LANGUAGES:
        raise ValueError(f"{code!r} is no language code of ISO 639-1, like en or de")
    return code


LanguageCode = Annotated[str, Field(pattern=r"^[a-z]{2}$"), AfterValidator(iso_language)]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_WEEKDAYS: tuple[Weekday, ...] = get_args(Weekday)
_PERIOD = re.compile(r"(\d{1,2}):(\d{2}) ?[-–] ?(\d{1,2}):(\d{2})")
_DAY_MINUTES = 24 * 60
_LOOKED_AHEAD = 60
"""Days after which no opening is promised any more."""
PACKAGED_DISCLOSURES = ("ai_assistant",)
"""Names of disclosures whose text Metta brings along, in seven languages."""


class Disclosure(Noun):
    """A text that must be told to the customer. The runtime adds it to the reply; no model can leave it out."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
    """``ai_assistant`` has a packaged text."""
    when: Literal["first_reply", "every_reply"] = "first_reply"
    """``first_reply``: once per conversation."""
    place: Literal["before", "after"] = "before"
    """Where it stands in the reply."""
    text: dict[LanguageCode, str] = Field(default_factory=dict)
    """Language -> text; left out for a packaged one. A language that is missing gets the default language's."""

    @field_validator("text")
    @classmethod
    def _sendable(cls, value: dict[str, str]) -> dict[str, str]:
        for language, text in value.items():
            if not text.strip() or len(text) > 500:
                raise ValueError(f"{language}: must have 1 to 500 characters")
            if "{{" in text or "{%" in text:
                raise ValueError(f"{language}: must hold no Liquid ({{{{ or {{%), which Chatwoot would render")
        return value


def _periods(value: Any) -> Any:
    """``9:00-17:00``, or a list of such, as pairs of minutes after midnight."""
    if value is None or value == "closed":
        return ()
    entries = [value] if isinstance(value, str) else value
    if not isinstance(entries, list | tuple):
        raise ValueError("must be closed, a period like 9:00-17:00, or a list of periods")  # noqa: TRY004
    return tuple(entry if isinstance(entry, tuple) else _period(entry) for entry in entries)


def _period(entry: Any) -> tuple[int, int]:
    found = _PERIOD.fullmatch(entry.strip()) if isinstance(entry, str) else None
    if found is None:
        raise ValueError(f"{entry!r} is no period like 9:00-17:00")
    opens, closes = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if int(found[2]) > 59 or int(found[4]) > 59 or not 0 <= opens < closes <= _DAY_MINUTES:
        raise ValueError(f"{entry!r} must begin before it ends, from 0:00 to 24:00; split one that passes midnight")
    return opens, closes


Periods = Annotated[
    tuple[tuple[int, int], ...], BeforeValidator(_periods, json_schema_input_type=str | list[str] | None)
]


class WorkingHours(Noun):
    """When the support team is there. Metta answers at any time; this decides what a hand-off tells the customer."""

    time_zone: str = "UTC"
    """IANA name, for example ``Europe/Berlin``."""
    days: dict[Weekday, Periods] = Field(min_length=1)
    """Weekday -> ``9:00-17:00``, a list of periods, or ``closed``; a day left out is closed."""
    holidays: tuple[date, ...] = ()
    """Days on which nobody is there, ``2026-12-25``."""

    @field_validator("time_zone")
    @classmethod
    def _known(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (KeyError, ValueError, OSError):  # a name that is a path or a folder
            raise ValueError(f"{value!r} is no IANA time zone; use a name like Europe/Berlin") from None
        return value

    @field_validator("days")
    @classmethod
    def _apart(cls, value: dict[Weekday, Periods]) -> dict[Weekday, Periods]:
        for day, periods in value.items():
            ordered = sorted(periods)
            if any(one[1] > other[0] for one, other in pairwise(ordered)):
                raise ValueError(f"{day}: its periods overlap")
        if not any(value.values()):
            raise ValueError("at least one day must be open")
        return value

    @cached_property
    def zone(self) -> ZoneInfo:
        """The time zone."""
        return ZoneInfo(self.time_zone)

    def opens_next(self, now: datetime) -> datetime | None:
        """When the team is there again, in its time zone; None when it is there, or not for a long time.

        Args:
            now: aware time.
        """
        here = now.astimezone(self.zone)
        if self.is_open(now):
            return None
        for ahead in range(_LOOKED_AHEAD):
            day = here.date() + timedelta(days=ahead)
            for opens, _ in sorted(self._of(day)):
                start = datetime.combine(day, time(opens // 60 % 24, opens % 60), self.zone)
                if start > here:
                    return start
        return None

    def is_open(self, now: datetime) -> bool:
        """Whether the team is there at ``now``, an aware time."""
        here = now.astimezone(self.zone)
        minute = here.hour * 60 + here.minute
        return any(opens <= minute < closes for opens, closes in self._of(here.date()))

    def _of(self, day: date) -> tuple[tuple[int, int], ...]:
        return () if day in self.holidays else self.days.get(_WEEKDAYS[day.weekday()], ())
