-- Names one term of a leader, or what followed a rebuild: at random, so that two histories that went on
-- from a copy of the same files can be told apart although their tokens and pass numbers are equal.
ALTER TABLE aggregator_state ADD COLUMN nonce uuid NOT NULL DEFAULT gen_random_uuid();
