"""What is known of a date beforehand and helps to forecast: calendar, long seasons, columns."""
