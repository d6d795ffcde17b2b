-- Which migrations the database has had, to compare with the files.
SELECT name, sha256 FROM coffeert_migrations ORDER BY name
