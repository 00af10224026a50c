"""What all pages share: who looks, in which language, how a page is rendered."""
