-- Takes a store off the menu; no row comes back where there is none. $1 code.
UPDATE menu_store SET active = false WHERE code = $1 RETURNING code
