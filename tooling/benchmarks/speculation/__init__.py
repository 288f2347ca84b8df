"""What routing costs: one server, several doors to the same engines, the same questions at each door by turns."""
