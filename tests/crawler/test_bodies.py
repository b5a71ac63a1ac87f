from __future__ import annotations

import asyncio

from crawler.bodies import Bodies


async def receive(bodies: Bodies, pieces: int, size: int, seen: list[int]) -> None:
    """Receive a body piece by piece; note what all bodies have together after each."""
    with bodies.body() as body:
        for _ in range(pieces):
            await body.grow(size)
            seen.append(sum(one.size for one in bodies._growing))
            await asyncio.sleep(0)


def test_bodies_grow_side_by_side_up_to_the_limit() -> None:
    seen: list[int] = []

    async def scenario() -> None:
        bodies = Bodies(100, lambda: 0)
        await asyncio.gather(*(receive(bodies, 10, 10, seen) for _ in range(8)))
        assert not bodies._growing

    asyncio.run(scenario())
    assert len(seen) == 80
    # Beyond the limit there is the oldest, of 100, and of the others one piece each.
    assert 100 < max(seen) <= 100 + 100 + 7 * 10


def test_the_oldest_goes_on_though_there_is_no_room() -> None:
    async def scenario() -> None:
        bodies = Bodies(100, lambda: 1_000)
        await asyncio.wait_for(receive(bodies, 50, 10, []), 30)

    asyncio.run(scenario())


def test_what_waits_goes_on_when_the_pipelines_are_done() -> None:
    held = [1_000]
    seen: list[int] = []

    async def scenario() -> None:
        bodies = Bodies(100, lambda: held[0])
        with bodies.body():
            waiting = asyncio.ensure_future(receive(bodies, 3, 10, seen))
            await asyncio.sleep(0)
            assert not seen
            held[0] = 0
            await asyncio.wait_for(waiting, 30)

    asyncio.run(scenario())
    assert seen == [10, 20, 30]
