"""The same job by other systems: `coffeert lab rivals`.

The job: orders go in, one a message; out come totals by store and drink for each minute, hour and day, and
one reader watches the number of orders counted. Each rival has a file, and a program below `programs/`.
"""
