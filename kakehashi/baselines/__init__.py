"""Other recognizers than ours, trained on the same sentences and scored the same way."""
