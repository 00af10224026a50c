"""The console: a page is `pages/X` -> `queries/X` -> `templates/X`; `web` is what all share."""
