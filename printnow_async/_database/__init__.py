"""What everything that keeps its state in SQL shares."""
