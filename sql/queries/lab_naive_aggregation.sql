-- What an aggregator without a watermark computes each time: every order of the last 30 days.
SELECT count(*) FROM (
    SELECT date_bin('1 hour', placed_at, '2000-01-01 00:00+00'), store, drink,
           sum(sign(quantity)), sum(quantity), sum(quantity::bigint * price_cents)
    FROM orders WHERE placed_at >= statement_timestamp() - interval '30 days'
    GROUP BY 1, 2, 3
) AS cells
