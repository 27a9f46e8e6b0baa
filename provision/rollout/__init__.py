"""A release to many hosts, the canary first, then batch by batch; it stops at the first failure and goes back.

    python -m provision.rollout inventories/prod.py [resume | return | show]

It types the commands that an operator would (deploy.py, the audit, operate/rollback.py) and reads their answers:
there is no second way to deploy.
"""
