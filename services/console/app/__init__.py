"""The console: `main` wires, `pages` show, `queries` read, `web` is what all pages share."""
