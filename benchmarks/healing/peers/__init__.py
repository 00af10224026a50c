"""Prompt optimisers of others, where they are installed (`requirements/peers.in`)."""

import importlib.util

from benchmarks.healing.peers.copro_peer import CoproPeer
from benchmarks.healing.peers.gepa_peer import GepaPeer
from benchmarks.healing.peers.task import Peer


def available_peers() -> list[Peer]:
    """List the peers whose package is installed; none is imported before it is used."""
    return [
        peer
        for peer in (GepaPeer(), CoproPeer())
        if importlib.util.find_spec(peer.package) is not None
    ]
