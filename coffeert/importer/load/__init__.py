"""Sales -> orders: the look before, the keys, storing and taking back."""
