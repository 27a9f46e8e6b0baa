"""pyinfra reads this file first, before inventory and deploy.py: what is wrong with the command line is said here."""

# Imported, it would be taken for an overlay of HARVEST's own settings, which it is not.
if __name__ != "config":
    from provision.pyinfra_bridge.command_line import check

    check()
