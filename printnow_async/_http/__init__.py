"""The engine room: one HTTP call done well. Nothing in here knows what a customer is."""
