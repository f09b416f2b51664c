"""octoDNS 1.x: as many records, loaded from YAML and planned against an empty target."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

ZONE = "example.com."


def write(folder: Path, count: int) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "empty").mkdir(exist_ok=True)
    (folder / "empty" / f"{ZONE}yaml").write_text("{}\n")
    records = "".join(
        f"e{number:06}:\n  ttl: 300\n  type: TXT\n  values:\n  - team risk\n  - cost-center 4711\n  - owner ada\n"
        "  - region eu\n  - tier gold\n"
        for number in range(count)
    )
    (folder / f"{ZONE}yaml").write_text(f"---\n{records}")


def plan(folder: Path) -> int:
    from octodns.provider.yaml import YamlProvider
    from octodns.zone import Zone

    begin = time.perf_counter()
    source, target = YamlProvider("source", str(folder)), YamlProvider("target", str(folder / "empty"))
    zone = Zone(ZONE, [])
    source.populate(zone)
    made = target.plan(zone)
    count = len(made.changes)
    print(json.dumps({"seconds": time.perf_counter() - begin, "records": count}))
    return count


def main() -> None:
    what, folder, count = sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])
    if what == "write":
        write(folder, count)
        print(json.dumps({"seconds": 0}))
    else:
        assert plan(folder) == count


if __name__ == "__main__":
    main()
