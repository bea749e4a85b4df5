"""Inboxes, their bots and the team of hand-offs: what stands in the way of an answer, or brings two."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal

from metta_local.doctor.chatwoot_ours import HEARD, Ours
from metta_local.doctor.chatwoot_seen import MOST_INBOXES, Seen
from metta_local.doctor.check import Check, Status, fail, ok, skip, warn

BY_ADMIN = "an administrator's token shows it: set CHATWOOT_ADMIN_API_KEY for this command alone"
BY_USER = "a user's token shows it: CHATWOOT_HISTORY_API_KEY, or CHATWOOT_ADMIN_API_KEY for this command alone"
_ATTACH = "attach Metta's bot: Settings > Inboxes > INBOX > Bot configuration"
AnswerWhen = Literal["pending", "unassigned"]


def answered(wanted: frozenset[int], seen: Seen) -> list[int]:
    """The inboxes that Metta answers for, as far as they exist."""
    return sorted(at for at in seen.inboxes or () if not wanted or at in wanted)


def inboxes(wanted: frozenset[int], seen: Seen | None) -> Check:
    """Whether the inboxes that are named are there."""
    name = "chatwoot.inboxes"
    if seen is None or seen.inboxes is None:
        return skip(name, f"whether the inboxes are there: {BY_USER}")
    found = answered(wanted, seen)
    if missing := sorted(wanted - set(found)):
        text = f"CHATWOOT_INBOX_IDS names {listed(missing)}, which the account does not have"
        return fail(name, text, "an inbox's number is the one behind /inbox/ in Chatwoot's address")
    if not found:
        who = "the account has no inbox" if seen.administrator else "the user is a member of no inbox"
        return warn(
            name, f"{who}: there is nothing to answer, or nothing to be seen", "make one, or add the user to it"
        )
    more = f"; the bots of {MOST_INBOXES} are looked at" if len(found) > MOST_INBOXES else ""
    whose = "of the account" if seen.administrator else "that the user is a member of"
    return ok(name, f"{listed(found)} are answered{more}" if wanted else f"all {len(found)} {whose}{more}")


def bots(wanted: frozenset[int], seen: Seen | None, mine: Ours, when: AnswerWhen) -> Check:
    """Whether Metta hears of each inbox, and new conversations begin in the status that it answers.

    Without ``CHATWOOT_INBOX_IDS`` the inboxes that Metta's bot is attached to are those that are meant.
    """
    name = "chatwoot.bot"
    if seen is not None and seen.inboxes is not None and not answered(wanted, seen):
        return skip(name, "there is no inbox to be answered that a bot could be attached to")
    if seen is None or not seen.bots:
        return skip(name, f"whether the bot is attached to the inboxes: {BY_USER}")
    attached = {at: seen.bots[at] for at in answered(wanted, seen) if at in seen.bots}
    theirs = [at for at, bot in attached.items() if bot and bot.id not in mine.others]
    without = [at for at, bot in attached.items() if bot is None] if wanted or not theirs else []
    others = [at for at, bot in attached.items() if bot and bot.id in mine.others]
    heard = None if seen.webhooks is None else mine.heard
    found = [
        _none(name, without, when, heard=heard),
        _other(name, others if wanted or heard or not theirs else [], heard=heard),
        _some(name, theirs, seen),
    ]
    whose = "Metta's bot" if seen.own_bot else "a bot"
    well = f"{whose} is attached to {listed(theirs)}" if theirs else "an account webhook tells of the inboxes"
    return _worst([check for check in found if check]) or ok(name, well)


def _worst(checks: Sequence[Check]) -> Check | None:
    """One check of several: all that is as bad as the worst, and what to do about the first."""
    failed = [check for check in checks if check.status is Status.FAIL] or checks
    return replace(failed[0], found="; ".join(check.found for check in failed)) if failed else None


def _none(name: str, at: Sequence[int], when: AnswerWhen, *, heard: bool | None) -> Check | None:
    """Inboxes without a bot: their conversations begin as open, and only an account webhook tells of them."""
    if not at:
        return None
    where = f"no bot is attached to {listed(at)}"
    if when == "pending":
        how = "an account webhook tells of them, but " if heard else ""
        found = f"{where}: {how}new conversations are open at once and Metta answers pending ones alone: silence"
        return fail(name, found, f"{_ATTACH}; or set CHATWOOT_ANSWER_WHEN=unassigned and keep the account webhook")
    if heard is None:
        return skip(name, f"{where}; whether an account webhook tells of them: {BY_ADMIN}")
    if heard:
        return None
    return fail(name, f"{where}, and no account webhook has {HEARD}: Metta hears nothing", _ATTACH)


def _other(name: str, at: Sequence[int], *, heard: bool | None) -> Check | None:
    if not at:
        return None
    where = f"another bot than Metta's is attached to {listed(at)}"
    if heard:
        found = f"{where}, beside an account webhook: both answer"
        return fail(name, found, f"{_ATTACH}, or leave those inboxes out of CHATWOOT_INBOX_IDS")
    found = f"{where}: the events go to it, or the token is not Metta's"
    return fail(name, found, f"{_ATTACH}, or use that bot's token")


def _some(name: str, theirs: Sequence[int], seen: Seen) -> Check | None:
    """Bots are attached, and which of them is Metta's is not known."""
    if not theirs or seen.own_bot or seen.administrator:
        return None
    return skip(name, f"a bot is attached to {listed(theirs)}; whether it is Metta's: {BY_ADMIN}")


def assignment(wanted: frozenset[int], seen: Seen | None, when: AnswerWhen) -> Check:
    """Whether Chatwoot gives new conversations to a person before Metta sees them."""
    name = "chatwoot.assignment"
    if when == "pending":
        return ok(name, "pending conversations are assigned to nobody; after a hand-off the inbox's setting decides")
    if seen is None or seen.inboxes is None:
        return skip(name, f"whether inboxes assign conversations at once: {BY_USER}")
    at = [each for each in answered(wanted, seen) if seen.inboxes[each].assigns and not seen.bots.get(each)]
    if not at:
        return ok(name, "no inbox gives open conversations to a person at once")
    found = f"a new conversation of {listed(at)} is given to whoever is online, and Metta leaves assigned ones alone"
    return warn(
        name, found, f"turn auto-assignment off there (Settings > Inboxes > INBOX > Collaborators), or {_ATTACH}"
    )


def team(wanted: int | None, seen: Seen | None) -> Check:
    """Whether the team that hand-offs go to exists; Chatwoot accepts any number and assigns nobody."""
    name = "chatwoot.team"
    if wanted is None:
        return ok(name, "hand-offs go to no team: they wait among the unassigned")
    if seen is None or seen.teams is None:
        return skip(name, f"whether team {wanted} is there: {BY_USER}")
    if wanted in seen.teams:
        return ok(name, f"hand-offs go to team {wanted}")
    found = f"the account has no team {wanted} (CHATWOOT_HANDOFF_TEAM_ID): hand-offs go to nobody"
    return fail(name, found, "a team's number is the one behind /team/ in Chatwoot's address; or unset it")


def listed(numbers: Iterable[int]) -> str:
    """The inboxes by number; of many the first."""
    given = sorted(numbers)
    shown = ", ".join(map(str, given[:8])) + (f" and {len(given) - 8} more" if len(given) > 8 else "")
    return f"inbox {shown}" if len(given) == 1 else f"inboxes {shown}"
