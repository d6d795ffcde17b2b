-- A closing keeps the hours that its day had at each store. If a calendar is changed afterwards, the day has others.

-- Whether an order is in the day as it is now and was not in the day that was closed, or the reverse.
CREATE FUNCTION closing_recut(closing_number bigint) RETURNS boolean LANGUAGE sql STABLE AS $$
    WITH closed AS MATERIALIZED (
        SELECT store, begins, ends FROM closing_span WHERE number = closing_number
    ), present AS MATERIALIZED (
        SELECT store, begins, ends
        FROM day_spans((SELECT date FROM closing WHERE number = closing_number))
    ), either AS MATERIALIZED (
        TABLE closed UNION TABLE present
    )
    SELECT CASE WHEN (SELECT count(*) FROM either) = (SELECT count(*) FROM closed)
                 AND (SELECT count(*) FROM either) = (SELECT count(*) FROM present) THEN false
    ELSE EXISTS (
        SELECT FROM orders
        WHERE placed_at >= (SELECT min(begins) FROM either) AND placed_at < (SELECT max(ends) FROM either)
          AND is_countable(placed_at, store, drink)
          AND (
              SELECT orders.placed_at >= begins AND orders.placed_at < ends FROM closed
              WHERE closed.store IN (orders.store, '') ORDER BY closed.store DESC LIMIT 1
          ) IS DISTINCT FROM (
              SELECT orders.placed_at >= begins AND orders.placed_at < ends FROM present
              WHERE present.store IN (orders.store, '') ORDER BY present.store DESC LIMIT 1
          )
    ) END
$$;
