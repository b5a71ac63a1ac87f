"""The schedule: crawls and jobs that run at their times, each as a process of its own.

What ran, and when it was due, is in the table `schedule_runs`: a scheduler that is started again,
or beside another one, goes by that and by nothing that it would have to remember.
"""
