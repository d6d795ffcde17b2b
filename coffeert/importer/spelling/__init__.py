"""How people write numbers, days, times, zones, currencies and the absence of a value."""
