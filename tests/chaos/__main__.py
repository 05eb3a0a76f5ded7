"""`python -m tests.chaos [--episodes N] [--seed S] [--real]`."""

import argparse
import logging
import sys
from functools import partial

import trio

from tests.chaos.run import QUICK, REAL, Account, live


def told(account: Account) -> str:
    first, last = account.resident[len(account.resident) // 5], account.resident[-1]
    lines = [
        f"seed {account.seed}: {account.count:,} episodes in {account.seconds:,.0f} s, {account.inspections} inspections",
        f"{account.readings:,} readings, {len(account.wrong)} things wrong",
        f"polls: {dict(account.outcomes)}",
        f"all devices read again after at most {account.longest_heal:.1f} s",
        f"steady devices: the least read one {account.fairness:.0%} of the most read one",
        f"rungs: {account.rungs}",
        f"resident {first:.1f} MiB after a fifth, {last:.1f} MiB at the end",
        *(f"  {count:6,} {name}" for name, count in account.episodes.most_common()),
        *account.wrong[:10],
    ]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--episodes", type=int, default=300)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--real", action="store_true", help="the policies as they are: slow")
    parser.add_argument("--log", default="CRITICAL")
    options = parser.parse_args()
    logging.basicConfig(level=options.log, format="%(asctime)s %(name)s %(message)s")
    account = trio.run(partial(live, options.episodes, options.seed, REAL if options.real else QUICK))
    print(told(account))
    sys.exit(bool(account.wrong))


if __name__ == "__main__":
    main()
