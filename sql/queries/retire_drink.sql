-- Takes a drink off the menu; no row comes back where there is none. $1 code.
UPDATE menu_drink SET active = false WHERE code = $1 RETURNING code
