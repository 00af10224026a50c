"""What keeps one part going while another fails: breakers, deadlines, limits."""
