-- The queries of forwarding to another installation.

-- name: forward_target
-- The cursor of a target, which is entered if it is new. $1 URL.
INSERT INTO forward_target (url) VALUES ($1)
ON CONFLICT (url) DO UPDATE SET url = excluded.url
RETURNING cursor

-- name: forward_lock
-- Takes the lock of a target for this session, so that one process forwards there; false if another has it.
-- $1 URL.
SELECT pg_try_advisory_lock(hashtextextended('coffeert forward ' || $1, 0))

-- name: forward_transaction_lock
-- Takes that lock for this transaction. $1 URL.
SELECT pg_try_advisory_xact_lock(hashtextextended('coffeert forward ' || $1, 0))

-- name: forward_advance
-- Moves a target on. $1 URL, $2 cursor, $3 stored, $4 replayed there.
UPDATE forward_target
SET cursor = $2, stored = stored + $3, replayed = replayed + $4, updated_at = clock_timestamp()
WHERE url = $1

-- name: forward_taken
-- Counts what a target has taken after it had refused it. $1 URL, $2 stored, $3 replayed there.
UPDATE forward_target
SET stored = stored + $2, replayed = replayed + $3,
    updated_at = CASE WHEN $2 + $3 > 0 THEN clock_timestamp() ELSE updated_at END
WHERE url = $1

-- name: forward_refused
-- Notes what a target has refused. $1 URL, $2 order_id, $3 status, $4 reason, $5 ours, $6 theirs.
INSERT INTO forward_refusal (url, order_id, status, reason, ours, theirs)
VALUES ($1, $2, $3, $4, $5::text::jsonb, $6::text::jsonb)
ON CONFLICT (url, order_id) DO UPDATE
    SET status = excluded.status, reason = excluded.reason, theirs = excluded.theirs

-- name: forward_accepted
-- Forgets refusals of what a target has taken since. $1 URL, $2 order_id uuid[].
DELETE FROM forward_refusal WHERE url = $1 AND order_id = ANY ($2::uuid[])

-- name: forward_refused_orders
-- Which of some orders a target has refused. $1 URL, $2 order_id uuid[].
SELECT order_id FROM forward_refusal WHERE url = $1 AND order_id = ANY ($2::uuid[])

-- name: forward_again
-- Refused orders that a target may take by now, voids last; all but conflicts. $1 URL, $2 how many, $3 and $4
-- behind which of them: whether it is a void, and its order_id; NULL begins.
SELECT orders.order_id, store, drink, quantity, price_cents, placed_at, received_at, voids, amount, source,
       receipt
FROM forward_refusal JOIN orders USING (order_id)
WHERE url = $1 AND status <> 409
  AND ($4::uuid IS NULL OR (voids IS NOT NULL, order_id) > ($3::boolean, $4::uuid))
ORDER BY voids IS NOT NULL, order_id LIMIT $2

-- name: forward_forget
-- Deletes a target with what it has refused; true if there was one. $1 URL.
WITH refused AS (DELETE FROM forward_refusal WHERE url = $1)
DELETE FROM forward_target WHERE url = $1 RETURNING true

-- name: forward_targets
-- Every target, and how many orders it has refused.
SELECT url, cursor, stored, replayed, updated_at,
       (SELECT count(*) FROM forward_refusal WHERE forward_refusal.url = forward_target.url) AS refused
FROM forward_target ORDER BY url

-- name: forward_refusals
-- What targets have refused, the latest first. $1 how many.
SELECT url, order_id, status, reason, ours::text, theirs::text, noticed_at
FROM forward_refusal ORDER BY noticed_at DESC, url, order_id LIMIT $1

-- name: forward_refusal_count
-- How many orders other installations have refused.
SELECT count(*) FROM forward_refusal
