-- What was said and how each turn ended. Rows are inserted once and never changed; columns marked
-- "Contents" may be NULL, so that erasing a person can empty them and leave the rest standing.

CREATE TABLE metta.turns (
    id                  text PRIMARY KEY,
    account_id          bigint NOT NULL,
    conversation_id     bigint NOT NULL,
    inbox_id            bigint NOT NULL,
    channel             text NOT NULL,
    contact_id          bigint NOT NULL,
    phase               text NOT NULL CHECK (phase IN ('started', 'prepared', 'sending', 'sent')),
    outcome             text NOT NULL CHECK (outcome IN ('answered', 'handed_off', 'dropped', 'skipped')),
    reason              text NOT NULL,
    attempt             bigint NOT NULL,
    language            text NOT NULL,
    identity_level      text NOT NULL CHECK (identity_level IN ('anonymous', 'claimed', 'verified')),
    identity_email      text,
    identity_phone      text,
    identity_partner_id bigint,
    history_complete    boolean NOT NULL,
    delivery_unknown    boolean NOT NULL,
    covered             bigint[] NOT NULL,
    reply               text,
    model               text,
    prompt_version      text NOT NULL,
    guardrail_version   text NOT NULL,
    model_call_count    bigint NOT NULL,
    tool_call_count     bigint NOT NULL,
    input_tokens        bigint NOT NULL,
    cached_tokens       bigint NOT NULL,
    output_tokens       bigint NOT NULL,
    reasoning_tokens    bigint NOT NULL,
    cost_usd            numeric NOT NULL,
    started_at          timestamptz NOT NULL,
    finished_at         timestamptz,
    latency_ms          double precision,
    waited_ms           double precision,
    escaped             boolean NOT NULL,
    saved_at            timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX turns_by_conversation ON metta.turns (account_id, conversation_id, started_at);
CREATE INDEX turns_by_contact ON metta.turns (account_id, contact_id, started_at);
CREATE INDEX turns_by_time ON metta.turns (started_at);
CREATE INDEX turns_by_outcome ON metta.turns (outcome, reason, started_at);

COMMENT ON TABLE metta.turns IS 'One customer turn: from the messages it answers to how it ended. Written once, as a whole.';
COMMENT ON COLUMN metta.turns.id IS 'Metta''s turn id; Chatwoot carries it as content_attributes.metta_turn_id.';
COMMENT ON COLUMN metta.turns.account_id IS 'Chatwoot account.';
COMMENT ON COLUMN metta.turns.conversation_id IS 'Chatwoot display id of the conversation, unique only together with the account.';
COMMENT ON COLUMN metta.turns.inbox_id IS 'Chatwoot inbox.';
COMMENT ON COLUMN metta.turns.channel IS 'Channel::WebWidget, Channel::Whatsapp, ...; empty when unknown.';
COMMENT ON COLUMN metta.turns.contact_id IS 'Chatwoot contact; erasure by contact starts here.';
COMMENT ON COLUMN metta.turns.phase IS 'How far the turn got: started, prepared, sending, sent.';
COMMENT ON COLUMN metta.turns.outcome IS 'answered, handed_off, dropped (a reply existed but was not sent) or skipped (nothing was to be done).';
COMMENT ON COLUMN metta.turns.reason IS 'Machine-readable word for why it was handed off, dropped or skipped; empty when answered.';
COMMENT ON COLUMN metta.turns.attempt IS 'Real tries it took, the last one included.';
COMMENT ON COLUMN metta.turns.language IS 'Two-letter code of the language answered in.';
COMMENT ON COLUMN metta.turns.identity_level IS 'How well the customer was known: anonymous, claimed or verified.';
COMMENT ON COLUMN metta.turns.identity_email IS 'Contents: proved or claimed address, NULL when none or erased.';
COMMENT ON COLUMN metta.turns.identity_phone IS 'Contents: proved or claimed phone, NULL when none or erased.';
COMMENT ON COLUMN metta.turns.identity_partner_id IS 'Odoo partner that the policy maps a verified identifier to; NULL when none or erased. Contents.';
COMMENT ON COLUMN metta.turns.history_complete IS 'False when Chatwoot''s token could not list messages and only those at hand were known.';
COMMENT ON COLUMN metta.turns.delivery_unknown IS 'True when a send stayed ambiguous and a person was told so.';
COMMENT ON COLUMN metta.turns.covered IS 'Ids of the messages this turn answers or whose text its history held.';
COMMENT ON COLUMN metta.turns.reply IS 'Contents: the checked text; NULL when nothing was to be said, or erased.';
COMMENT ON COLUMN metta.turns.model IS 'Model of the last call; NULL when no model was called.';
COMMENT ON COLUMN metta.turns.prompt_version IS 'Version of the agent''s instructions; empty when the agent did not run.';
COMMENT ON COLUMN metta.turns.guardrail_version IS 'Version of rules and lists; empty when no guardrail ran.';
COMMENT ON COLUMN metta.turns.model_call_count IS 'Rows of this turn in model_calls.';
COMMENT ON COLUMN metta.turns.tool_call_count IS 'Rows of this turn in tool_calls.';
COMMENT ON COLUMN metta.turns.input_tokens IS 'Sum over the model calls.';
COMMENT ON COLUMN metta.turns.cached_tokens IS 'Sum over the model calls; part of input_tokens.';
COMMENT ON COLUMN metta.turns.output_tokens IS 'Sum over the model calls.';
COMMENT ON COLUMN metta.turns.reasoning_tokens IS 'Sum over the model calls; part of output_tokens.';
COMMENT ON COLUMN metta.turns.cost_usd IS 'US dollars, sum over the model calls.';
COMMENT ON COLUMN metta.turns.started_at IS 'When the turn began.';
COMMENT ON COLUMN metta.turns.finished_at IS 'When nothing but the audit was left to do.';
COMMENT ON COLUMN metta.turns.latency_ms IS 'Milliseconds from started_at to finished_at.';
COMMENT ON COLUMN metta.turns.waited_ms IS 'Milliseconds from the oldest answered message to finished_at: what the customer waited.';
COMMENT ON COLUMN metta.turns.escaped IS 'True when a text of this turn held NUL or lone surrogates, written as \u0000 or \udXXX, which PostgreSQL cannot hold.';
COMMENT ON COLUMN metta.turns.saved_at IS 'When the row was written.';

CREATE TABLE metta.incoming_messages (
    turn_id           text NOT NULL REFERENCES metta.turns (id),
    ordinal           integer NOT NULL CHECK (ordinal >= 0),
    message_id        bigint NOT NULL,
    content_type      text NOT NULL,
    text              text,
    attachments       jsonb,
    contact_source_id text,
    hmac_verified     boolean NOT NULL,
    language_hint     text,
    created_at        timestamptz NOT NULL,
    PRIMARY KEY (turn_id, ordinal)
);
CREATE INDEX incoming_messages_by_message ON metta.incoming_messages (message_id);

COMMENT ON TABLE metta.incoming_messages IS 'Customer messages as a turn was given them. A message that two turns were given stands here twice.';
COMMENT ON COLUMN metta.incoming_messages.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.incoming_messages.ordinal IS 'Place in the turn, from 0.';
COMMENT ON COLUMN metta.incoming_messages.message_id IS 'Chatwoot message id, global in the installation; the order of a conversation.';
COMMENT ON COLUMN metta.incoming_messages.content_type IS 'text, input_email, incoming_email, ...';
COMMENT ON COLUMN metta.incoming_messages.text IS 'Contents: the sanitized text, empty when there were only attachments, NULL once erased.';
COMMENT ON COLUMN metta.incoming_messages.attachments IS 'Contents: array of {file_type, name, transcript}; NULL once erased.';
COMMENT ON COLUMN metta.incoming_messages.contact_source_id IS 'Contents: phone, address or widget UUID the message came from; NULL once erased.';
COMMENT ON COLUMN metta.incoming_messages.hmac_verified IS 'Whether the shop had proved the contact''s identifier.';
COMMENT ON COLUMN metta.incoming_messages.language_hint IS 'Browser language that the widget reported; NULL when none.';
COMMENT ON COLUMN metta.incoming_messages.created_at IS 'When the customer sent it, as Chatwoot says.';

CREATE TABLE metta.outgoing_messages (
    turn_id    text NOT NULL REFERENCES metta.turns (id),
    ordinal    integer NOT NULL CHECK (ordinal >= 0),
    kind       text NOT NULL CHECK (kind IN ('reply', 'note', 'handoff_note', 'handoff_word')),
    part       integer NOT NULL,
    message_id bigint,
    private    boolean NOT NULL,
    text       text,
    PRIMARY KEY (turn_id, ordinal)
);
CREATE INDEX outgoing_messages_by_message ON metta.outgoing_messages (message_id);

COMMENT ON TABLE metta.outgoing_messages IS 'Messages of a turn that Chatwoot accepted.';
COMMENT ON COLUMN metta.outgoing_messages.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.outgoing_messages.ordinal IS 'Place in the turn, from 0.';
COMMENT ON COLUMN metta.outgoing_messages.kind IS 'reply, note, handoff_note or handoff_word.';
COMMENT ON COLUMN metta.outgoing_messages.part IS 'Part of a reply that a channel''s length limit split, from 0.';
COMMENT ON COLUMN metta.outgoing_messages.message_id IS 'Chatwoot message id; NULL when the message is known or assumed to exist but its id is not known.';
COMMENT ON COLUMN metta.outgoing_messages.private IS 'True for notes, which the customer does not see.';
COMMENT ON COLUMN metta.outgoing_messages.text IS 'Contents: the text; NULL once erased.';

CREATE TABLE metta.conversations (
    turn_id            text PRIMARY KEY REFERENCES metta.turns (id),
    account_id         bigint NOT NULL,
    conversation_id    bigint NOT NULL,
    observed_at        timestamptz NOT NULL,
    inbox_id           bigint NOT NULL,
    channel            text NOT NULL,
    contact_id         bigint NOT NULL,
    contact_name       text,
    contact_email      text,
    contact_phone      text,
    contact_identifier text,
    contact_blocked    boolean NOT NULL,
    saved_at           timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX conversations_by_conversation ON metta.conversations (account_id, conversation_id, observed_at);
CREATE INDEX conversations_by_contact ON metta.conversations (account_id, contact_id, observed_at);

COMMENT ON TABLE metta.conversations IS 'What was known of a conversation: a new row only when it differs from the one before.';
COMMENT ON COLUMN metta.conversations.turn_id IS 'The turn that first saw it like this.';
COMMENT ON COLUMN metta.conversations.account_id IS 'Chatwoot account.';
COMMENT ON COLUMN metta.conversations.conversation_id IS 'Chatwoot display id of the conversation.';
COMMENT ON COLUMN metta.conversations.observed_at IS 'When that turn began; the order of versions.';
COMMENT ON COLUMN metta.conversations.inbox_id IS 'Chatwoot inbox.';
COMMENT ON COLUMN metta.conversations.channel IS 'Channel::WebWidget, Channel::Whatsapp, ...; empty when unknown.';
COMMENT ON COLUMN metta.conversations.contact_id IS 'Chatwoot contact.';
COMMENT ON COLUMN metta.conversations.contact_name IS 'Contents: name as Chatwoot has it; NULL once erased.';
COMMENT ON COLUMN metta.conversations.contact_email IS 'Contents: address as Chatwoot has it (anyone may have edited it); NULL when none or erased.';
COMMENT ON COLUMN metta.conversations.contact_phone IS 'Contents: phone as Chatwoot has it (anyone may have edited it); NULL when none or erased.';
COMMENT ON COLUMN metta.conversations.contact_identifier IS 'Contents: the shop''s own id of the contact; NULL when none or erased.';
COMMENT ON COLUMN metta.conversations.contact_blocked IS 'Whether the contact was blocked in Chatwoot.';
COMMENT ON COLUMN metta.conversations.saved_at IS 'When the row was written.';

CREATE TABLE metta.skips (
    account_id      bigint NOT NULL,
    message_id      bigint NOT NULL,
    reason          text NOT NULL,
    conversation_id bigint NOT NULL,
    inbox_id        bigint NOT NULL,
    channel         text NOT NULL,
    contact_id      bigint NOT NULL,
    content_type    text NOT NULL,
    text            text,
    attachments     jsonb,
    created_at      timestamptz NOT NULL,
    escaped         boolean NOT NULL,
    saved_at        timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, message_id, reason)
);
CREATE INDEX skips_by_conversation ON metta.skips (account_id, conversation_id, created_at);
CREATE INDEX skips_by_contact ON metta.skips (account_id, contact_id, created_at);
CREATE INDEX skips_by_time ON metta.skips (created_at);
CREATE INDEX skips_by_reason ON metta.skips (reason, created_at);

COMMENT ON TABLE metta.skips IS 'Customer messages that no turn answered, and why; once per message and reason.';
COMMENT ON COLUMN metta.skips.account_id IS 'Chatwoot account.';
COMMENT ON COLUMN metta.skips.message_id IS 'Chatwoot message id.';
COMMENT ON COLUMN metta.skips.reason IS 'Machine-readable word for why it was not answered.';
COMMENT ON COLUMN metta.skips.conversation_id IS 'Chatwoot display id of the conversation.';
COMMENT ON COLUMN metta.skips.inbox_id IS 'Chatwoot inbox.';
COMMENT ON COLUMN metta.skips.channel IS 'Channel::WebWidget, Channel::Whatsapp, ...; empty when unknown.';
COMMENT ON COLUMN metta.skips.contact_id IS 'Chatwoot contact.';
COMMENT ON COLUMN metta.skips.content_type IS 'text, input_email, incoming_email, ...';
COMMENT ON COLUMN metta.skips.text IS 'Contents: the text as given to the audit log; NULL once erased.';
COMMENT ON COLUMN metta.skips.attachments IS 'Contents: array of {file_type, name, transcript}; NULL once erased.';
COMMENT ON COLUMN metta.skips.created_at IS 'When the customer sent it, as Chatwoot says.';
COMMENT ON COLUMN metta.skips.escaped IS 'True when the text held NUL or lone surrogates, written as \u0000 or \udXXX.';
COMMENT ON COLUMN metta.skips.saved_at IS 'When the row was written.';
