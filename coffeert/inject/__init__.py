"""The injector: generated orders and orders from files, sent to a running server in an open loop."""

from coffeert.inject.generator import ArrivalPlan, arrival_plan, generated_chunks, run_name
from coffeert.inject.injector import Injector, Target, inject
from coffeert.inject.profiles import PROFILES, Profile, profiles_named
from coffeert.inject.report import InjectionReport, LineError, OutcomeRecorder
from coffeert.inject.take_back import TakenBack, take_back

__all__ = [
    "PROFILES",
    "ArrivalPlan",
    "InjectionReport",
    "Injector",
    "LineError",
    "OutcomeRecorder",
    "Profile",
    "TakenBack",
    "Target",
    "arrival_plan",
    "generated_chunks",
    "inject",
    "profiles_named",
    "run_name",
    "take_back",
]
