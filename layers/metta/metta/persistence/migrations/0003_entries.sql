-- What makes the log prove itself: every turn and every skip is one entry of its conversation's chain. An entry holds
-- a digest of each row that was written with it and a keyed MAC over them and over the entry before it.

CREATE TABLE metta.entries (
    account_id      bigint NOT NULL,
    conversation_id bigint NOT NULL,
    number          bigint NOT NULL CHECK (number > 0),
    kind            text NOT NULL CHECK (kind IN ('turn', 'skip', 'erasure', 'retention')),
    subject         text NOT NULL,
    facts           jsonb NOT NULL,
    digests         jsonb NOT NULL,
    salt            bytea,
    key_id          text NOT NULL,
    mac             bytea NOT NULL,
    written_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, conversation_id, number)
);
CREATE INDEX entries_by_subject ON metta.entries (account_id, conversation_id, kind, subject);
CREATE INDEX entries_by_time ON metta.entries (written_at);

COMMENT ON TABLE metta.entries IS 'The chain of a conversation''s audit log: numbered from 1, each entry sealed with the one before it.';
COMMENT ON COLUMN metta.entries.account_id IS 'Chatwoot account.';
COMMENT ON COLUMN metta.entries.conversation_id IS 'Chatwoot display id of the conversation.';
COMMENT ON COLUMN metta.entries.number IS 'Place in the chain; the newest is kept outside this database as well, in the table of turn state.';
COMMENT ON COLUMN metta.entries.kind IS 'turn, skip, erasure (contents up to a number are gone) or retention (entries up to a number are gone).';
COMMENT ON COLUMN metta.entries.subject IS 'The turn''s id; message id and reason of a skip; who or what was erased.';
COMMENT ON COLUMN metta.entries.facts IS 'What an erasure or a retention did; empty for turns and skips.';
COMMENT ON COLUMN metta.entries.digests IS 'Table -> the digests of the entry''s rows in that table, in their order (hex; of what stays, then of the contents).';
COMMENT ON COLUMN metta.entries.salt IS 'Secret part of the contents'' digests: without it nobody can try out what the contents were. NULL once erased.';
COMMENT ON COLUMN metta.entries.key_id IS 'Which key the MAC was made with; empty when there was none.';
COMMENT ON COLUMN metta.entries.mac IS 'HMAC-SHA256 over the MAC of the entry before and everything here but the salt.';
COMMENT ON COLUMN metta.entries.written_at IS 'When the entry was made, by the writer''s clock.';

-- A digest of what a tool returned would let anyone try out what it was after the result itself is gone.
ALTER TABLE metta.tool_calls ALTER COLUMN result_digest DROP NOT NULL;
COMMENT ON COLUMN metta.tool_calls.result_digest IS 'SHA-256 (hex) of the result as compact JSON with sorted keys, whole numbers without a fraction. Contents: NULL once erased.';
