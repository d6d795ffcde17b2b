-- Enters a migration in the transaction that applies it. $1 name, $2 hash of the file.
INSERT INTO coffeert_migrations (name, sha256) VALUES ($1, $2)
