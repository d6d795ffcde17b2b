-- The business calendar: when the days of a store begin. And the currency.

-- A time zone and a start of day, in minutes after the local midnight. Row 1 is the default: of every
-- store without a calendar of its own, and of codes that are not on the menu.
CREATE TABLE calendar (
    id     smallint PRIMARY KEY CHECK (id > 0),
    zone   text NOT NULL,
    starts smallint NOT NULL CHECK (starts BETWEEN 0 AND 720 AND starts % 15 = 0)
);
-- Stores with the same days share a row.
CREATE UNIQUE INDEX calendar_shared ON calendar (zone, starts) WHERE id <> 1;

ALTER TABLE menu_store ADD COLUMN calendar smallint REFERENCES calendar;

-- The days of each calendar, computed by PostgreSQL alone, so that nobody can disagree about them. They
-- follow each other without a gap; one that a zone skipped has the length 0. The key finds the day of
-- a moment by one probe (business_day). No foreign key: its checks take a fifth of the time of
-- a fill; the triggers on calendar keep both tables in step.
CREATE TABLE calendar_day (
    calendar smallint NOT NULL,
    date     date NOT NULL,
    begins   timestamptz NOT NULL,
    ends     timestamptz NOT NULL CHECK (ends >= begins),
    PRIMARY KEY (calendar, begins, date)
);

-- The offset of a zone from UTC at a moment, in seconds.
CREATE FUNCTION utc_offset(zone text, moment timestamptz) RETURNS integer
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_part('epoch', (moment AT TIME ZONE zone) - (moment AT TIME ZONE 'UTC'))::integer
$$;

