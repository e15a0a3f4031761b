"""The story, one file per stage: project, lock, render, base_image, build, train; and doctor.

Each arrow is one function: it takes the previous stage's value, returns the next, and writes one
thing. No stage knows the terminal.
"""
