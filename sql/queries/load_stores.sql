-- All stores in the order in which they were added, retired ones too: the past names them.
SELECT code, name, active FROM menu_store ORDER BY added_at, code
