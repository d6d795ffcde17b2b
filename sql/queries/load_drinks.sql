-- All drinks in the order in which they were added, retired ones too: the past names them.
SELECT code, name, price_cents, active FROM menu_drink ORDER BY added_at, code
