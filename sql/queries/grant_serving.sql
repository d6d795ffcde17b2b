-- Lets a role run `coffeert serve` and `coffeert aggregate`, and nothing more: it reads everything, adds
-- orders, and keeps the rollups; it cannot change or delete an order. Nor can it choose the transaction id
-- of one: passes would count such a row again and again, or never. The role is the setting
-- coffeert.serving_role of the transaction, since a name cannot be a parameter here.
DO $$
DECLARE
    serving text := quote_ident(current_setting('coffeert.serving_role'));
    columns text := (
        SELECT string_agg(quote_ident(attname), ', ')
        FROM pg_attribute
        WHERE attrelid = 'orders'::regclass
          AND attnum > 0 AND NOT attisdropped AND attname <> 'xid'
    );
BEGIN
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ' || serving;
    EXECUTE 'GRANT USAGE ON SCHEMA public TO ' || serving;
    EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO ' || serving;
    EXECUTE 'GRANT INSERT (' || columns || ') ON orders TO ' || serving;
    EXECUTE 'GRANT INSERT ON uncountable_order, closing, closing_span, closing_store, closing_line TO '
        || serving;
    EXECUTE 'GRANT INSERT, UPDATE ON rollup_quarter, rollup_day TO ' || serving;
    EXECUTE 'GRANT INSERT, UPDATE, DELETE ON rollup_minute, sealed_day, activity TO ' || serving;
    EXECUTE 'GRANT INSERT ON activity_source TO ' || serving;
    EXECUTE 'GRANT UPDATE ON aggregator_state, feed_state TO ' || serving;
    EXECUTE 'GRANT INSERT, UPDATE ON feed_lineage TO ' || serving;
    EXECUTE 'GRANT INSERT, DELETE ON feed_tick TO ' || serving;
    EXECUTE 'GRANT INSERT, UPDATE ON forward_target TO ' || serving;
    EXECUTE 'GRANT INSERT, UPDATE, DELETE ON forward_refusal TO ' || serving;
END $$
