-- Forwarding to other installations: how far each has come, and what it has refused.

CREATE TABLE forward_target (
    url        text PRIMARY KEY,
    -- A cursor of the change feed; what is forwarded again is a replay there.
    cursor     text NOT NULL DEFAULT 'beginning',
    stored     bigint NOT NULL DEFAULT 0,
    replayed   bigint NOT NULL DEFAULT 0,
    updated_at timestamptz NOT NULL DEFAULT clock_timestamp()
);

-- Orders and voids that a target refuses for what they say, with both contents. What may be accepted later,
-- such as a drink that is not on its menu yet, is sent again now and then.
CREATE TABLE forward_refusal (
    url        text NOT NULL REFERENCES forward_target,
    order_id   uuid NOT NULL,
    status     smallint NOT NULL,
    reason     text NOT NULL,
    ours       jsonb NOT NULL,
    -- The other order of this id there; NULL if there is none, or it could not be read.
    theirs     jsonb,
    noticed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (url, order_id)
);
