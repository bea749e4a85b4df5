"""Whether the tokens of Chatwoot are of the kind that they are used for, and no more powerful than that takes."""

from __future__ import annotations

from metta_local.doctor.chatwoot_inboxes import listed
from metta_local.doctor.chatwoot_owner import Entry, Kind, Owner
from metta_local.doctor.check import Check, fail, ok, skip, warn

SENDS, LISTS, SHOWS = "CHATWOOT_API_KEY", "CHATWOOT_HISTORY_API_KEY", "CHATWOOT_ADMIN_API_KEY"
GUIDE = "docs/deploy.md, 2"


def sender(owner: Owner) -> Check:
    """Whether the token that sends is a bot's."""
    if bad := _no_token(owner, "chatwoot.token", SENDS):
        return bad
    if owner.kind is Kind.BOT:
        return ok("chatwoot.token", "an agent bot's: it may write and hand over, and list no messages")
    more = ", and it is an administrator's, who may change everything" if owner.administrator else ""
    found = (
        f"{SENDS} is a user's{more}: replies count as a person's in reports, and a hand-off assigns the conversation "
        "to that user before it is undone"
    )
    return warn("chatwoot.token", found, f"make an agent bot and use its access token ({GUIDE})")


def _no_token(owner: Owner, name: str, variable: str) -> Check | None:
    if owner.kind is Kind.REFUSED:
        return fail(
            name,
            f"Chatwoot does not know {variable}",
            f"copy it again, whole; resetting a token ends the old one ({GUIDE})",
        )
    if owner.kind is Kind.LOST:
        found = f"{variable} does not arrive: something in front of Chatwoot drops the header api_access_token"
        return fail(name, found, "allow header names with underscores there (nginx: underscores_in_headers on)")
    if owner.kind is Kind.PLATFORM:
        found = f"{variable} is a platform app's: it makes accounts and users, and may do nothing inside an account"
        return fail(
            name, found, f"use an agent bot's access token or a user's, not the super admin console's ({GUIDE})"
        )
    if owner.kind is Kind.UNKNOWN:
        return fail(name, f"whose {variable} is could not be asked: {owner.told}", "is Chatwoot up? try again")
    return None


def account(owner: Owner, account_id: int, *, exists: bool, has_bot: bool) -> Check:
    """Whether the token that sends opens the account.

    Args:
        owner: of the token.
        account_id: as configured.
        exists: whether another token has shown that the account is there.
        has_bot: whether another token has shown that the bot is among the account's.
    """
    name, number_fix = "chatwoot.account", "CHATWOOT_ACCOUNT_ID is the number behind /accounts/ in Chatwoot's address"
    entry = owner.entry
    if entry is Entry.IN or (entry is Entry.PERHAPS and exists) or (entry is Entry.UNSEEN and has_bot):
        return ok(name, f"account {account_id} lets {SENDS} in")
    if entry is Entry.OTHER:
        if owner.kind is Kind.BOT:
            found = f"{SENDS} is of a bot of another account than {account_id}, and attached to no inbox of it"
            return fail(name, found, f"use a bot of account {account_id}, or mend CHATWOOT_ACCOUNT_ID")
        theirs = f"; it belongs to {', '.join(map(str, owner.accounts))}" if owner.accounts else ""
        return fail(name, f"the user of {SENDS} does not belong to account {account_id}{theirs}", number_fix)
    if entry is Entry.SUSPENDED:
        return fail(
            name,
            f"account {account_id} is suspended: nothing can be read or written",
            "reactivate it (super admin console)",
        )
    if entry is Entry.NO_API:
        return fail(name, f"account {account_id} has no access to the API", "choose a plan of Chatwoot's that has it")
    if entry is Entry.PERHAPS:
        return skip(
            name, f"whether there is an account {account_id} is not told to a bot; a user's token would show it"
        )
    if owner.kind is Kind.BOT:
        return skip(name, "before Chatwoot 4.14.2 a bot may look at nothing; a user's token would show it")
    return skip(name, f"whether {SENDS} opens account {account_id} could not be seen")


def lister(owner: Owner | None, sends: Owner, account_id: int, *, outside: tuple[int, ...]) -> Check:
    """Whether some token may list messages, and is no more powerful than that takes.

    Args:
        owner: of ``CHATWOOT_HISTORY_API_KEY``; None when it is not set.
        sends: of ``CHATWOOT_API_KEY``.
        account_id: as configured.
        outside: answered inboxes that the owner is known not to be a member of.
    """
    name, make = "chatwoot.history", f"give it the token of a user of role agent, member of the inboxes ({GUIDE})"
    if owner is None:
        if sends.kind is Kind.USER:
            return ok(name, f"{SENDS} may list messages itself")
        found = f"{LISTS} is not set: a bot may not list messages, so answers are given from the messages at hand"
        return warn(name, found, make)
    if bad := _no_token(owner, name, LISTS):
        return bad
    same = owner.token.get_secret_value() == sends.token.get_secret_value()
    if owner.kind is Kind.BOT:
        what = f"the same token as {SENDS}, a bot's" if same else "a bot's token"
        return fail(name, f"{LISTS} is {what}: no bot may list messages", make)
    if owner.entry is not Entry.IN:
        return fail(name, f"the user of {LISTS} is not let into account {account_id}", make)
    if outside:
        found = f"the user of {LISTS} is no member of {listed(outside)}: there history is refused"
        return fail(name, found, "add the user to them (Settings > Inboxes > INBOX > Collaborators)")
    if same:
        return warn(
            name, f"{LISTS} is the same token as {SENDS}: it adds nothing", f"remove it, or let a bot send ({GUIDE})"
        )
    if owner.administrator:
        found = f"{LISTS} is an administrator's: whoever gets hold of it may change everything"
        return warn(name, found, make)
    return ok(name, "a user's who may list messages")


def shower(owner: Owner) -> Check:
    """Whether the token that is given to the doctor alone is what it is meant to be."""
    name = "chatwoot.admin"
    if bad := _no_token(owner, name, SHOWS):
        return bad
    if owner.reads and owner.administrator:
        return ok(name, "an administrator's; unset it again, nothing else needs it")
    found = f"{SHOWS} is no administrator's of the account: it shows no more than other tokens do"
    return warn(name, found, "take the access token of an administrator's profile")
