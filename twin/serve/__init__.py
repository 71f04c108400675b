"""What a town shows at a participation event: the city in the browser, what-if, comments, votes, live sensors."""
