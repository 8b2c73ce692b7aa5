"""What is kept for those who watch the program: boards, made by code; alert rules and examples, written by hand."""
