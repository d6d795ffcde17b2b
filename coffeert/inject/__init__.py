"""The injector: scripted and recorded orders, sent to a running server in an open loop."""

from coffeert.inject.injector import Injector
from coffeert.inject.profile import PROFILES, Profile, profiles_named
from coffeert.inject.report import Latency, LineError, OutcomeRecorder, Report
from coffeert.inject.schedule import ArrivalPlan, plan
from coffeert.inject.session import Target, inject, scenario_shots

__all__ = [
    "PROFILES",
    "ArrivalPlan",
    "Injector",
    "Latency",
    "LineError",
    "OutcomeRecorder",
    "Profile",
    "Report",
    "Target",
    "inject",
    "plan",
    "profiles_named",
    "scenario_shots",
]
