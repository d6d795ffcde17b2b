-- Ends what allow_adoption began.
ALTER TABLE orders ENABLE TRIGGER orders_append_only
