"""Looks for what on this machine could be connected, and keeps it for the page of connections."""

from __future__ import annotations

import json
import logging
from hashlib import sha256

from deployments.models import ConnectionOffer
from deployments.runtimes.base import Offer
from deployments.runtimes.kind import Driver
from deployments.runtimes.registry import drivers

logger = logging.getLogger(__name__)


def look_for_offers() -> None:
    """Ask each kind of runtime what answers at the usual places; write only what differs.

    What does not answer any more is not offered any more. What somebody has dismissed stays dismissed for as long as
    it answers.
    """
    stored = {(offer.kind, offer.digest): offer for offer in ConnectionOffer.objects.all()}
    offers_by_key = {
        (driver.kind, _digest(offer)): (driver, offer) for driver in drivers() for offer in driver.offers()
    }
    for key in offers_by_key.keys() - stored.keys():
        _store(*offers_by_key[key], digest=key[1])
    for key in offers_by_key.keys() & stored.keys():
        if stored[key].message != offers_by_key[key][1].message:  # another version, e.g. after an upgrade
            ConnectionOffer.objects.filter(pk=stored[key].pk).update(message=offers_by_key[key][1].message)
    if obsolete := [stored[key].pk for key in stored.keys() - offers_by_key.keys()]:
        ConnectionOffer.objects.filter(pk__in=obsolete).delete()


def _store(driver: Driver, offer: Offer, *, digest: str) -> None:
    ConnectionOffer.objects.update_or_create(
        kind=driver.kind,
        digest=digest,
        defaults={"name": offer.name, "options": dict(offer.options), "message": offer.message},
    )
    logger.info("A connection of the kind %s could be added: %s", driver.kind, driver.address(offer.options))


def _digest(offer: Offer) -> str:
    return sha256(json.dumps(dict(offer.options), sort_keys=True).encode()).hexdigest()
