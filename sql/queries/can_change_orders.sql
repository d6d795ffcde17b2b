-- Whether a role could change or delete orders all the same: it owns the table (so it could drop the
-- trigger that forbids it), is a superuser, or has the right by way of another role. $1 role.
SELECT rolsuper
    OR pg_has_role(rolname, (SELECT relowner FROM pg_class WHERE oid = 'orders'::regclass), 'USAGE')
    OR has_table_privilege(rolname, 'orders', 'UPDATE, DELETE, TRUNCATE')
FROM pg_roles WHERE rolname = $1
