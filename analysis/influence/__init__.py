"""Likeness in time: which later works are nearer to which earlier ones than chance makes them.

This is no proof of influence. It says that works of one group look more like those of an earlier
group than labels dealt at random would have it; who saw what, a picture does not tell.
"""
