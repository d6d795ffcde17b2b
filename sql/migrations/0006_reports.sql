-- What reports need to know beside the orders.

-- Days that are no measure for others, such as holidays.
CREATE TABLE marked_day (
    date date PRIMARY KEY CHECK (date >= '2000-01-01' AND date < '2100-01-01'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80)
);

-- On which day a week starts: 1 (Monday) to 7 (Sunday).
ALTER TABLE installation
    ADD COLUMN week_starts smallint NOT NULL DEFAULT 1 CHECK (week_starts BETWEEN 1 AND 7);
