-- Puts a store on the menu, a retired one again. $1 code, $2 name.
INSERT INTO menu_store (code, name) VALUES ($1, $2)
ON CONFLICT (code) DO UPDATE SET name = excluded.name, active = true
