"""`Offer`: what a server takes from each client, as its application says or, over that, the environment."""

from __future__ import annotations

import os
from dataclasses import dataclass

from graph.errors import GraphError
from graph.settings import Positive, Seconds, SettingsError, faults_of, overridden


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a server takes from each client; these are arguments of `App`."""

    max_body_bytes: int
    max_batch: int
    compression: bool
    max_upload_bytes: int
    max_uploads: int
    graphiql: bool | None
    max_sockets: int
    max_operations_per_socket: int
    max_messages_per_s: Positive
    init_timeout: Seconds
    ping_interval: Seconds | None

    def settled(self) -> Offer:
        """Give it as the environment wants it.

        Raises:
            GraphError: a setting has a value that it cannot have; it lists all of them.
        """
        faults = [f"App: {fault}" for fault in faults_of(self)]
        settled = self
        try:
            settled = overridden(self, os.environ)
        except SettingsError as exc:
            faults += exc.faults
        if faults:
            raise GraphError(faults)
        return settled
