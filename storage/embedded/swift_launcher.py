"""Run one server of OpenStack Swift, or write its rings: `swift_launcher.py FOLDER SERVER`.

Executed by the system's Python, which has Swift from Debian's packages: it may import nothing of
ours. Debian's own programs for the servers come in packages that also start daemons; they do no
more than this.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

# 16 partitions on one device, which never moves a partition: enough for any one machine.
PARTITION_POWER = 4


def write_rings(folder: Path) -> None:
    """Write where accounts, containers and objects live: all on one device, at our ports."""
    builder_class = importlib.import_module("swift.common.ring").RingBuilder
    for server, port in json.loads((folder / "ports.json").read_text()).items():
        builder = builder_class(PARTITION_POWER, replicas=1, min_part_hours=0)
        place = {"ip": "127.0.0.1", "port": port}
        builder.add_dev(
            {
                "region": 1,
                "zone": 1,
                "device": "d1",
                "weight": 1.0,
                "replication_ip": place["ip"],
                "replication_port": place["port"],
                "meta": "",
                **place,
            }
        )
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{server}.ring.gz"))


def main() -> None:
    """Do what the command line says."""
    folder, server = Path(sys.argv[1]), sys.argv[2]
    # Read from here before anything that depends on it is imported; the default is in /etc.
    utils: Any = importlib.import_module("swift.common.utils")
    utils.SWIFT_CONF_FILE = str(folder / "swift.conf")
    if server == "rings":
        write_rings(folder)
        return
    wsgi = importlib.import_module("swift.common.wsgi")
    keywords = {}
    if server == "object":
        # The limits that this server shares among its workers are prepared before it is loaded.
        prepare = importlib.import_module("swift.obj.server").global_conf_callback
        keywords = {"global_conf_callback": prepare}
    configuration = str(folder / f"{server}.conf")
    sys.exit(wsgi.run_wsgi(configuration, f"{server}-server", verbose=True, **keywords))


if __name__ == "__main__":
    main()
