-- What was done in a turn: checks, tools, model, steps. Every row belongs to one turn and is numbered within it.

CREATE TABLE metta.verdicts (
    turn_id   text NOT NULL REFERENCES metta.turns (id),
    ordinal   integer NOT NULL CHECK (ordinal >= 0),
    direction text NOT NULL CHECK (direction IN ('input', 'output')),
    action    text NOT NULL CHECK (action IN ('allow', 'redact', 'block', 'handoff')),
    reason    text NOT NULL,
    version   text NOT NULL,
    text      text,
    PRIMARY KEY (turn_id, ordinal)
);

COMMENT ON TABLE metta.verdicts IS 'What the guardrails said about the customer''s text (input) and the model''s (output).';
COMMENT ON COLUMN metta.verdicts.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.verdicts.ordinal IS 'Place in the turn, from 0.';
COMMENT ON COLUMN metta.verdicts.direction IS 'input or output.';
COMMENT ON COLUMN metta.verdicts.action IS 'allow, redact, block or handoff.';
COMMENT ON COLUMN metta.verdicts.reason IS 'check/kind that decided; empty for allow.';
COMMENT ON COLUMN metta.verdicts.version IS 'Version of rules and lists.';
COMMENT ON COLUMN metta.verdicts.text IS 'Contents: the text to go on with, sanitized and masked; NULL once erased.';

CREATE TABLE metta.findings (
    turn_id         text NOT NULL,
    verdict_ordinal integer NOT NULL,
    ordinal         integer NOT NULL CHECK (ordinal >= 0),
    check_name      text NOT NULL,
    kind            text NOT NULL,
    span_start      bigint NOT NULL CHECK (span_start >= 0),
    span_end        bigint NOT NULL CHECK (span_end >= 0),
    score           double precision NOT NULL CHECK (score >= 0 AND score <= 1),
    PRIMARY KEY (turn_id, verdict_ordinal, ordinal),
    FOREIGN KEY (turn_id, verdict_ordinal) REFERENCES metta.verdicts (turn_id, ordinal)
);

COMMENT ON TABLE metta.findings IS 'What the checks noticed: the reasons behind a verdict. Holds places, never the text itself.';
COMMENT ON COLUMN metta.findings.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.findings.verdict_ordinal IS 'The verdict within the turn.';
COMMENT ON COLUMN metta.findings.ordinal IS 'Place in the verdict, from 0.';
COMMENT ON COLUMN metta.findings.check_name IS 'pii, injection, toxicity, rules or leak.';
COMMENT ON COLUMN metta.findings.kind IS 'EMAIL, CARD, abuse, a rule''s name, ...';
COMMENT ON COLUMN metta.findings.span_start IS 'First code point of the original text.';
COMMENT ON COLUMN metta.findings.span_end IS 'Code point after the last one.';
COMMENT ON COLUMN metta.findings.score IS 'How sure the check was, 0 to 1.';

CREATE TABLE metta.tool_calls (
    turn_id       text NOT NULL REFERENCES metta.turns (id),
    ordinal       integer NOT NULL CHECK (ordinal >= 0),
    name          text NOT NULL,
    arguments     jsonb,
    result        jsonb,
    result_digest text NOT NULL,
    ok            boolean NOT NULL,
    error         text NOT NULL,
    started_at    timestamptz NOT NULL,
    duration_ms   double precision NOT NULL,
    PRIMARY KEY (turn_id, ordinal)
);

