"""What a user would write instead: the same end state with the official client. `official.py URL COUNT STACK`."""

from __future__ import annotations

import sys

from tests.bench.stacks import TAGS


def main() -> None:
    url, count, stack = sys.argv[1], int(sys.argv[2]), sys.argv[3]
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=url)
    wanted = {f"/{stack}/team-{number % 7}/experiment-{number}": TAGS for number in range(count)}
    there, token = {}, None
    while True:
        page = client.search_experiments(max_results=1000, page_token=token)
        there |= {one.name: one for one in page}
        token = page.token
        if not token:
            break
    for name, tags in wanted.items():
        found = there.get(name)
        ident = found.experiment_id if found else client.create_experiment(name)
        for key, value in tags.items():
            if not found or found.tags.get(key) != value:
                client.set_experiment_tag(ident, key, value)


if __name__ == "__main__":
    main()
