-- Puts a drink on the menu, a retired one again, or gives it a new price. $1 code, $2 name, $3 cents.
INSERT INTO menu_drink (code, name, price_cents) VALUES ($1, $2, $3)
ON CONFLICT (code) DO UPDATE
    SET name = excluded.name, price_cents = excluded.price_cents, active = true