COMMENT ON TABLE metta.tool_calls IS 'Calls of tools by the model.';
COMMENT ON COLUMN metta.tool_calls.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.tool_calls.ordinal IS 'Place in the turn, from 0.';
COMMENT ON COLUMN metta.tool_calls.name IS 'getProduct, searchProducts, getOrder, getOrdersByCustomer, handOffToHuman.';
COMMENT ON COLUMN metta.tool_calls.arguments IS 'Contents: what the model gave; NULL once erased.';
COMMENT ON COLUMN metta.tool_calls.result IS 'Contents: what it got; NULL once erased.';
COMMENT ON COLUMN metta.tool_calls.result_digest IS 'SHA-256 (hex) of the result as compact JSON with sorted keys, whole numbers without a fraction.';
COMMENT ON COLUMN metta.tool_calls.ok IS 'False when the call failed.';
COMMENT ON COLUMN metta.tool_calls.error IS 'Class of the failure, never a server''s message; empty when ok.';
COMMENT ON COLUMN metta.tool_calls.started_at IS 'When the call began.';
COMMENT ON COLUMN metta.tool_calls.duration_ms IS 'Milliseconds.';

CREATE TABLE metta.model_calls (
    turn_id          text NOT NULL REFERENCES metta.turns (id),
    ordinal          integer NOT NULL CHECK (ordinal >= 0),
    model            text NOT NULL,
    input_tokens     bigint NOT NULL,
    cached_tokens    bigint NOT NULL,
    output_tokens    bigint NOT NULL,
    reasoning_tokens bigint NOT NULL,
    cost_usd         numeric NOT NULL,
    error            text NOT NULL,
    started_at       timestamptz NOT NULL,
    duration_ms      double precision NOT NULL,
    PRIMARY KEY (turn_id, ordinal)
);

COMMENT ON TABLE metta.model_calls IS 'Requests to the model, failed ones included.';
COMMENT ON COLUMN metta.model_calls.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.model_calls.ordinal IS 'Place in the turn, from 0.';
COMMENT ON COLUMN metta.model_calls.model IS 'Model that was asked.';
COMMENT ON COLUMN metta.model_calls.input_tokens IS 'Tokens sent.';
COMMENT ON COLUMN metta.model_calls.cached_tokens IS 'Part of input_tokens that the provider had cached.';
COMMENT ON COLUMN metta.model_calls.output_tokens IS 'Tokens received.';
COMMENT ON COLUMN metta.model_calls.reasoning_tokens IS 'Part of output_tokens that is not shown.';
COMMENT ON COLUMN metta.model_calls.cost_usd IS 'US dollars by the policy''s prices.';
COMMENT ON COLUMN metta.model_calls.error IS 'Class of the failure; empty when it answered.';
COMMENT ON COLUMN metta.model_calls.started_at IS 'When the request began.';
COMMENT ON COLUMN metta.model_calls.duration_ms IS 'Milliseconds.';

CREATE TABLE metta.timings (
    turn_id     text NOT NULL REFERENCES metta.turns (id),
    ordinal     integer NOT NULL CHECK (ordinal >= 0),
    step        text NOT NULL,
    started_at  timestamptz NOT NULL,
    duration_ms double precision NOT NULL,
    PRIMARY KEY (turn_id, ordinal)
);

COMMENT ON TABLE metta.timings IS 'Timed steps of a turn.';
COMMENT ON COLUMN metta.timings.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.timings.ordinal IS 'Place in the turn, from 0.';
COMMENT ON COLUMN metta.timings.step IS 'Name of the step.';
COMMENT ON COLUMN metta.timings.started_at IS 'When it began.';
COMMENT ON COLUMN metta.timings.duration_ms IS 'Milliseconds.';

CREATE TABLE metta.handoff_steps (
    turn_id text NOT NULL REFERENCES metta.turns (id),
    ordinal integer NOT NULL CHECK (ordinal >= 0),
    step    text NOT NULL CHECK (step IN ('note', 'word', 'status', 'team')),
    PRIMARY KEY (turn_id, ordinal)
);

COMMENT ON TABLE metta.handoff_steps IS 'Steps of a hand-off that were done, in the order in which they were done.';
COMMENT ON COLUMN metta.handoff_steps.turn_id IS 'The turn.';
COMMENT ON COLUMN metta.handoff_steps.ordinal IS 'Place in the hand-off, from 0.';
COMMENT ON COLUMN metta.handoff_steps.step IS 'note, word, status or team.';
