"""Wing 1: what channels are there, and how are they used?"""
