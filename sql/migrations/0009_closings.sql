-- Closings of business days: numbered, never changed, and comparable with what the day adds up to later.

CREATE TABLE closing (
    number    bigint PRIMARY KEY CHECK (number > 0),
    date      date NOT NULL,
    -- The closing of the same day that this one corrects.
    corrects  bigint UNIQUE REFERENCES closing CHECK (corrects < number),
    closed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    currency  text,
    -- The figures are those of the orders that this snapshot sees, of this cluster's transactions.
    watermark         pg_snapshot NOT NULL,
    system_identifier bigint NOT NULL
);
-- Only the first closing of a day corrects none.
CREATE UNIQUE INDEX closing_first ON closing (date) WHERE corrects IS NULL;

-- When the day was, at each store with a calendar of its own and, as '', at all others: a calendar that
-- changes later moves no order into or out of a closing.
CREATE TABLE closing_span (
    number bigint NOT NULL REFERENCES closing,
    store  text NOT NULL,
    begins timestamptz NOT NULL,
    ends   timestamptz NOT NULL CHECK (ends >= begins),
    PRIMARY KEY (number, store)
);

-- What does not add up over drinks. Without any number of a receipt `receipts` is NULL.
CREATE TABLE closing_store (
    number      bigint NOT NULL REFERENCES closing,
    store       text NOT NULL,
    receipts    bigint,
    first_sale  timestamptz,
    last_sale   timestamptz,
    PRIMARY KEY (number, store)
);

-- Refunded is what was sold less takings; `voided` is the amount of `voids` corrections.
CREATE TABLE closing_line (
    number    bigint NOT NULL REFERENCES closing,
    store     text NOT NULL,
    drink     text NOT NULL,
    orders    bigint NOT NULL,
    pieces    bigint NOT NULL,
    takings   bigint NOT NULL,
    sold      bigint NOT NULL,
    voids     bigint NOT NULL,
    voided    bigint NOT NULL,
    orders_with_receipt  bigint NOT NULL,
    takings_with_receipt bigint NOT NULL,
    PRIMARY KEY (number, store, drink)
);

-- Late orders of closings that were made on another cluster, whose snapshots mean nothing here any more.
CREATE TABLE closing_late (
    number   bigint NOT NULL REFERENCES closing,
    order_id uuid NOT NULL,
    PRIMARY KEY (number, order_id)
);

CREATE FUNCTION refuse_change_of_closings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'closings are never changed: close the day again, which corrects it'
        USING ERRCODE = 'restrict_violation';
END $$;
-- A rebuild on another cluster gives a closing a snapshot that means the same there.
CREATE TRIGGER closing_kept BEFORE DELETE OR UPDATE OF number, date, corrects, closed_at, currency ON closing
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_span_kept BEFORE UPDATE OR DELETE ON closing_span
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_store_kept BEFORE UPDATE OR DELETE ON closing_store
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_line_kept BEFORE UPDATE OR DELETE ON closing_line
    FOR EACH ROW EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_not_truncated BEFORE TRUNCATE ON closing
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_span_not_truncated BEFORE TRUNCATE ON closing_span
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_store_not_truncated BEFORE TRUNCATE ON closing_store
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_closings();
CREATE TRIGGER closing_line_not_truncated BEFORE TRUNCATE ON closing_line
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_closings();

-- Numbers have no gap: each closing has the one after the last, and none is ever deleted. Whoever closes
-- holds an advisory lock, so nobody else takes the same number.
CREATE FUNCTION guard_closing_number() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.number <> (SELECT coalesce(max(number), 0) + 1 FROM closing) THEN
        RAISE EXCEPTION 'the next closing has the number after the last one'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER closing_number BEFORE INSERT ON closing
    FOR EACH ROW EXECUTE FUNCTION guard_closing_number();

-- When a business day is, at each store with a calendar of its own and, as '', at all others.
CREATE FUNCTION day_spans(day date) RETURNS TABLE (store text, begins timestamptz, ends timestamptz)
LANGUAGE sql STABLE AS $$
    SELECT own.store, calendar_day.begins, calendar_day.ends
    FROM (
        SELECT '' AS store, 1::smallint AS calendar
        UNION ALL
        SELECT code, menu_store.calendar FROM menu_store WHERE menu_store.calendar IS NOT NULL
    ) AS own
    JOIN calendar_day ON calendar_day.calendar = own.calendar AND date = day
        -- The key begins with the moment, and no zone is further away from UTC than a day and a half.
        AND calendar_day.begins BETWEEN (day::timestamp AT TIME ZONE 'UTC') - interval '3 days'
            AND (day::timestamp AT TIME ZONE 'UTC') + interval '3 days'
$$;

-- The orders of a day as its closing has the day, those of later times of arrival too.
CREATE FUNCTION closing_orders(closing_number bigint) RETURNS SETOF orders LANGUAGE sql STABLE AS $$
    SELECT orders.* FROM orders
    WHERE placed_at >= (SELECT min(begins) FROM closing_span WHERE number = closing_number)
      AND placed_at < (SELECT max(ends) FROM closing_span WHERE number = closing_number)
      AND is_countable(placed_at, store, drink)
      AND (
          SELECT orders.placed_at >= begins AND orders.placed_at < ends FROM closing_span
          WHERE number = closing_number AND closing_span.store IN (orders.store, '')
          ORDER BY closing_span.store DESC LIMIT 1
      )
$$;

-- Those that the closing does not count, since they were committed after it.
CREATE FUNCTION late_orders(closing_number bigint) RETURNS SETOF orders LANGUAGE sql STABLE AS $$
    SELECT placed.* FROM closing_orders(closing_number) AS placed
    WHERE NOT pg_visible_in_snapshot(xid, (SELECT watermark FROM closing WHERE number = closing_number))
       OR order_id = ANY (ARRAY(SELECT order_id FROM closing_late WHERE number = closing_number))
$$;

-- Their sums, by store and drink.
CREATE FUNCTION late_lines(closing_number bigint) RETURNS TABLE (
    store text, drink text, rows bigint, orders bigint, pieces bigint, takings bigint, sold bigint, voids bigint,
    voided bigint, orders_with_receipt bigint, takings_with_receipt bigint
) LANGUAGE sql STABLE AS $$
    SELECT late.store, late.drink, count(*), sum(count), sum(late.quantity), sum(amount),
           coalesce(sum(amount) FILTER (WHERE (late.voids IS NULL) = (late.quantity > 0)), 0), count(late.voids),
           coalesce(-sum(amount) FILTER (WHERE late.voids IS NOT NULL), 0),
           coalesce(sum(count) FILTER (WHERE receipt IS NOT NULL), 0),
           coalesce(sum(amount) FILTER (WHERE receipt IS NOT NULL), 0)
    FROM (
        SELECT placed.store, placed.drink, quantity, placed.voids, receipt,
               order_count(quantity, placed.voids) AS count,
               order_amount(quantity, price_cents, placed.amount) AS amount
        FROM late_orders(closing_number) AS placed
    ) AS late
    GROUP BY 1, 2
$$;
