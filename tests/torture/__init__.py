"""The system under faults: a recorded history, a nemesis, and a checker that forgives nothing."""
