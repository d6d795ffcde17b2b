-- For this session: the server itself ends it where its client has frozen, which sets free the locks
-- it holds. $1 how long it may be silent, such as 5000ms.
SELECT set_config('idle_session_timeout', $1, false),
       set_config('idle_in_transaction_session_timeout', $1, false)
