"""A short story of each kind of fault, another one every time; the long ones: `python -m tests.chaos`."""

import trio

from tests.chaos.__main__ import told
from tests.chaos.run import QUICK, chaos, live
from tests.chaos.story import DEVICE_FAULTS, STACK_FAULTS, Story


async def test_whatever_fails_readings_are_true_and_all_devices_come_back() -> None:
    account = await live(len(DEVICE_FAULTS) + len(STACK_FAULTS) + 60, None, QUICK)
    print(told(account))
    assert account.wrong == []
    assert account.fairness >= 1 / 3, told(account)


async def test_a_wrong_reading_would_be_noticed() -> None:
    async with chaos(1, QUICK) as run:
        address = next(iter(run._truth))
        await run.inspect()
        assert run.account.wrong == []
        await run.order(do="set", address=address, volts=13.37)
        with trio.fail_after(20):
            while not run.account.wrong:
                await run._judge_new_readings()
                await trio.sleep(0.1)
        assert "13.37" in run.account.wrong[0]


def test_a_seed_tells_the_same_story_again() -> None:
    first, second = (Story(7, ("a", "b", "c"), (0.1, 1.0)).episodes() for _ in range(2))
    assert [next(first) for _ in range(200)] == [next(second) for _ in range(200)]
