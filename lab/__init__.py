"""Disposable hosts on this machine: real systemd, sshd and packet filter in a container, ready in about 2 s.

From a shell, see `python -m lab --help`. From a test:

    from lab import hosts, network

    host = hosts.up("l-one", suite="bookworm", shape="cloud", group="harvest_nginx", settings={"sshd_port": 2222})
    host.ssh("uptime").stdout                  # as whoever can log in: the admin once there is one
    host.ssh("id", user="root", check=False)   # as somebody else; a CompletedProcess, never an exception
    host.ssh("id", password="...")             # without the key
    host.ssh("id", options=[f"BindAddress={network.other_address()}"])     # from another address
    host.exec("ufw status")                    # as root, not through SSH: works when SSH is shut
    host.reboot()                              # returns when SSH answers again
    host.record.settings, host.fqdn, host.address, host.address6, host.root, host.console
    host.down()                                # without a trace; down(keep=True) powers off, up() boots it again

`up` of a host that runs returns it at once; `fresh=True` rebuilds it. Hosts may be brought up in parallel, from
threads or processes. A lab belongs to a directory (`LAB_DIR`, default `.lab` in the checkout): another directory is
another lab, with its own bridge and hosts. Consumers read `.lab/hosts/NAME/host.json`.

Ubuntu's suites need the keys of its archive (`--keyring` or `LAB_KEYRING`; Debian 13 packages them as ubuntu-keyring,
Ubuntu has them), and a mirror (`--mirror` or `LAB_MIRROR`) where the one that mmdebstrap knows is out of reach.

Everything that can go wrong for a reason one can act on is a `lab.errors.LabError`.
"""
