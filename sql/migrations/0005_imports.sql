-- Files of sales that were imported, and taken back.

CREATE TABLE import (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    file        text NOT NULL,
    digest      bytea NOT NULL CHECK (length(digest) = 32),
    -- The till or channel; '' if the file's owner has named none.
    source      text NOT NULL CHECK (length(source) <= 64),
    -- Rows equal to sales of other imports are those sales.
    same        boolean NOT NULL,
    -- Its rows have order ids of their own.
    own_ids     boolean NOT NULL,
    arguments   text[] NOT NULL,
    rejected    bigint NOT NULL,
    skipped     bigint NOT NULL,
    -- Sums of what it has stored, moved on by the transactions that store.
    orders      bigint NOT NULL DEFAULT 0,
    amount      bigint NOT NULL DEFAULT 0,
    first_at    timestamptz,
    last_at     timestamptz,
    -- How many of its orders `imports undo` has voided.
    voided      bigint NOT NULL DEFAULT 0,
    started_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at timestamptz,
    undoing_at  timestamptz,
    undone_at   timestamptz CHECK (undone_at >= undoing_at)
);
-- The same file again goes on with its import.
CREATE UNIQUE INDEX import_file ON import (digest, source) WHERE undone_at IS NULL;

-- The id of an imported order: a UUIDv8 (RFC 9562, section 5.8) of the time of the sale, in milliseconds, and
-- 72 bits of the SHA-256 of a name. Files are in the order of time, and so the ids go to the end of the
-- index, as those of live orders do.
CREATE FUNCTION import_order_id(placed_at timestamptz, name text) RETURNS uuid
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM placed_at) * 1000)::bigint), 12, '0')
        || '8' || left(hash, 3) || '8' || substr(hash, 4, 15))::uuid
    FROM encode(sha256(convert_to(name, 'UTF8')), 'hex') AS hash
$$;
