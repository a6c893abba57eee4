"""Wing 2: what should remain?"""
