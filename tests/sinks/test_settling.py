"""Whatever is killed whenever: what is settled is on the disk of the place."""

from hypothesis import given, settings
from hypothesis import strategies as st

from hawk.sinks.api import SETTLES
from hawk.sinks.reach import Mark, Reach
from hawk.sinks.settling import MOST_DOUBTS, Settling
from hawk.store.messages import Stream
from tests.sinks.rows import reading

WRITES = 11.0  # [s] until a row is on the disk, as VictoriaMetrics needs it


class Forgetful:
    """A place that loses what it took last when it is killed."""

    def __init__(self) -> None:
        self.now, self.life = 0.0, 1
        self._taken = dict[int, float]()  # when, by seq

    def take(self, first: int, last: int) -> None:
        self._taken.update(dict.fromkeys(range(first, last + 1), self.now))

    def kill(self) -> None:
        self._taken = {seq: at for seq, at in self._taken.items() if at <= self.now - WRITES}
        self.life += 1

    def has_all(self, until: int) -> bool:
        return all(seq in self._taken for seq in range(1, until + 1))


class Delivery:
    def __init__(self) -> None:
        self.place, self.reach = Forgetful(), Reach("here", Stream.READING, 500)
        self.settling = Settling([self.reach], life=1)

    def deliver(self, rows: int) -> None:
        first = self.reach.delivered.seq + 1
        self.place.take(first, first + rows - 1)
        self.reach.advance([reading(first + rows - 2)], 0)
        self.settling.came(self.reach, self.place.now)

    def look(self) -> None:
        self.settling.looked(self.place.life, self.place.now)

    def is_refused(self) -> None:
        """As after a kill that is noticed: it connects anew."""
        self.settling.broke_off()
        self.settling.life = self.place.life


STEPS = st.one_of(
    st.tuples(st.just("deliver"), st.integers(1, 50)),
    st.tuples(st.just("wait"), st.sampled_from((0.5, 3.0, 10.0, 20.0, SETTLES, 40.0))),
    st.tuples(st.sampled_from(("look", "kill", "kill, noticed")), st.just(0)),
)


@settings(max_examples=500)
@given(st.lists(STEPS, max_size=60))
def test_what_is_settled_survives_every_kill(steps: list[tuple[str, float]]) -> None:
    delivery = Delivery()
    place, reach = delivery.place, delivery.reach
    for step, much in steps:
        match step:
            case "deliver":
                delivery.deliver(int(much))
            case "wait":
                place.now += much
            case "look":
                delivery.look()
            case "kill":
                place.kill()
            case "kill, noticed":
                place.kill()
                delivery.is_refused()
        if delivery.settling.doubts < MOST_DOUBTS:
            assert place.has_all(reach.settled.seq)
    place.kill()
    if delivery.settling.doubts < MOST_DOUBTS:
        assert place.has_all(reach.settled.seq)


def test_in_the_end_all_is_settled() -> None:
    delivery = Delivery()
    for _ in range(3):
        delivery.deliver(10)
        delivery.place.kill()
        delivery.look()
        assert delivery.reach.delivered == Mark()
    delivery.deliver(10)
    delivery.look()
    delivery.place.now += SETTLES
    delivery.look()
    assert (delivery.reach.settled, delivery.settling.is_over) == (Mark(10), True)


def test_a_row_is_never_settled_twice_nor_given_up_by_going_back() -> None:
    delivery = Delivery()
    delivery.deliver(10)
    delivery.place.now += SETTLES
    delivery.look()
    delivery.deliver(5)
    delivery.place.kill()
    delivery.look()
    assert (delivery.reach.delivered, delivery.reach.settled) == (Mark(10), Mark(10))
