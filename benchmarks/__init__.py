"""How fast the product is, measured beside what nobody can beat with the same reads and writes."""
