-- Closings with their sums and with those of what came late, the last one first. $1 numbers.
SELECT closing.number, date, corrects, closed_at, currency,
       (SELECT later.number FROM closing AS later WHERE later.corrects = closing.number) AS corrected_by,
       system_identifier = (SELECT system_identifier FROM pg_control_system()) AS here,
       closing_recut(closing.number) AS recut,
       counted.*, stored.receipts, late.*
FROM closing
CROSS JOIN LATERAL (
    SELECT coalesce(sum(orders), 0)::bigint AS orders, coalesce(sum(pieces), 0)::bigint AS pieces,
           coalesce(sum(takings), 0)::bigint AS takings, coalesce(sum(sold), 0)::bigint AS sold,
           coalesce(sum(voids), 0)::bigint AS voids, coalesce(sum(voided), 0)::bigint AS voided,
           coalesce(sum(orders_with_receipt), 0)::bigint AS orders_with_receipt,
           coalesce(sum(takings_with_receipt), 0)::bigint AS takings_with_receipt
    FROM closing_line WHERE closing_line.number = closing.number
) AS counted
CROSS JOIN LATERAL (
    SELECT sum(closing_store.receipts)::bigint AS receipts
    FROM closing_store WHERE closing_store.number = closing.number
) AS stored
CROSS JOIN LATERAL (
    SELECT coalesce(sum(rows), 0)::bigint AS late,
           coalesce(sum(orders), 0)::bigint AS late_orders, coalesce(sum(pieces), 0)::bigint AS late_pieces,
           coalesce(sum(takings), 0)::bigint AS late_takings, coalesce(sum(sold), 0)::bigint AS late_sold,
           coalesce(sum(voids), 0)::bigint AS late_voids, coalesce(sum(voided), 0)::bigint AS late_voided,
           coalesce(sum(orders_with_receipt), 0)::bigint AS late_orders_with_receipt,
           coalesce(sum(takings_with_receipt), 0)::bigint AS late_takings_with_receipt
    FROM late_lines(closing.number)
) AS late
WHERE closing.number = ANY ($1::bigint[])
ORDER BY closing.number DESC
