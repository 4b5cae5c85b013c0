"""Messages to people's phones: written with what they tell, sent afterwards."""