-- The days of a zone and a start of day, from one date to another. Day d begins at the first UTC quarter hour whose local wall time
-- is at or after d + starts, and ends where d + 1 begins. "First" is over all time: when a clock goes
-- back, the day that has begun stays. Quarters suffice, since every offset since 2000 is a multiple of
-- them; changes of offset are not (St John's, Gaza and Casey had some at :01).
--
-- No offset reaches 16 hours, so only quarters that near to d + starts (read as UTC) come into question.
-- They are looked at only if the offset changes around them: it is sampled once a day, and no zone
-- has changed twice within two days.
CREATE FUNCTION calendar_days(
    zone text, starts smallint, first date DEFAULT '1999-12-30', last date DEFAULT '2100-01-02'
) RETURNS TABLE (date date, begins timestamptz, ends timestamptz) LANGUAGE sql STABLE AS $$
    WITH wall AS (
        SELECT day::date AS date, day + make_interval(mins => starts) AS start
        FROM generate_series(first::timestamp, last + interval '1 day', interval '1 day') AS day
    ), sampled AS (
        SELECT date, start, start - interval '16 hours' AS earliest,
               (start - interval '16 hours') AT TIME ZONE 'UTC' AT TIME ZONE zone
                   - (start - interval '16 hours') AS utc_offset
        FROM wall
    ), judged AS (
        SELECT date, start, earliest, utc_offset,
               utc_offset = lead(utc_offset, 2) OVER (ORDER BY date)
                   AND date_part('epoch', utc_offset)::integer % 900 = 0 AS steady
        FROM sampled
    ), begun AS (
        SELECT date,
               CASE WHEN steady THEN (start - utc_offset) AT TIME ZONE 'UTC' ELSE (
                   SELECT min(quarter) FROM generate_series(
                       earliest AT TIME ZONE 'UTC', (start + interval '16 hours') AT TIME ZONE 'UTC',
                       interval '15 minutes') AS quarter
                   WHERE quarter AT TIME ZONE zone >= start
               ) END AS begins
        FROM judged
    ), ended AS (
        SELECT date, begins, lead(begins) OVER (ORDER BY date) AS ends FROM begun
    )
    SELECT date, begins, ends FROM ended WHERE ends IS NOT NULL ORDER BY date
$$;

-- Computes the days of a calendar again.
CREATE FUNCTION fill_calendar(id smallint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM calendar_day WHERE calendar_day.calendar = fill_calendar.id;
    INSERT INTO calendar_day (calendar, date, begins, ends)
    SELECT calendar.id, days.date, days.begins, days.ends
    FROM calendar CROSS JOIN calendar_days(calendar.zone, calendar.starts) AS days
    WHERE calendar.id = fill_calendar.id;
$$;

-- The zone's name as PostgreSQL spells it. Refused are rules (ABC+3), files that are no zones of their own
-- (posix/Europe/Berlin, localtime), and the seven names that PostgreSQL takes for an abbreviation: CET
-- has no summer time there. The query find_timezone says the same.
CREATE FUNCTION guard_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    known text := (
        SELECT name FROM pg_timezone_names
        WHERE lower(name) = lower(NEW.zone) AND name ~ '^[A-Z]'
          AND name NOT IN ('CET', 'EET', 'EST', 'HST', 'MET', 'MST', 'WET')
        LIMIT 1
    );
BEGIN
    IF known IS NULL THEN
        RAISE EXCEPTION 'PostgreSQL has no time zone "%"; name a place, such as Europe/Kyiv', NEW.zone
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    NEW.zone := known;
    RETURN NEW;
END $$;
CREATE TRIGGER calendar_guard BEFORE INSERT OR UPDATE OF zone ON calendar
    FOR EACH ROW EXECUTE FUNCTION guard_calendar();

CREATE FUNCTION fill_changed_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'INSERT' THEN
        DELETE FROM calendar_day WHERE calendar = OLD.id;
    END IF;
    IF TG_OP <> 'DELETE' THEN
        PERFORM fill_calendar(NEW.id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER calendar_fill AFTER INSERT OR UPDATE OR DELETE ON calendar
    FOR EACH ROW EXECUTE FUNCTION fill_changed_calendar();

CREATE FUNCTION keep_default_calendar() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'calendar 1 is the default and cannot be removed'
        USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER calendar_keep_default BEFORE DELETE ON calendar
    FOR EACH ROW WHEN (OLD.id = 1) EXECUTE FUNCTION keep_default_calendar();

CREATE TRIGGER calendar_changed AFTER INSERT OR UPDATE OR DELETE ON calendar
    FOR EACH STATEMENT EXECUTE FUNCTION notify_menu();

-- The migrating command says which zone the default calendar has.
INSERT INTO calendar (id, zone, starts)
VALUES (1, coalesce(nullif(current_setting('coffeert.timezone', true), ''), 'UTC'), 0);

-- The business day of a moment; NULL before 1999-12-30 and after 2100-01-02. Of days that begin at the
-- same moment only the last is not empty.
CREATE FUNCTION business_day(calendar smallint, moment timestamptz) RETURNS date
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date FROM (
        SELECT d.date, d.ends FROM calendar_day AS d
        WHERE d.calendar = business_day.calendar AND d.begins <= moment
        ORDER BY d.begins DESC, d.date DESC LIMIT 1
    ) AS latest
    WHERE moment < ends
$$;

-- When the hour on the zone's wall clocks began that holds a quarter hour: the quarter less the minutes
-- since the full hour. (date_trunc keeps the offset of its argument for hours.)
CREATE FUNCTION local_hour(zone text, quarter timestamptz) RETURNS timestamptz
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT date_trunc('hour', quarter, zone)
$$;

-- One row: what holds for all stores. Without a currency (ISO 4217), prices have two decimal places.
CREATE TABLE installation (
    one      boolean PRIMARY KEY DEFAULT true CHECK (one),
    currency text CHECK (currency ~ '^[A-Z]{3}$')
);
INSERT INTO installation DEFAULT VALUES;

-- How many decimal places a currency's amounts have (ISO 4217, list one).
CREATE FUNCTION currency_places(currency text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN currency IN ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX',
                          'UYI', 'VND', 'VUV', 'XAF', 'XOF', 'XPF') THEN 0
        WHEN currency IN ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') THEN 3
        WHEN currency IN ('CLF', 'UYW') THEN 4
        ELSE 2
    END
$$;

-- Amounts are stored in the currency's smallest unit, so with another currency every stored order would
-- mean something else.
CREATE FUNCTION guard_currency() RETURNS trigger LANGUAGE plpgsql SET lock_timeout = '5s' AS $$
BEGIN
    IF NEW.currency IS NOT DISTINCT FROM OLD.currency THEN
        RETURN NEW;
    END IF;
    LOCK TABLE orders IN SHARE MODE;  -- an order that is being stored counts too
    IF NOT EXISTS (SELECT FROM orders) THEN
        RETURN NEW;
    END IF;
    IF OLD.currency IS NOT NULL THEN
        RAISE EXCEPTION 'the currency stays %, since there are orders in it', OLD.currency
            USING ERRCODE = 'restrict_violation';
    END IF;
    IF currency_places(NEW.currency) <> currency_places(OLD.currency) THEN
        RAISE EXCEPTION 'the currency cannot be %, whose amounts have % decimal places: those of the orders so far have %',
            NEW.currency, currency_places(NEW.currency), currency_places(OLD.currency)
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER installation_guard BEFORE UPDATE ON installation
    FOR EACH ROW EXECUTE FUNCTION guard_currency();

CREATE FUNCTION keep_installation() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the row of installation cannot be removed' USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER installation_keep BEFORE DELETE OR TRUNCATE ON installation
    FOR EACH STATEMENT EXECUTE FUNCTION keep_installation();

CREATE TRIGGER installation_changed AFTER UPDATE ON installation
    FOR EACH STATEMENT EXECUTE FUNCTION notify_menu();
