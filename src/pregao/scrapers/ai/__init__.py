"""What the scrapers that ask language models share: the prompt, the budget, the prices, and the shape of an answer."""
