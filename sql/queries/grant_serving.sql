-- Lets a role run `coffeert serve` and `coffeert aggregate`, and nothing more: it reads everything, adds
-- orders, and keeps the rollups; it cannot change or delete an order. The role is the setting
-- coffeert.serving_role of the transaction, since a name cannot be a parameter here.
DO $$
DECLARE
    serving text := quote_ident(current_setting('coffeert.serving_role'));
BEGIN
    EXECUTE 'REVOKE ALL ON ALL TABLES IN SCHEMA public FROM ' || serving;
    EXECUTE 'GRANT USAGE ON SCHEMA public TO ' || serving;
    EXECUTE 'GRANT SELECT ON ALL TABLES IN SCHEMA public TO ' || serving;
    EXECUTE 'GRANT INSERT ON orders, uncounted_order TO ' || serving;
    EXECUTE 'GRANT INSERT, UPDATE ON rollup_minute, rollup_quarter, rollup_day TO ' || serving;
    EXECUTE 'GRANT UPDATE ON aggregator_state TO ' || serving;
END $$
