"""What happens in the demo reaches client libraries (npm), each over the protocol that it speaks, within seconds."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.examples.demo import running_demo
from tests.wire.shop import Outcomes, Shop, run

pytestmark = pytest.mark.timeout(300)  # the packages may have to be installed


@pytest.fixture(scope="module")
def heard(scripts: Path, shop: Shop) -> Outcomes:
    with running_demo() as demo:
        subscriptions = "\n".join(demo.subscriptions)
        return run("happenings.mjs", scripts, shop, demo=demo.url, token=demo.token, subscriptions=subscriptions)


@pytest.mark.parametrize("client", ["eventStreams", "sockets", "apolloMultipart", "apolloSocket", "graphiql"])
def test_each_of_the_demos_subscriptions_tells_of_something(heard: Outcomes, client: str) -> None:
    parcel, stock, order = heard[client]
    assert parcel["data"]["shipmentUpdated"]["trackingNumber"] == "WX00000001"
    assert stock["data"]["stockChanged"]["available"] >= 0
    assert order["data"]["orderStatusChanged"]["status"] in ("PLACED", "PAID", "SHIPPED")
    assert not any("errors" in payload for payload in (parcel, stock, order))
