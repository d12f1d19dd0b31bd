"""Who may come in, and as whom.

Of secrets only hashes are kept. A login, however it was made, ends at once when its user is disabled or expires.
"""
