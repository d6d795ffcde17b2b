-- The sums of a closing by store and drink, beside those of what came late. $1 number.
SELECT store, drink,
       coalesce(line.orders, 0) AS orders, coalesce(line.pieces, 0) AS pieces,
       coalesce(line.takings, 0) AS takings, coalesce(line.sold, 0) AS sold, coalesce(line.voids, 0) AS voids,
       coalesce(line.voided, 0) AS voided, coalesce(line.orders_with_receipt, 0) AS orders_with_receipt,
       coalesce(line.takings_with_receipt, 0) AS takings_with_receipt,
       coalesce(late.rows, 0) AS late, coalesce(late.orders, 0) AS late_orders, coalesce(late.pieces, 0) AS late_pieces,
       coalesce(late.takings, 0) AS late_takings, coalesce(late.sold, 0) AS late_sold,
       coalesce(late.voids, 0) AS late_voids, coalesce(late.voided, 0) AS late_voided,
       coalesce(late.orders_with_receipt, 0) AS late_orders_with_receipt,
       coalesce(late.takings_with_receipt, 0) AS late_takings_with_receipt
FROM (SELECT * FROM closing_line WHERE number = $1) AS line
FULL JOIN (SELECT * FROM late_lines($1)) AS late USING (store, drink)
ORDER BY store, drink
