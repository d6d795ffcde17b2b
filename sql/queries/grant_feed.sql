-- Lets a role read the change feed in SQL, here or on a standby, and nothing else: ticks, parts, and the
-- orders that these are made of. The role is the setting coffeert.feed_role of the transaction, since a name
-- cannot be a parameter here.
DO $$
DECLARE
    reading text := quote_ident(current_setting('coffeert.feed_role'));
BEGIN
    EXECUTE 'GRANT USAGE ON SCHEMA public TO ' || reading;
    EXECUTE 'GRANT SELECT ON orders, feed_tick, feed_lineage TO ' || reading;
END $$
