"""What is ordered, paid, shipped, delivered and returned."""
