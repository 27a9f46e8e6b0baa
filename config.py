"""pyinfra reads this file first, before inventory and deploy.py: what is wrong with the command line is said here."""

from provision.pyinfra_bridge.command_line import check

check()
