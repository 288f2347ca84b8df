"""What a quantised export costs and gives: made, served by ours, and compared with the model it was made of."""

__all__: list[str] = []
