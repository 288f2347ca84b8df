"""The actors: one per connection, one per engine, one for the router; they share nothing but messages."""
