"""What is stored of people: how they are named, and what is left of a row without their texts."""
