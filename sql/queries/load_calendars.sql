-- The calendars for a span of time, each with the codes of the stores that have it (retired ones too; the
-- default, 1, also has all others): the days that overlap the span, and the offsets from UTC in it, in
-- seconds and from which quarter hour on, the first of them from the beginning. Moments are Unix times,
-- dates those of their midnights in UTC. $1 beginning, $2 end, which is inside.
--
-- A change of the offset is looked for on the days whose ends differ.
SELECT id, zone, starts, days.dates, days.begins, days.ends, changes.offset_from, changes.offsets,
       ARRAY(SELECT code FROM menu_store WHERE menu_store.calendar = calendar.id ORDER BY code) AS stores
FROM calendar
CROSS JOIN LATERAL (
    SELECT array_agg((date - date '1970-01-01') * 86400::bigint ORDER BY begins, date) AS dates,
           array_agg(extract(epoch FROM begins)::bigint ORDER BY begins, date) AS begins,
           array_agg(extract(epoch FROM ends)::bigint ORDER BY begins, date) AS ends
    FROM calendar_day
    WHERE calendar_day.calendar = calendar.id
      AND begins <= $2::timestamptz AND ends > $1::timestamptz
      -- No day is longer than two: so that the index begins there.
      AND begins > $1::timestamptz - interval '48 hours'
) AS days
CROSS JOIN LATERAL (
    SELECT array_agg(extract(epoch FROM quarter)::bigint ORDER BY quarter) AS offset_from,
           array_agg(current ORDER BY quarter) AS offsets
    FROM (
        SELECT quarter, current, lag(current) OVER (ORDER BY quarter) AS before
        FROM (
            SELECT quarter, utc_offset(zone, quarter) AS current
            FROM (
                SELECT date_bin('15 minutes', $1::timestamptz, '2000-01-01 00:00+00') AS quarter
                UNION
                SELECT generate_series(moment, moment + interval '24 hours', interval '15 minutes')
                FROM generate_series(
                    date_bin('15 minutes', $1::timestamptz, '2000-01-01 00:00+00'),
                    $2::timestamptz, interval '24 hours'
                ) AS moment
                WHERE utc_offset(zone, moment) <> utc_offset(zone, moment + interval '24 hours')
            ) AS looked_at
            WHERE quarter <= $2::timestamptz
        ) AS measured
    ) AS compared
    WHERE before IS DISTINCT FROM current
) AS changes
ORDER BY id
