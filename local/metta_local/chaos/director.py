"""Plays the script: customers and agents in the emulated Chatwoot, in real time, each step when its moment has come.

Most steps are done on the agenda's thread. Those that wait for a worker to think, or to have looked, are done on the
proxies' thread while that worker waits for its answer: a takeover between the look and the POST is then exactly there.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from metta_local.chaos.agenda import Agenda
from metta_local.chaos.harness import Passage
from metta_local.chaos.journal import Journal, Place
from metta_local.chaos.postman import Webhook
from metta_local.chaos.script import CUSTOMERS, MAIL, Act, Scene, Step, When, text_of, words
from metta_local.chatwoot import ChatwootEmulator
from metta_local.model import ModelEmulator
from metta_local.model.scripting import Refuse

PATIENCE_SECONDS = 12.0
"""After this a step is done although what it waits for has not come."""
AGENT_ID = 21


@dataclass
class Play:
    """One scene under way."""

    scene: Scene
    chance: random.Random
    contact_id: int = 0
    conversation: int = 0
    at: int = 0
    """Place of the next step."""
    waits: When | None = None
    """What the next step waits for, once the one before is done."""
    answered: bool = False
    """Whether Metta said something since the customer wrote last."""
    last_reply: int = 0

    @property
    def next(self) -> Step | None:
        """The next step; None when the scene is over."""
        return self.scene.steps[self.at] if self.at < len(self.scene.steps) else None


@dataclass
class Stage:
    """What the acts happen on."""

    chatwoot: ChatwootEmulator
    model: ModelEmulator
    journal: Journal
    words: dict[int, str] = field(default_factory=dict)
    """Customer message -> its word."""


class Director:
    """Plays scenes; ``observe`` goes to the proxies and ``seen`` to the postman.

    Args:
        stage: where it happens.
        agenda: what is done later.
        seed: of texts and people.
    """

    def __init__(self, stage: Stage, agenda: Agenda, seed: int) -> None:
        self._stage = stage
        self._agenda = agenda
        self._seed = seed
        self._words = words()
        self._by_conversation: dict[int, Play] = {}
        self._by_word: dict[str, Play] = {}
        self._open = 0
        self._lock = threading.RLock()
        self.sent = 0
        """Customer messages so far."""

    def play(self, scenes: Sequence[Scene]) -> None:
        """Begin; the agenda does the rest."""
        self._open = len(scenes)
        for number, scene in enumerate(scenes):
            play = Play(scene, random.Random(f"{self._seed} play {number}"))
            self._agenda.later(scene.starts_at, lambda play=play: self._do(play, 0))  # type: ignore[misc]

    @property
    def over(self) -> bool:
        """Whether all scenes are."""
        return self._open == 0

    def observe(self, passage: Passage, after: bool) -> None:
        """Do the step that waits for this very call."""
        if passage.place is Place.CHATWOOT and after and passage.detail.get("read") == "recheck":
            self._come(self._by_conversation.get(passage.conversation or 0), When.LOOKED)
        elif passage.place is Place.MODEL and not after:
            for word in str(passage.detail.get("input", "")).split():
                if (play := self._by_word.get(word)) is not None:
                    passage.conversation = play.conversation  # so that its timeline shows the call
                    self._come(play, When.THINKING)

    def seen(self, webhook: Webhook) -> None:
        """Notice what Metta says to a customer."""
        body = webhook.body
        if webhook.event != "message_created" or body["message_type"] != "outgoing" or body["private"]:
            return
        play = self._by_conversation.get(webhook.conversation or 0)
        if play is not None and body["content_attributes"].get("metta_turn_id"):
            with self._lock:
                play.answered, play.last_reply = True, body["id"]
            self._come(play, *When)  # whoever waited for a thought or a look has missed it

    def _come(self, play: Play | None, *moments: When) -> None:
        """A moment that the next step may have waited for."""
        with self._lock:
            if play is None or play.waits not in moments or play.next is None:
                return
            play.waits = None
            at, seconds = play.at, play.next.seconds
        if seconds:
            self._agenda.later(seconds, lambda: self._do(play, at))
        else:
            self._do(play, at)

    def _do(self, play: Play, at: int) -> None:
        """Do the step ``at`` unless it was done, and see to the next."""
        with self._lock:
            step = play.next
            if play.at != at or step is None:
                return
            play.at += 1
            play.waits = None
            _Acts(self._stage).do(step.act, play, self._word(play, step.act))
            if step.act in CUSTOMERS:
                self.sent += 1
            self._by_conversation[play.conversation] = play
            following = play.next
            if following is None:
                self._open -= 1
                return
            at = play.at
            if following.when is When.THEN or (following.when is When.ANSWERED and play.answered):
                self._agenda.later(following.seconds, lambda: self._do(play, at))
                return
            play.waits = following.when
        self._agenda.later(PATIENCE_SECONDS, lambda: self._lose_patience(play, at), matters=False)

    def _lose_patience(self, play: Play, at: int) -> None:
        if play.at == at and play.next is not None:
            self._stage.journal.note(time.time(), play.conversation, f"nobody came to {play.next.when.value}")
            self._do(play, at)

    def _word(self, play: Play, act: Act) -> str:
        if act not in CUSTOMERS:
            return ""
        play.answered = False
        word = next(self._words)
        self._by_word[word] = play
        return word


class _Acts:
    """The acts, in the emulated Chatwoot."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._chatwoot = stage.chatwoot

    def do(self, act: Act, play: Play, word: str) -> None:
        """Do it and note it in the journal."""
        at = time.time()
        told = ""
        if act in CUSTOMERS:
            told = self._write(act, play, word)
        else:
            self._agent(act, play)
        self._stage.journal.note(at, play.conversation, f"{act.value}{told}")

    def _write(self, act: Act, play: Play, word: str) -> str:
        text = text_of(act, word, play.chance)
        if act is Act.DECLINED:
            self._stage.model.script([Refuse()], when=word, forever=True)
        if not play.contact_id:
            play.contact_id = self._customer(play, word)
        message = self._chatwoot.customer_writes(
            play.contact_id,
            text,
            play.scene.inbox_id,
            [{"file_type": "image", "name": "photo.jpg"}] if act is Act.FILE else (),
            play.conversation or None,
        )
        play.conversation = int(message["conversation_id"])
        self._stage.words[int(message["id"])] = word
        return f" {message['id']}: {text}"

    def _customer(self, play: Play, word: str) -> int:
        digits = f"{play.chance.randrange(10**8):08d}"
        address = f"{word}@example.org" if play.scene.inbox_id == MAIL or play.chance.random() < 0.5 else None
        added = self._chatwoot.add_contact(f"Customer {digits}", email=address, phone_number=f"+49151{digits}")
        return int(added["id"])

    def _agent(self, act: Act, play: Play) -> None:
        conversation, chatwoot = play.conversation, self._chatwoot
        if act is Act.AGENT:
            chatwoot.agent_writes(conversation, "I take care of it.")
        elif act is Act.ECHO:
            chatwoot.echo_from_phone(conversation, "I take care of it.")
        elif act is Act.NOTE:
            chatwoot.private_note(conversation, "Somebody should look at this later.")
        elif act is Act.ASSIGN:
            chatwoot.assign(conversation, AGENT_ID)
        elif act is Act.OPEN:
            chatwoot.set_status(conversation, "open")
        elif act is Act.RESOLVE:
            chatwoot.set_status(conversation, "resolved")
        elif act is Act.GIVE_BACK:
            self._give_back(conversation)
        elif act is Act.REFUSE_DELIVERY:
            self._refuse_delivery(play.last_reply)

    def _give_back(self, conversation: int) -> None:
        """A status event ends a takeover, so a conversation that stayed pending is opened first."""
        with self._chatwoot.lock:
            if self._chatwoot.conversation(conversation)["status"] == "pending":
                self._chatwoot.set_status(conversation, "open")
            self._chatwoot.assign(conversation, None)
            self._chatwoot.set_status(conversation, "pending")

    def _refuse_delivery(self, message_id: int) -> None:
        """The channel says no, a while after Chatwoot had said yes."""
        with self._chatwoot.lock:
            stored: list[Any] = [
                message
                for conversation in self._chatwoot.world.conversations.values()
                for message in conversation.messages
                if message.id == message_id
            ]
            for message in stored:
                message.status = "failed"
                message.content_attributes["external_error"] = "(#131047) Re-engagement message"
                self._chatwoot.lifecycle.announce_message("message_updated", message)
