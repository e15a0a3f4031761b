"""From raw transactions to a series: one line a transaction in, one line a day out."""
